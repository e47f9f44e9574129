#pragma once
/// What an object compiled for one instruction set offers the backend: plain function pointers on
/// plain data. Nothing of the standard library crosses this line, or a template compiled with
/// AVX-512 could end up in the code that every machine runs.

#include "backend/host/kernel_key.hpp"
#include "softmaxflow/model/dynamics/parameters.hpp"

namespace softmaxflow::cpu {

using host::KernelKey;

struct Kernel {
    /// Runs replicas [first, first + count), at most the block that `record` describes.
    /// False if record.tick asked to stop. `memory` is aligned to 64 bytes.
    bool (*run)(const KernelKey&, const model::Parameters&, const model::Record&, long long first,
                long long count, char* memory) = nullptr;
    /// Bytes that run() needs at `memory`.
    unsigned long (*memory)(const KernelKey&, const model::Parameters&) = nullptr;
};

Kernel avx512_kernel(const KernelKey& key, int tokens, int outputs);
Kernel avx2_kernel(const KernelKey& key, int tokens, int outputs);
Kernel generic_kernel(const KernelKey& key, int tokens, int outputs);
/// Doubles per vector.
int avx512_width();
int avx2_width();
int generic_width();

}  // namespace softmaxflow::cpu
