#include "output/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(std::string_view action, const fs::path& path, int error) {
    throw Error(Exit::file, fmt::format("cannot {} {}: {}", action, path.string(),
                                        std::generic_category().message(error)));
}

/// Repeats a system call that a signal interrupted.
template <class Call>
auto retry(Call&& call) {
    auto result = call();
    while (result == -1 && errno == EINTR) result = call();
    return result;
}

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A new file beside `target`, under a name that no other writer has; removed unless published.
class TemporaryFile {
public:
    explicit TemporaryFile(const fs::path& target) : target_(target) {
        for (int attempt = 0; descriptor_ == -1; ++attempt) {
            temporary_ =
                folder_of(target) /
                fmt::format(".{}.{}-{}.tmp", target.filename().string(), ::getpid(), attempt);
            descriptor_ = retry([&] {
                return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            });
            if (descriptor_ == -1 && errno != EEXIST) fail("create", target_, errno);
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (descriptor_ != -1) ::close(descriptor_);
        if (!published_) ::unlink(temporary_.c_str());
    }

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto written =
                retry([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
            if (written == -1) fail("write", target_, errno);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }

    void publish() {
        if (retry([&] { return ::fsync(descriptor_); }) == -1) fail("write", target_, errno);
        // Linux releases the descriptor even where close fails, and the data is synced by now.
        const int closed = ::close(descriptor_);
        descriptor_ = -1;
        if (closed == -1 && errno != EINTR) fail("write", target_, errno);
        if (::rename(temporary_.c_str(), target_.c_str()) == -1) fail("rename to", target_, errno);
        published_ = true;
    }

private:
    fs::path target_, temporary_;
    int descriptor_ = -1;
    bool published_ = false;
};

/// Makes a new name in the folder durable.
void sync_folder(const fs::path& folder) {
    const int descriptor =
        retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor == -1) fail("open", folder, errno);
    const int synced = retry([&] { return ::fsync(descriptor); });
    const int error = errno;
    ::close(descriptor);
    // EINVAL: this file system does not offer it, and there is nothing more we could do.
    if (synced == -1 && error != EINVAL) fail("sync", folder, error);
}

[[noreturn]] void fail_existing(const fs::path& path) {
    throw Error(Exit::usage,
                fmt::format("output directory {} exists already; a run never writes into one: "
                            "name another with -o, or remove it",
                            path.string()));
}

/// False if the directory exists already.
bool make_directory(const fs::path& path) {
    const fs::path parent = folder_of(path);
    std::error_code error;
    fs::create_directories(parent, error);
    if (error) fail("create", parent, error.value());
    if (::mkdir(path.c_str(), 0777) == -1) {
        if (errno == EEXIST) return false;
        fail("create", path, errno);
    }
    sync_folder(parent);
    return true;
}

}  // namespace

void write_atomically(const fs::path& path, std::span<const std::byte> bytes) {
    TemporaryFile file(path);
    file.write(bytes);
    file.publish();
    sync_folder(folder_of(path));
}

void write_atomically(const fs::path& path, std::string_view text) {
    write_atomically(path, std::as_bytes(std::span(text)));
}

void require_new(const fs::path& path) {
    std::error_code error;
    if (fs::exists(path, error)) fail_existing(path);
}

void create_run_directory(const fs::path& path) {
    // "runs/a/" names the same directory as "runs/a".
    if (!make_directory(path.has_filename() ? path : path.parent_path())) fail_existing(path);
}

fs::path next_run_directory(const fs::path& base, const std::string& name) {
    for (int n = 1;; ++n) {
        fs::path path = base / fmt::format("{}-{}", name, n);
        if (make_directory(path)) return path;
    }
}

}  // namespace softmaxflow
