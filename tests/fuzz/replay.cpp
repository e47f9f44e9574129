// replay TARGET DIRECTORY: every file of a corpus through a target of targets.hpp. A finding ends
// the program while the name of the file is the last that it printed.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <vector>

#include "targets.hpp"

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    using namespace softmaxflow::fuzz;
    const std::map<std::string, void (*)(Bytes)> targets = {
        {"config", config}, {"starts", starts}, {"objective", objective}};
    if (argc != 3 || !targets.contains(argv[1])) {
        std::cerr << "usage: replay config|starts|objective DIRECTORY\n";
        return 2;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(argv[2])) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& path : files) {
        std::cout << path.filename().string() << std::endl;
        std::ifstream file(path, std::ios::binary);
        const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
        targets.at(argv[1])(
            {reinterpret_cast<const unsigned char*>(content.data()), content.size()});
    }
    if (files.empty()) std::cerr << argv[2] << ": no files\n";
    return files.empty() ? 1 : 0;
}
