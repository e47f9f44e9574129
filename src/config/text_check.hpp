#pragma once
/// A check of the text of a config before the TOML parser sees it. toml++ 3.3 takes several things
/// on trust (control and non-ASCII characters in keys, what follows an opening bracket or a date,
/// letters after a continued line of a string) and then aborts or runs into undefined behaviour,
/// and its recursion on hostile nesting can exhaust the stack; what passes here is safe to parse.

#include <string>
#include <string_view>

namespace softmaxflow {

inline constexpr std::size_t max_config_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_config_nesting = 16;  ///< of brackets and braces
inline constexpr int max_config_dots = 8;              ///< in one dotted key

/// Throws Error(usage) with "name:line:column: ..." unless `text` is valid UTF-8 of at most
/// max_config_bytes without control characters but tab and line ends and, outside of strings and
/// comments, has no other characters than TOML uses there, no dates, strings of one line only, and
/// no deep nesting.
void check_text(std::string_view text, const std::string& name);

/// The part of it about UTF-8 and control characters.
void check_characters(std::string_view text, const std::string& name);

}  // namespace softmaxflow
