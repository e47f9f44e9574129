#pragma once
/// A host that plays a device, and what may go wrong with one.

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "backend/cuda/cuda_backend.hpp"
#include "emulated.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

namespace fake {

using namespace softmaxflow;

/// Shared by the streams of a device.
struct Behaviour {
    std::size_t memory = std::size_t{1} << 30;
    std::size_t largest = memory;   ///< free memory that it claims
    int launches_until_error = -1;  ///< -1: none
    bool lost = false;              ///< after an error nothing works any more
    std::mutex mutex;
    std::size_t used = 0, most_used = 0;
    std::map<void*, std::size_t> sizes;
    int launches = 0, out_of_memory = 0;
};

class Stream : public cuda::Stream {
public:
    explicit Stream(Behaviour& behaviour) : b_(behaviour) {}

    void* allocate(std::size_t bytes) override {
        const std::lock_guard lock(b_.mutex);
        require_device("cuMemAlloc");
        if (b_.used + bytes > b_.memory) {
            ++b_.out_of_memory;
            throw cuda::OutOfMemory("fake device: cuMemAlloc: out of memory");
        }
        void* memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
        std::memset(memory, 0xff, bytes);  // NaN: nobody may rely on what was there
        b_.used += bytes;
        b_.most_used = std::max(b_.most_used, b_.used);
        b_.sizes[memory] = bytes;
        return memory;
    }
    void release(void* memory) noexcept override {
        const std::lock_guard lock(b_.mutex);
        b_.used -= b_.sizes[memory];
        b_.sizes.erase(memory);
        std::free(memory);
    }
    std::size_t free_memory() override { return b_.largest; }
    void upload(void* to, const void* from, std::size_t bytes) override { copy(to, from, bytes); }
    void download(void* to, const void* from, std::size_t bytes) override { copy(to, from, bytes); }
    void clear(void* to, std::size_t bytes) override { std::memset(to, 0, bytes); }
    void launch(const cuda::Kernel& kernel, long long, const void* arguments,
                std::size_t) override {
        {
            const std::lock_guard lock(b_.mutex);
            require_device("cuLaunchKernel");
            if (b_.launches++ == b_.launches_until_error) {
                b_.lost = true;
                throw cuda::DeviceError("fake device: cuLaunchKernel: CUDA_ERROR_ILLEGAL_ADDRESS");
            }
        }
        reinterpret_cast<void (*)(const void*)>(kernel.function)(arguments);
    }
    void synchronize() override {
        const std::lock_guard lock(b_.mutex);
        require_device("cuStreamSynchronize");
    }

private:
    void require_device(const std::string& call) const {
        if (b_.lost) throw cuda::DeviceError("fake device: " + call + ": the device is lost");
    }
    void copy(void* to, const void* from, std::size_t bytes) {
        {
            const std::lock_guard lock(b_.mutex);
            require_device("cuMemcpy");
        }
        if (bytes > 0) std::memcpy(to, from, bytes);
    }

    Behaviour& b_;
};

class Device : public cuda::Device {
public:
    Behaviour behaviour;

    [[nodiscard]] cuda::DeviceInfo info() const override {
        return {"fake device", 9, 0, 1, 1.0, behaviour.memory};
    }
    std::unique_ptr<cuda::Stream> stream() override { return std::make_unique<Stream>(behaviour); }
    cuda::Kernel kernel(const std::string& name) override {
        const emulated::Kernel found = emulated::find(name);
        if (found.lanes == 0) throw cuda::DeviceError("fake device: no kernel " + name);
        return wrap(found);
    }
    cuda::Kernel load(const std::vector<char>&, const std::string&) override {
        throw cuda::DeviceError("fake device: it runs no machine code");
    }
    [[nodiscard]] cuda::KernelInfo describe(const cuda::Kernel&) override { return {}; }

    static cuda::Kernel wrap(const emulated::Kernel& kernel) {
        return {reinterpret_cast<void*>(kernel.run), kernel.lanes, 128};
    }
};

/// Kernels for the shapes of emulated::fixed_shape and fixed_flow, with that many lanes; 0: none.
inline cuda::Specialiser specialise(int lanes) {
    return [lanes](cuda::Device&, const cuda::Specialisation& s) -> std::optional<cuda::Kernel> {
        if (lanes == 0 || s.map != "Softmax" || s.loss != "Logistic" || s.real != "double" ||
            s.tokens != 8)
            return std::nullopt;
        if (s.method == cuda::type_name(model::Tsitouras::name))
            return Device::wrap(emulated::specialised_flow(lanes));
        if (s.method != "GradientDescent") return std::nullopt;
        return Device::wrap(emulated::specialised_descent(lanes));
    };
}

inline std::unique_ptr<Backend> backend(const std::shared_ptr<Device>& device, int lanes = 0) {
    return cuda::make_backend({device}, specialise(lanes));
}

}  // namespace fake
