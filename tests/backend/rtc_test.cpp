// Kernels compiled at run time: they compile, without a GPU, and what is kept of them on disk is
// never trusted blindly.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "backend/cuda/device.hpp"
#include "backend/cuda/rtc.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

using namespace softmaxflow;
namespace fs = std::filesystem;

namespace {

#define REQUIRE_COMPILER() \
    if (const auto reason = cuda::why_no_compiler()) GTEST_SKIP() << *reason

/// The structs of a list of the model.
template <class... Items>
std::vector<std::string> types(model::List<Items...>) {
    return {cuda::type_name(Items::name)...};
}
const std::vector<std::string> schemes = types(model::Schemes{});

cuda::Specialisation specialisation(const std::string& map, const std::string& loss,
                                    const std::string& method, int tokens, int outputs, int lanes) {
    cuda::Specialisation s{map, loss, method, "double", tokens, outputs, lanes};
    s.flow = std::ranges::count(schemes, method) > 0;
    if (s.flow) s.blocks = 2;
    return s;
}

/// Compiles, and tells how long it took.
double compile_timed(const cuda::Specialisation& s, int architecture) {
    const auto begin = std::chrono::steady_clock::now();
    const std::vector<char> image = cuda::compile(s, architecture);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fmt::print("{:8} {:15} {:16} n {:3} m {:3} lanes {:2} sm_{}: {:.2f} s, {} bytes\n", s.map,
               s.loss, s.method, s.tokens, s.outputs, s.lanes, architecture, seconds, image.size());
    EXPECT_GT(image.size(), 4096U);
    EXPECT_EQ(std::string(image.data() + 1, 3), "ELF");
    return seconds;
}

TEST(Rtc, SampleOfShapesCompiles) {
    REQUIRE_COMPILER();
    compile_timed(specialisation("Softmax", "Logistic", "GradientDescent", 8, 1, 1), 90);
    compile_timed(specialisation("Softmax", "Logistic", "GradientDescent", 64, 1, 4), 80);
    compile_timed(specialisation("Sigmoid", "CrossEntropy", "Adam", 10, 10, 8), 90);
    compile_timed(specialisation("Sum", "Classification", "Momentum", 2, 1, 2), 90);
    compile_timed(specialisation("Softmax", "Logistic", "Tsitouras", 8, 1, 2), 80);
    compile_timed(specialisation("L2", "Regression", "BogackiShampine", 10, 10, 8), 90);
    cuda::Specialisation block =
        specialisation("Softmax", "Logistic", "GradientDescent", 4000, 1, 256);
    block.threads = 256;
    block.blocks = 1;
    compile_timed(block, 90);
    for (const char* real : {"double", "float"}) {
        cuda::Specialisation fast =
            specialisation("Softmax", "Logistic", "GradientDescent", 8, 1, 1);
        fast.real = real;
        fast.fast = true;
        compile_timed(fast, 80);
    }
}

TEST(Rtc, RatesCompile) {
    REQUIRE_COMPILER();
    for (const int architecture : {80, 90})
        EXPECT_GT(cuda::compile_rates(architecture).size(), 4096U);
}

TEST(Rtc, ErrorsOfTheCompilerAreShown) {
    REQUIRE_COMPILER();
    try {
        cuda::compile(specialisation("Hardmax", "Logistic", "GradientDescent", 8, 1, 1), 90);
        FAIL();
    } catch (const cuda::DeviceError& error) {
        EXPECT_NE(std::string(error.what()).find("Hardmax"), std::string::npos) << error.what();
    }
}

/// Every map, loss and method, the schemes of the flow among them.
TEST(RtcLong, EveryCombinationCompiles) {
    REQUIRE_COMPILER();
    double most = 0.0, total = 0.0;
    int count = 0;
    std::vector<std::string> methods = types(model::Methods{});
    methods.insert(methods.end(), schemes.begin(), schemes.end());
    for (const auto& map : types(model::Maps{}))
        for (const auto& loss : types(model::Losses{}))
            for (const auto& method : methods) {
                const bool several =
                    loss == "Regression" || loss == "Classification" || loss == "CrossEntropy";
                const double seconds =
                    compile_timed(specialisation(map, loss, method, 8, several ? 5 : 1, 2), 90);
                most = std::max(most, seconds);
                total += seconds;
                ++count;
            }
    fmt::print("{} kernels, {:.2f} s each on average, {:.2f} s at most\n", count, total / count,
               most);
}

/// A folder that goes away with the test.
struct Folder {
    fs::path path = fs::temp_directory_path() / fmt::format("softmaxflow-cache-{}", getpid());
    Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] std::vector<fs::path> files() const {
        std::vector<fs::path> all;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(path, error)) all.push_back(entry.path());
        return all;
    }
};

