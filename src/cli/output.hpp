#pragma once
/// What goes to stdout: results and nothing else.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace softmaxflow::cli {

/// Writes and flushes. Throws Error(file) if stdout cannot take it, a full disk for instance.
void write_out(std::string_view text);
/// Indented, with a line end. What is not finite becomes null, bytes that are not UTF-8 U+FFFD.
void write_json(const nlohmann::ordered_json& json);

}  // namespace softmaxflow::cli
