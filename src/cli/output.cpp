#include "cli/output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {

void write_out(std::string_view text) {
    const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (whole && std::fflush(stdout) == 0) return;
    throw Error(Exit::file,
                fmt::format("cannot write to stdout: {}", std::generic_category().message(errno)));
}

void write_json(const nlohmann::ordered_json& json) {
    using Json = nlohmann::ordered_json;
    write_out(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace softmaxflow::cli
