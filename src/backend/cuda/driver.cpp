// The driver of NVIDIA, opened when the program runs: it is no dependency of the program.

#include <cuda.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

#include "backend/cuda/device.hpp"
#include "backend/cuda/images.hpp"
#include "kernels/batch.hpp"
#include "kernels/kernel_list.hpp"

namespace softmaxflow::cuda {
namespace {

/// The functions in use, by the names under which the driver exports these versions.
struct Driver {
    template <class Function>
    struct Call {
        const char* name;
        Function* function = nullptr;
    };
#define SOFTMAXFLOW_CALL(member, function) \
    Call<decltype(function)> member { #function }  // NOLINT(bugprone-macro-parentheses): a name
    SOFTMAXFLOW_CALL(init, cuInit);
    SOFTMAXFLOW_CALL(version, cuDriverGetVersion);
    SOFTMAXFLOW_CALL(device_count, cuDeviceGetCount);
    SOFTMAXFLOW_CALL(device, cuDeviceGet);
    SOFTMAXFLOW_CALL(device_name, cuDeviceGetName);
    SOFTMAXFLOW_CALL(attribute, cuDeviceGetAttribute);
    Call<CUresult(std::size_t*, CUdevice)> total_memory{"cuDeviceTotalMem_v2"};
    SOFTMAXFLOW_CALL(retain, cuDevicePrimaryCtxRetain);
    Call<CUresult(CUdevice)> release{"cuDevicePrimaryCtxRelease_v2"};
    SOFTMAXFLOW_CALL(set_context, cuCtxSetCurrent);
    Call<CUresult(CUdeviceptr*, std::size_t)> allocate{"cuMemAlloc_v2"};
    Call<CUresult(CUdeviceptr)> free{"cuMemFree_v2"};
    Call<CUresult(std::size_t*, std::size_t*)> memory{"cuMemGetInfo_v2"};
    Call<CUresult(CUdeviceptr, const void*, std::size_t, CUstream)> upload{"cuMemcpyHtoDAsync_v2"};
    Call<CUresult(void*, CUdeviceptr, std::size_t, CUstream)> download{"cuMemcpyDtoHAsync_v2"};
    SOFTMAXFLOW_CALL(fill, cuMemsetD8Async);
    SOFTMAXFLOW_CALL(make_stream, cuStreamCreate);
    Call<CUresult(CUstream)> destroy_stream{"cuStreamDestroy_v2"};
    SOFTMAXFLOW_CALL(synchronize, cuStreamSynchronize);
    SOFTMAXFLOW_CALL(load_module, cuModuleLoadData);
    SOFTMAXFLOW_CALL(unload_module, cuModuleUnload);
    SOFTMAXFLOW_CALL(find_function, cuModuleGetFunction);
    SOFTMAXFLOW_CALL(function_attribute, cuFuncGetAttribute);
    SOFTMAXFLOW_CALL(occupancy, cuOccupancyMaxActiveBlocksPerMultiprocessor);
    SOFTMAXFLOW_CALL(launch, cuLaunchKernel);
    SOFTMAXFLOW_CALL(error_name, cuGetErrorName);
    SOFTMAXFLOW_CALL(error_string, cuGetErrorString);
#undef SOFTMAXFLOW_CALL

    /// Fills `reason` where it cannot be used.
    explicit Driver(std::string& reason) {
        void* library = dlopen("libcuda.so.1", RTLD_NOW);
        if (library == nullptr) {
            reason = "no NVIDIA driver: libcuda.so.1 was not found";
            return;
        }
        std::string missing;
        const auto find = [&]<class F>(Call<F>& call) {
            call.function = reinterpret_cast<F*>(dlsym(library, call.name));
            if (call.function == nullptr) missing = call.name;
        };
        find_all(find);
        if (!missing.empty())
            reason = fmt::format("the NVIDIA driver is too old: it lacks {}", missing);
        else if (const CUresult result = init.function(0); result != CUDA_SUCCESS)
            reason = fmt::format("the NVIDIA driver cannot start: {}", describe(result));
    }

    template <class Find>
    void find_all(Find find) {
        find(init), find(version), find(device_count), find(device), find(device_name);
        find(attribute), find(total_memory), find(retain), find(release), find(set_context);
        find(allocate), find(free), find(memory), find(upload), find(download), find(fill);
        find(make_stream), find(destroy_stream), find(synchronize), find(load_module);
        find(unload_module), find(find_function), find(function_attribute), find(occupancy);
        find(launch), find(error_name), find(error_string);
    }

    [[nodiscard]] std::string describe(CUresult result) const {
        const char *name = nullptr, *text = nullptr;
        error_name.function(result, &name);
        error_string.function(result, &text);
        return fmt::format("{} ({})", name == nullptr ? "unknown error" : name,
                           text == nullptr ? "no description" : text);
    }

    /// Calls, and throws what went wrong, and where.
    template <class Function, class... Arguments>
    void operator()(const std::string& where, const Call<Function>& call,
                    Arguments... arguments) const {
        const CUresult result = call.function(arguments...);
        if (result == CUDA_SUCCESS) return;
        const std::string message = fmt::format("{}: {}: {}", where, call.name, describe(result));
        if (result == CUDA_ERROR_OUT_OF_MEMORY) throw OutOfMemory(message);
        throw DeviceError(message);
    }
};

/// The primary context of a device.
struct Context {
    const Driver& driver;
    std::string where;
    CUdevice device = 0;
    CUcontext context = nullptr;

