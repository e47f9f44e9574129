/// nvrtc INCLUDE_DIR SOURCE: the model compiles for the device with NVRTC from memory alone,
/// without an include path. NVRTC is opened at run time; exit status 77 (skipped) where it is
/// absent.

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

// The part of nvrtc.h in use; its interface has been stable since CUDA 7.
using Program = struct NvrtcProgram*;

class Nvrtc {
public:
    explicit Nvrtc(const char* name) : library_(dlopen(name, RTLD_NOW)) {}
    [[nodiscard]] bool open() const { return library_ != nullptr; }

    template <class... Arguments>
    void call(const char* function, Arguments... arguments) const {
        if (const int status = call_status(function, arguments...); status != 0) {
            std::fprintf(stderr, "%s failed with status %d\n", function, status);
            std::exit(1);
        }
    }

    template <class... Arguments>
    int call_status(const char* function, Arguments... arguments) const {
        auto* symbol = reinterpret_cast<int (*)(Arguments...)>(dlsym(library_, function));
        return symbol == nullptr ? -1 : symbol(arguments...);
    }

private:
    void* library_;
};

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Nvrtc open_nvrtc() {
    for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2",
                             "/usr/local/cuda/lib64/libnvrtc.so"}) {
        if (Nvrtc nvrtc(name); nvrtc.open()) return nvrtc;
    }
    std::puts("skipped: no libnvrtc.so; install the CUDA toolkit to run this");
    std::exit(77);
}

}  // namespace

int main(int, char** argv) {
    const fs::path include = argv[1];
    const Nvrtc nvrtc = open_nvrtc();

    std::vector<std::string> names, texts;
    for (const auto& entry : fs::directory_iterator(include / "softmaxflow/model")) {
        names.push_back(fs::relative(entry.path(), include).string());
        texts.push_back(read(entry.path()));
    }
    std::vector<const char*> name_pointers, text_pointers;
    for (const auto& name : names) name_pointers.push_back(name.c_str());
    for (const auto& text : texts) text_pointers.push_back(text.c_str());

    const std::string source = read(argv[2]);
    Program program = nullptr;
    nvrtc.call("nvrtcCreateProgram", &program, source.c_str(), "model.cu",
               static_cast<int>(names.size()), text_pointers.data(), name_pointers.data());
    // No include path, the current folder included. Functions without annotation, such as generic
    // lambdas, are for the device: there is no host here.
    const char* options[] = {"--std=c++20", "--gpu-architecture=sm_90", "--fmad=false",
                             "--no-source-include", "--device-as-default-execution-space"};
    const int status = nvrtc.call_status("nvrtcCompileProgram", program,
                                         static_cast<int>(std::size(options)), &options[0]);

    std::size_t size = 0;
    nvrtc.call("nvrtcGetProgramLogSize", program, &size);
    std::string log(size, '\0');
    nvrtc.call("nvrtcGetProgramLog", program, log.data());
    std::fputs(log.c_str(), stdout);
    if (status != 0) return 1;

    nvrtc.call("nvrtcGetCUBINSize", program, &size);
    std::printf("%zu headers, cubin of %zu bytes\n", names.size(), size);
    return size > 0 ? 0 : 1;
}
