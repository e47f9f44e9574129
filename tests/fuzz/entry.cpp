// What libFuzzer calls. FUZZ_TARGET is the name of one of the functions of targets.hpp.
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>

#include "targets.hpp"

// The netCDF library may crash in a child process of ours. That is no finding, so libFuzzer, which
// the sanitizers tell of every death, is not to save the input. And it may loop: with the 10 s that
// users get, nothing else would be tried.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
    return pthread_atfork(nullptr, nullptr, [] {
        __sanitizer_set_death_callback(nullptr);
        const rlimit one_second = {1, 1};
        setrlimit(RLIMIT_CPU, &one_second);
    });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    softmaxflow::fuzz::FUZZ_TARGET({data, size});
    return 0;
}
