// The shipped examples.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "config/config_file.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

/// Where examples may lie: beside an executable that was moved or installed, where the libraries
/// were installed, or in the source tree.
std::vector<fs::path> example_folders() {
    std::vector<fs::path> folders;
    std::error_code error;
    const fs::path executable = fs::read_symlink("/proc/self/exe", error);
    if (!error)
        for (const char* way : {"examples", "../share/softmaxflow/examples", "../examples"})
            folders.push_back((executable.parent_path() / way).lexically_normal());
    folders.emplace_back(SOFTMAXFLOW_EXAMPLES);
    return folders;
}

/// Examples of `check` have a folder of their own, which is part of their names.
constexpr const char* claims_folder = "claims/";

}  // namespace

std::vector<std::string> example_names() {
    std::vector<std::string> names;
    for (const fs::path& folder : example_folders()) {
        std::error_code error;
        for (const char* part : {"", claims_folder})
            for (const auto& entry : fs::directory_iterator(folder / part, error))
                if (entry.path().extension() == ".toml")
                    names.push_back(part + entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::string find_config(const std::string& config) {
    std::error_code error;
    if (fs::is_regular_file(config, error)) return config;
    const bool of_claims = config.starts_with(claims_folder);
    const bool is_name =
        (of_claims || config.find('/') == std::string::npos) && !config.ends_with(".toml");
    if (!is_name || config.empty()) return config;  // reading it will say what is wrong
    for (const fs::path& folder : example_folders())
        if (const fs::path path = folder / (config + ".toml"); fs::is_regular_file(path, error))
            return path.string();
    if (fs::exists(config, error)) return config;
    const std::vector<std::string> names = example_names();
    const std::string near = nearest(config, names);
    throw Error(Exit::usage,
                fmt::format("CONFIG {}: neither a file nor a shipped example; {}", config,
                            near.empty() ? fmt::format("examples: {}", fmt::join(names, ", "))
                                         : fmt::format("did you mean `{}`?", near)));
}

}  // namespace softmaxflow
