#pragma once
/// What the backend asks of a device. driver.cpp has it from NVIDIA's driver; tests have a host
/// that plays a device, so that everything else here runs without a GPU.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "softmaxflow/error.hpp"

namespace softmaxflow::kernels {
struct KernelRow;
}

namespace softmaxflow::cuda {

/// A call that failed. The message names the device, the call and the driver's reason.
class DeviceError : public Error {
public:
    explicit DeviceError(const std::string& message) : Error(Exit::device, message) {}
};
/// Too little memory: the one failure that a smaller batch may cure.
class OutOfMemory : public DeviceError {
public:
    using DeviceError::DeviceError;
};

struct DeviceInfo {
    std::string name;
    int major = 0, minor = 0;  ///< compute capability
    int multiprocessors = 0;
    double clock_ghz = 0.0;
    std::size_t memory = 0;  ///< bytes

    [[nodiscard]] int architecture() const { return 10 * major + minor; }
};

/// A kernel, valid as long as its device.
struct Kernel {
    void* function = nullptr;
    int lanes = 1;      ///< threads that share an item
    int threads = 128;  ///< of a block
};

struct KernelInfo {
    int registers = 0, local_bytes = 0, shared_bytes = 0;
    int blocks_per_multiprocessor = 0;
};

/// Work in order. Used by one thread at a time; whatever fails throws DeviceError.
class Stream {
public:
    virtual ~Stream() = default;
    virtual void* allocate(std::size_t bytes) = 0;
    virtual void release(void* memory) noexcept = 0;
    virtual std::size_t free_memory() = 0;
    /// Both return when the host's memory may be used again.
    virtual void upload(void* to, const void* from, std::size_t bytes) = 0;
    virtual void download(void* to, const void* from, std::size_t bytes) = 0;
    virtual void clear(void* to, std::size_t bytes) = 0;
    /// Runs `items` items; `arguments` is one struct by value, of that size.
    virtual void launch(const Kernel& kernel, long long items, const void* arguments,
                        std::size_t size) = 0;
    /// Returns when all is done.
    virtual void synchronize() = 0;
};

class Device {
public:
    virtual ~Device() = default;
    [[nodiscard]] virtual DeviceInfo info() const = 0;
    virtual std::unique_ptr<Stream> stream() = 0;
    /// That of a row of the table. Throws DeviceError where the build left it out.
    virtual Kernel kernel(const kernels::KernelRow& row) = 0;
    /// A kernel of a compiled image (cubin), which is loaded once.
    virtual Kernel load(const std::vector<char>& image, const std::string& name) = 0;
    [[nodiscard]] virtual KernelInfo describe(const Kernel& kernel) = 0;
};

using Devices = std::vector<std::shared_ptr<Device>>;

/// Why there are no devices, without opening any; empty if there are some.
std::string why_no_devices();
/// All devices of this machine.
Devices find_devices();

/// Memory of a device, freed with the object.
class Buffer {
public:
    Buffer() = default;
    Buffer(Stream& stream, std::size_t bytes)
        : stream_(&stream), data_(bytes > 0 ? stream.allocate(bytes) : nullptr), bytes_(bytes) {}
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(stream_, other.stream_);
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() {
        if (data_ != nullptr) stream_->release(data_);
    }

    template <class T = char>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data_);
    }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    void clear() const {
        if (bytes_ > 0) stream_->clear(data_, bytes_);
    }

private:
    Stream* stream_ = nullptr;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace softmaxflow::cuda