    Context(const Driver& d, int index) : driver(d), where(fmt::format("device {}", index)) {
        driver(where, driver.device, &device, index);
        char name[256] = "";
        driver(where, driver.device_name, name, static_cast<int>(sizeof name - 1), device);
        where += fmt::format(" ({})", name);
        driver(where, driver.retain, &context, device);
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { driver.release.function(device); }

    template <class Call, class... Arguments>
    void operator()(const Call& call, Arguments... arguments) const {
        driver(where, driver.set_context, context);
        driver(where, call, arguments...);
    }
};

CUdeviceptr address(const void* pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

class CudaStream : public Stream {
public:
    explicit CudaStream(std::shared_ptr<Context> context) : context_(std::move(context)) {
        (*context_)(driver().make_stream, &stream_, static_cast<unsigned>(CU_STREAM_NON_BLOCKING));
    }
    CudaStream(const CudaStream&) = delete;
    CudaStream& operator=(const CudaStream&) = delete;
    ~CudaStream() override {
        driver().set_context.function(context_->context);
        driver().destroy_stream.function(stream_);
    }

    void* allocate(std::size_t bytes) override {
        CUdeviceptr memory = 0;
        (*context_)(driver().allocate, &memory, bytes);
        return reinterpret_cast<void*>(memory);
    }
    void release(void* memory) noexcept override {
        driver().set_context.function(context_->context);
        driver().free.function(address(memory));
    }
    std::size_t free_memory() override {
        std::size_t free = 0, total = 0;
        (*context_)(driver().memory, &free, &total);
        return free;
    }
    void upload(void* to, const void* from, std::size_t bytes) override {
        (*context_)(driver().upload, address(to), from, bytes, stream_);
        synchronize();
    }
    void download(void* to, const void* from, std::size_t bytes) override {
        (*context_)(driver().download, to, address(from), bytes, stream_);
        synchronize();
    }
    void clear(void* to, std::size_t bytes) override {
        (*context_)(driver().fill, address(to), static_cast<unsigned char>(0), bytes, stream_);
    }
    void launch(const Kernel& kernel, long long items, const void* arguments,
                std::size_t) override {
        const long long threads = items * kernel.lanes;
        const auto blocks = static_cast<unsigned>((threads + kernel.threads - 1) / kernel.threads);
        void* parameters[] = {const_cast<void*>(arguments)};
        if (blocks == 0) return;
        (*context_)(driver().launch, static_cast<CUfunction>(kernel.function), blocks, 1U, 1U,
                    static_cast<unsigned>(kernel.threads), 1U, 1U, 0U, stream_, parameters,
                    static_cast<void**>(nullptr));
    }
    void synchronize() override { (*context_)(driver().synchronize, stream_); }

private:
    [[nodiscard]] const Driver& driver() const { return context_->driver; }

    std::shared_ptr<Context> context_;
    CUstream stream_ = nullptr;
};

class CudaDevice : public Device {
public:
    CudaDevice(const Driver& driver, int index)
        : context_(std::make_shared<Context>(driver, index)) {}
    CudaDevice(const CudaDevice&) = delete;
    CudaDevice& operator=(const CudaDevice&) = delete;
    ~CudaDevice() override {
        context_->driver.set_context.function(context_->context);
        for (CUmodule module : modules_) context_->driver.unload_module.function(module);
    }

    [[nodiscard]] DeviceInfo info() const override {
        DeviceInfo info;
        char name[256] = "";
        (*context_)(driver().device_name, name, static_cast<int>(sizeof name - 1),
                    context_->device);
        info.name = name;
        info.major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
        info.minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        info.multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        info.clock_ghz = attribute(CU_DEVICE_ATTRIBUTE_CLOCK_RATE) * 1e-6;
        (*context_)(driver().total_memory, &info.memory, context_->device);
        return info;
    }
    std::unique_ptr<Stream> stream() override { return std::make_unique<CudaStream>(context_); }

    Kernel kernel(const kernels::KernelRow& row) override {
        const std::lock_guard lock(mutex_);
        if (images().empty())
            throw DeviceError(fmt::format(
                "{}: this program was built without the kernel {}; cmake --preset gpu builds it",
                context_->where, row.name));
        CUmodule& module = loaded_[row.image];
        if (module == nullptr) module = load_module(images()[static_cast<std::size_t>(row.image)]);
        return {find(module, row.name), row.lanes, kernels::threads_of(row.lanes)};
    }
    Kernel load(const std::vector<char>& image, const std::string& name) override {
        const std::lock_guard lock(mutex_);
        return {find(load_module(image.data()), name)};
    }
    [[nodiscard]] KernelInfo describe(const Kernel& kernel) override {
        auto* function = static_cast<CUfunction>(kernel.function);
        const auto of = [&](CUfunction_attribute which) {
            int value = 0;
            (*context_)(driver().function_attribute, &value, which, function);
            return value;
        };
        KernelInfo info{of(CU_FUNC_ATTRIBUTE_NUM_REGS), of(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES),
                        of(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)};
        (*context_)(driver().occupancy, &info.blocks_per_multiprocessor, function, kernel.threads,
                    std::size_t{0});
        return info;
    }

private:
    [[nodiscard]] const Driver& driver() const { return context_->driver; }
    [[nodiscard]] int attribute(CUdevice_attribute which) const {
        int value = 0;
        (*context_)(driver().attribute, &value, which, context_->device);
        return value;
    }
    CUmodule load_module(const void* image) {
        CUmodule module = nullptr;
        (*context_)(driver().load_module, &module, image);
        modules_.push_back(module);
        return module;
    }
    void* find(CUmodule module, const std::string& name) const {
        CUfunction function = nullptr;
        (*context_)(driver().find_function, &function, module, name.c_str());
        return function;
    }

    std::shared_ptr<Context> context_;
    std::mutex mutex_;
    std::map<kernels::Image, CUmodule> loaded_;
    std::vector<CUmodule> modules_;
};

}  // namespace

namespace {

struct OpenDriver {
    std::string reason;
    Driver driver{reason};
    int devices = 0;

    OpenDriver() {
        if (!reason.empty()) return;
        driver("the NVIDIA driver", driver.device_count, &devices);
        if (devices == 0) reason = "the NVIDIA driver finds no device";
    }
};

const OpenDriver& open_driver() {
    static const OpenDriver open;
    return open;
}

}  // namespace

std::string why_no_devices() { return open_driver().reason; }

Devices find_devices() {
    Devices devices;
    for (int i = 0; i < open_driver().devices; ++i)
        devices.push_back(std::make_shared<CudaDevice>(open_driver().driver, i));
    return devices;
}

}  // namespace softmaxflow::cuda
