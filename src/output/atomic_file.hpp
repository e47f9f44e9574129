#pragma once
/// Files that are either whole or absent, and directories that belong to one run.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace softmaxflow {

/// Writes `bytes` to a temporary name in the folder of `path`, syncs, renames it to `path` and
/// syncs the folder: after a crash at any moment `path` holds the old content or the new, never a
/// part. Throws Error(file) naming file and cause, after removing the temporary file. Programs
/// ignore SIGXFSZ, so that a file size limit is such an error and not their end.
void write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_atomically(const std::filesystem::path& path, std::string_view text);

/// Makes a directory that did not exist, and its parents where they are missing.
/// Throws Error(usage) if it exists already, Error(file) if it cannot be made.
void create_run_directory(const std::filesystem::path& path);

/// Throws the same if there is anything of that name.
void require_new(const std::filesystem::path& path);

/// Makes and returns base/name-n for the smallest n >= 1 that is free; of several processes that
/// ask at once, each gets its own.
std::filesystem::path next_run_directory(const std::filesystem::path& base,
                                         const std::string& name);

}  // namespace softmaxflow
