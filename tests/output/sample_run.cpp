// Writes the files of a made-up run into the directory named: something to open for the tests.
#include <cstdio>

#include "output/sample_result.hpp"
#include "softmaxflow/error.hpp"

int main(int argc, char** argv) {
    using namespace softmaxflow;
    if (argc != 2) {
        std::fprintf(stderr, "usage: sample_run DIR\n");
        return static_cast<int>(Exit::usage);
    }
    try {
        std::filesystem::create_directories(argv[1]);
        const testing_support::Sample sample = testing_support::sample();
        write_run(argv[1], sample.problem, sample.result, sample.info, sample.timing);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sample_run: %s\n", error.what());
        return static_cast<int>(Exit::file);
    }
}
