#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "backend/cuda/rtc.hpp"

namespace softmaxflow::cuda {
namespace {

namespace fs = std::filesystem;

/// What a file begins with.
struct Header {
    std::array<char, 8> magic = {'s', 'm', 'f', 'c', 'u', 'b', 'i', 'n'};
    std::uint64_t size = 0, checksum = 0;
};

Header header_of(const char* image, std::size_t size) {
    Header header;
    header.size = size;
    header.checksum = XXH3_64bits(image, size);
    return header;
}

}  // namespace

std::string KernelCache::default_folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/softmaxflow";
    const char* home = std::getenv("HOME");
    return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/softmaxflow" : "";
}

std::string KernelCache::path(const std::string& key) const {
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    return fmt::format("{}/{:016x}{:016x}.cubin", folder_, hash.high64, hash.low64);
}

std::optional<std::vector<char>> KernelCache::find(const std::string& key) const {
    if (folder_.empty()) return std::nullopt;
    std::ifstream file(path(key), std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.size() <= sizeof(Header)) return std::nullopt;
    const Header expected = header_of(bytes.data() + sizeof(Header), bytes.size() - sizeof(Header));
    if (std::memcmp(bytes.data(), &expected, sizeof expected) != 0) return std::nullopt;
    bytes.erase(bytes.begin(), bytes.begin() + sizeof(Header));
    return bytes;
}

void KernelCache::keep(const std::string& key, const std::vector<char>& image) const {
    if (folder_.empty()) return;
    std::error_code error;
    fs::create_directories(folder_, error);
    const std::string final_name = path(key);
    const std::string name =
        fmt::format("{}.{}.{:08x}", final_name, getpid(), std::random_device{}());
    {
        const Header header = header_of(image.data(), image.size());
        std::ofstream file(name, std::ios::binary);
        file.write(reinterpret_cast<const char*>(&header), sizeof header);
        file.write(image.data(), static_cast<std::streamsize>(image.size()));
        file.close();
        if (!file) {
            fs::remove(name, error);
            return;
        }
    }
    fs::rename(name, final_name, error);
    if (error) fs::remove(name, error);
}

}  // namespace softmaxflow::cuda
