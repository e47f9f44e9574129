#pragma once
/// A check of the bytes of a config before the TOML parser sees them. toml++ 3.3 aborts the process
/// on some short inputs with control or non-ASCII characters in keys, and recursion on hostile
/// nesting can exhaust the stack; what passes here is safe to parse.

#include <string>
#include <string_view>

namespace softmaxflow {

inline constexpr std::size_t max_config_bytes = std::size_t{1} << 20;
inline constexpr int max_config_nesting = 16;  ///< of brackets and braces
inline constexpr int max_config_dots = 8;      ///< in one dotted key

/// Throws Error(usage) with "name:line:column: ..." unless `text` is valid UTF-8 of at most
/// max_config_bytes, without control characters but tab and line ends, without non-ASCII characters
/// outside of strings and comments, and without deep nesting.
void check_text(std::string_view text, const std::string& name);

/// The part of it about UTF-8 and control characters.
void check_characters(std::string_view text, const std::string& name);

}  // namespace softmaxflow