const std::vector<char> image = {'a', 'b', 'c', 'd', 0, 'e'};

TEST(KernelCache, GivesBackWhatItKept) {
    const Folder folder;
    const cuda::KernelCache cache(folder.path);
    EXPECT_FALSE(cache.find("key"));
    cache.keep("key", image);
    EXPECT_EQ(cache.find("key"), image);
    EXPECT_FALSE(cache.find("other key"));
    EXPECT_EQ(folder.files().size(), 1U);  // nothing temporary is left
}

TEST(KernelCache, ADamagedFileIsAsGoodAsNone) {
    const Folder folder;
    const cuda::KernelCache cache(folder.path);
    cache.keep("key", image);
    const fs::path file = folder.files().at(0);
    const auto size = fs::file_size(file);
    for (std::uintmax_t i = 0; i < size; ++i) {
        cache.keep("key", image);
        {
            std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
            bytes.seekg(static_cast<std::streamoff>(i));
            const char flipped = static_cast<char>(bytes.get() ^ 1);
            bytes.seekp(static_cast<std::streamoff>(i));
            bytes.put(flipped);
        }
        EXPECT_FALSE(cache.find("key")) << i;
        fs::resize_file(file, i);
        EXPECT_FALSE(cache.find("key")) << i;
    }
    cache.keep("key", image);
    EXPECT_EQ(cache.find("key"), image);
}

TEST(KernelCache, NoFolderNoCache) {
    const cuda::KernelCache none("");
    none.keep("key", image);
    EXPECT_FALSE(none.find("key"));
    const cuda::KernelCache impossible("/proc/nowhere");
    impossible.keep("key", image);
    EXPECT_FALSE(impossible.find("key"));
}

TEST(KernelCache, SeveralProcessesWriteAtOnce) {
    const Folder folder;
    const std::vector<char> large(1 << 18, 'x');
    for (int i = 0; i < 4; ++i)
        if (fork() == 0) {
            const cuda::KernelCache cache(folder.path);
            for (int round = 0; round < 10; ++round) {
                cache.keep("key", large);
                const auto found = cache.find("key");
                if (!found || *found != large) _exit(1);
            }
            _exit(0);
        }
    for (int i = 0; i < 4; ++i) {
        int status = -1;
        wait(&status);
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(folder.files().size(), 1U);
}

TEST(KernelCache, FollowsTheDesktopStandard) {
    const char* before = std::getenv("XDG_CACHE_HOME");
    const std::string kept = before == nullptr ? "" : before;
    setenv("XDG_CACHE_HOME", "/somewhere", 1);
    EXPECT_EQ(cuda::KernelCache::default_folder(), "/somewhere/softmaxflow");
    setenv("XDG_CACHE_HOME", "relative", 1);  // to be ignored
    setenv("HOME", "/home/me", 1);
    EXPECT_EQ(cuda::KernelCache::default_folder(), "/home/me/.cache/softmaxflow");
    if (before != nullptr)
        setenv("XDG_CACHE_HOME", kept.c_str(), 1);
    else
        unsetenv("XDG_CACHE_HOME");
}

TEST(Rtc, ACompiledKernelIsKeptAndACorruptOneCompiledAgain) {
    REQUIRE_COMPILER();
    const Folder folder;
    const cuda::KernelCache cache(folder.path);
    const cuda::Specialisation s = specialisation("Sum", "Square", "GradientDescent", 2, 1, 1);
    const std::vector<char> first = cuda::compiled(s, 90, cache);
    ASSERT_EQ(folder.files().size(), 1U);
    const fs::path file = folder.files().at(0);
    const auto written = fs::last_write_time(file);
    EXPECT_EQ(cuda::compiled(s, 90, cache), first);
    EXPECT_EQ(fs::last_write_time(file), written);  // taken from the file
    fs::resize_file(file, fs::file_size(file) / 2);
    EXPECT_EQ(cuda::compiled(s, 90, cache), first);
    EXPECT_GT(fs::file_size(file), first.size());
    cuda::compiled(s, 80, cache);  // another architecture is another kernel
    EXPECT_EQ(folder.files().size(), 2U);
}

}  // namespace
