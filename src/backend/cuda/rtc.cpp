#include "backend/cuda/rtc.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nvrtc.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "backend/cuda/device.hpp"
#include "backend/cuda/images.hpp"
#include "backend/cuda/sizes.hpp"
#include "kernels/batch.hpp"

namespace softmaxflow::cuda {
namespace {

namespace fs = std::filesystem;

/// Where NVRTC may lie besides the linker's folders: in a toolkit, or among Python's packages.
std::vector<std::string> candidates() {
    std::vector<std::string> names = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
    const auto add_folder = [&](const fs::path& folder) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(folder, error))
            if (const std::string name = entry.path().filename();
                name.starts_with("libnvrtc.so") && name.find("alt") == std::string::npos)
                names.push_back(entry.path());
    };
    for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
        if (const char* home = std::getenv(variable)) add_folder(fs::path(home) / "lib64");
    add_folder("/usr/local/cuda/lib64");
    // nvidia/<component>/lib of every environment of Python that the shell knows.
    std::vector<fs::path> roots = {"/usr/lib", "/usr/local/lib"};
    for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"})
        if (const char* root = std::getenv(variable)) roots.push_back(fs::path(root) / "lib");
    std::error_code error;
    if (const char* path = std::getenv("PATH")) {
        std::string rest = path;
        for (std::size_t end = 0; !rest.empty(); rest.erase(0, end + 1)) {
            end = std::min(rest.find(':'), rest.size());
            if (const fs::path bin = rest.substr(0, end); fs::exists(bin / "python3", error))
                roots.push_back(bin.parent_path() / "lib");
            if (end == rest.size()) break;
        }
    }
    for (const fs::path& root : roots)
        for (const auto& python : fs::directory_iterator(root, error)) {
            if (!python.path().filename().string().starts_with("python")) continue;
            for (const char* packages : {"site-packages", "dist-packages"})
                for (const auto& part :
                     fs::directory_iterator(python.path() / packages / "nvidia", error))
                    add_folder(part.path() / "lib");
        }
    return names;
}

