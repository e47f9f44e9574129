#pragma once
/// What reads bytes that a stranger wrote, one function for each kind of file.
///
/// Each hands `bytes` to our readers and returns if they accept them or throw Error with
/// Exit::usage or Exit::file. Anything else ends the process: a crash, another exception, another
/// exit status, a config that does not survive being written and read again.

#include <span>
#include <string>

namespace softmaxflow::fuzz {

using Bytes = std::span<const unsigned char>;

/// A config. Lines "--set KEY=VALUE" before it are overrides.
void config(Bytes bytes) noexcept;
/// init.file: starts, or states to go on from.
void starts(Bytes bytes) noexcept;
/// objective.file.
void objective(Bytes bytes) noexcept;

}  // namespace softmaxflow::fuzz
