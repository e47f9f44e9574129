// Damaged files of starts. Some of them crash the netCDF library, never us.
#include <gtest/gtest.h>
#include <netcdf.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "expect_error.hpp"
#include "input/start_file.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

const fs::path folder = fs::path(PROJECT_DIR) / "tests/fuzz";
const fs::path corpus = folder / "corpus/starts";

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class DamagedStarts : public testing::Test {
protected:
    void SetUp() override {
        path_ = fs::path(testing::TempDir()) / ("softmaxflow_damaged_" + std::to_string(getpid()));
        config_.model.tokens = 3;
        config_.model.dim = 2;
    }
    void TearDown() override { fs::remove(path_); }

    /// Reads a file of these bytes; anything but Error escapes and fails the test.
    void read(const std::string& bytes) {
        std::ofstream(path_, std::ios::binary) << bytes;
        try {
            read_starts(path_.string(), config_);
            accepted_ += 1;
        } catch (const Error& error) {
            EXPECT_EQ(int(error.status()), int(Exit::usage)) << error.what();
            const std::string message = error.what();
            EXPECT_TRUE(message.starts_with(path_.string())) << message;
            refused_ += 1;
            crashed_ += message.find("crashed or gave up") != std::string::npos;
        }
    }
    void flip_each(const std::string& name, std::size_t step, std::uint32_t seed) {
        const std::string whole = content(corpus / name);
        std::mt19937 random(seed);
        for (std::size_t at = random() % step; at < whole.size(); at += step) {
            std::string flipped = whole;
            flipped[at] = char(flipped[at] ^ (1 << random() % 8));
            read(flipped);
        }
        std::cout << name << ": " << accepted_ << " accepted, " << refused_ << " refused, of them "
                  << crashed_ << " because they crash the netCDF library\n";
    }

    fs::path path_;
    Config config_;
    int accepted_ = 0, refused_ = 0, crashed_ = 0;
};
using DamagedStartsLong = DamagedStarts;

TEST_F(DamagedStarts, FlippedBits) {
    flip_each("logits-netcdf4.nc", 50, 1);
    flip_each("logits-compact-packed.h5", 50, 2);
    EXPECT_GT(accepted_, 20);  // bits that carry nothing, or a value
    EXPECT_GT(refused_, 20);
}

// Found by flipping bytes: HDF5 1.10.8 reads outside of its heap of shared values.
TEST_F(DamagedStarts, CrashesBecomeErrors) {
    for (const char* name : {"crash-global-heap-netcdf4.nc", "crash-global-heap-compact.h5",
                             "crash-global-heap-packed.h5"}) {
        read(content(corpus / name));
    }
    EXPECT_EQ(refused_, 3);
    if (std::string(nc_inq_libvers()).starts_with("4.9.0 ")) {  // Debian 12, with that HDF5
        EXPECT_EQ(crashed_, 3);
    }
}

TEST_F(DamagedStartsLong, EndlessLoopsBecomeErrors) {
    read(content(folder / "slow/endless-global-heap-netcdf4.nc"));
    EXPECT_EQ(refused_, 1);
}

TEST_F(DamagedStartsLong, ABitOfEveryByte) {
    flip_each("logits-netcdf4.nc", 1, 3);
    flip_each("logits-compact-packed.h5", 1, 4);
    EXPECT_GT(accepted_, 1000);
    EXPECT_GT(refused_, 1000);
}

}  // namespace
}  // namespace softmaxflow