struct Nvrtc {
    template <class Function>
    struct Call {
        const char* name;
        Function* function = nullptr;
    };
#define SOFTMAXFLOW_CALL(member, function) \
    Call<decltype(function)> member { #function }  // NOLINT(bugprone-macro-parentheses): a name
    SOFTMAXFLOW_CALL(version, nvrtcVersion);
    SOFTMAXFLOW_CALL(create, nvrtcCreateProgram);
    SOFTMAXFLOW_CALL(destroy, nvrtcDestroyProgram);
    SOFTMAXFLOW_CALL(compile, nvrtcCompileProgram);
    SOFTMAXFLOW_CALL(log_size, nvrtcGetProgramLogSize);
    SOFTMAXFLOW_CALL(log, nvrtcGetProgramLog);
    SOFTMAXFLOW_CALL(image_size, nvrtcGetCUBINSize);
    SOFTMAXFLOW_CALL(image, nvrtcGetCUBIN);
    SOFTMAXFLOW_CALL(describe, nvrtcGetErrorString);
#undef SOFTMAXFLOW_CALL
    std::string reason;
    int major = 0, minor = 0;

    Nvrtc() {
        void* library = nullptr;
        for (const std::string& name : candidates())
            if ((library = dlopen(name.c_str(), RTLD_NOW)) != nullptr) break;
        if (library == nullptr) {
            reason =
                "libnvrtc.so was found neither by the linker nor under CUDA_HOME, "
                "/usr/local/cuda or Python's site-packages/nvidia";
            return;
        }
        const auto find = [&]<class F>(Call<F>& call) {
            call.function = reinterpret_cast<F*>(dlsym(library, call.name));
            if (call.function == nullptr) reason = fmt::format("libnvrtc.so lacks {}", call.name);
        };
        find(version), find(create), find(destroy), find(compile), find(log_size), find(log);
        find(image_size), find(image), find(describe);
        if (reason.empty()) (*this)(version, &major, &minor);
    }

    template <class Function, class... Arguments>
    void operator()(const Call<Function>& call, Arguments... arguments) const {
        if (const nvrtcResult result = call.function(arguments...); result != NVRTC_SUCCESS)
            throw DeviceError(fmt::format("{}: {}", call.name, describe.function(result)));
    }
};

const Nvrtc& nvrtc() {
    static const Nvrtc library;
    return library;
}

/// Strict numerics: the source says where multiply-adds are. Fast, in f64: the compiler chooses
/// them, and one lane carries exponentials from step to step
/// (model/dynamics/carried_exponentials.hpp), by a rule that would have several disagree. Fast, in
/// f32: what the hardware approximates.
std::vector<std::string> numerics_of(const Specialisation& specialisation) {
    if (!specialisation.fast) return {"--fmad=false"};
    if (specialisation.real == "float") return {"--use_fast_math", "-DSOFTMAXFLOW_APPROXIMATE"};
    if (specialisation.lanes > 1) return {"--fmad=true"};
    return {"--fmad=true", "-DSOFTMAXFLOW_CARRIED"};
}

std::vector<std::string> options_of(const Specialisation& specialisation, int architecture) {
    std::vector<std::string> options = numerics_of(specialisation);
    const std::vector<std::string> others = {
        "--std=c++20",
        fmt::format("--gpu-architecture=sm_{}", architecture),
        "--no-source-include",
        "--device-as-default-execution-space",
        "-DSOFTMAXFLOW_MAP=" + specialisation.map,
        "-DSOFTMAXFLOW_LOSS=" + specialisation.loss,
        "-DSOFTMAXFLOW_METHOD=" + specialisation.method,
        "-DSOFTMAXFLOW_REAL=" + specialisation.real,
        fmt::format("-DSOFTMAXFLOW_TOKENS={}", specialisation.tokens),
        fmt::format("-DSOFTMAXFLOW_OUTPUTS={}", specialisation.outputs),
        fmt::format("-DSOFTMAXFLOW_LANES={}", specialisation.lanes),
        fmt::format("-DSOFTMAXFLOW_THREADS={}", specialisation.threads),
        fmt::format("-DSOFTMAXFLOW_BLOCKS={}", specialisation.blocks),
        fmt::format("-DSOFTMAXFLOW_REPLICA_BYTES={}",
                    replica_bytes(specialisation.real, specialisation.flow)),
        fmt::format("-DSOFTMAXFLOW_BATCH_BYTES={}", sizeof(kernels::Batch))};
    options.insert(options.end(), others.begin(), others.end());
    return options;
}

/// An open program of NVRTC.
struct Program {
    nvrtcProgram handle = nullptr;
    explicit Program(const std::string& file) {
        std::vector<const char*> names, texts;
        const char* main = nullptr;
        for (const Source& source : sources()) {
            if (file == source.name) main = source.text;
            names.push_back(source.name);
            texts.push_back(source.text);
        }
        nvrtc()(nvrtc().create, &handle, main, file.c_str(), static_cast<int>(names.size()),
                texts.data(), names.data());
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() { nvrtc().destroy.function(&handle); }

    [[nodiscard]] std::string log() const {
        std::size_t size = 0;
        nvrtc()(nvrtc().log_size, handle, &size);
        std::string text(size, '\0');
        nvrtc()(nvrtc().log, handle, text.data());
        return text;
    }
};

/// A cubin. Throws DeviceError with the compiler's messages.
std::vector<char> compile_file(const std::string& file, const std::vector<std::string>& options) {
    if (const auto reason = why_no_compiler()) throw DeviceError(*reason);
    const Program program(file);
    std::vector<const char*> pointers;
    for (const std::string& option : options) pointers.push_back(option.c_str());
    const nvrtcResult result = nvrtc().compile.function(
        program.handle, static_cast<int>(pointers.size()), pointers.data());
    if (result != NVRTC_SUCCESS)
        throw DeviceError(fmt::format("{} does not compile ({}): {}\n{}", file,
                                      nvrtc().describe.function(result), fmt::join(options, " "),
                                      program.log()));
    std::size_t size = 0;
    nvrtc()(nvrtc().image_size, program.handle, &size);
    std::vector<char> image(size);
    nvrtc()(nvrtc().image, program.handle, image.data());
    return image;
}

}  // namespace

std::optional<std::string> why_no_compiler() {
    if (nvrtc().reason.empty()) return std::nullopt;
    return nvrtc().reason;
}

std::vector<char> compile(const Specialisation& specialisation, int architecture) {
    return compile_file(fmt::format("kernels/{}.cu", kernel_name(specialisation)),
                        options_of(specialisation, architecture));
}

std::vector<char> compile_rates(int architecture) {
    return compile_file("throughput/pipe_kernels.cu",
                        {"--std=c++20", fmt::format("--gpu-architecture=sm_{}", architecture),
                         "--device-as-default-execution-space"});
}

std::vector<char> compiled(const Specialisation& specialisation, int architecture,
                           const KernelCache& cache) {
    if (const auto reason = why_no_compiler()) throw DeviceError(*reason);
    std::string key = fmt::format("NVRTC {}.{}\n{} {}\n", nvrtc().major, nvrtc().minor,
                                  kernel_name(specialisation),
                                  fmt::join(options_of(specialisation, architecture), " "));
    for (const Source& source : sources()) key += std::string(source.name) + "\n" + source.text;
    if (auto image = cache.find(key)) return *image;
    std::vector<char> image = compile(specialisation, architecture);
    cache.keep(key, image);
    return image;
}

}  // namespace softmaxflow::cuda
