#include "config/text_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

/// A position in the text that knows its line and column, counted in characters from 1.
struct Reader {
    std::string_view text;
    const std::string& name;
    std::size_t at = 0;

    [[nodiscard]] bool done() const { return at >= text.size(); }
    [[nodiscard]] unsigned char peek(std::size_t ahead = 0) const {
        return at + ahead < text.size() ? static_cast<unsigned char>(text[at + ahead]) : 0;
    }
    [[nodiscard]] bool starts(std::string_view word) const {
        return text.substr(at, word.size()) == word;
    }

    [[noreturn]] void fail(const std::string& what) const {
        const std::string_view before = text.substr(0, at);
        const std::size_t line = 1 + std::size_t(std::count(before.begin(), before.end(), '\n'));
        const std::string_view row = before.substr(before.rfind('\n') + 1);
        const auto starts_character = [](char c) {
            return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        };
        const auto column = 1 + std::count_if(row.begin(), row.end(), starts_character);
        throw Error(Exit::usage, fmt::format("{}:{}:{}: {}", name, line, column, what));
    }
};

/// Length of the UTF-8 sequence at `r`; 0 if it is not a valid one (overlong and surrogates
/// included).
int sequence_length(const Reader& r) {
    const unsigned lead = r.peek();
    const int length = lead < 0x80   ? 1
                       : lead < 0xc2 ? 0
                       : lead < 0xe0 ? 2
                       : lead < 0xf0 ? 3
                       : lead < 0xf5 ? 4
                                     : 0;
    for (int i = 1; i < length; ++i) {
        if ((r.peek(i) & 0xc0) != 0x80) return 0;
    }
    const unsigned second = r.peek(1);
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool surrogate = lead == 0xed && second > 0x9f;
    const bool too_large = lead == 0xf4 && second > 0x8f;
    return overlong || surrogate || too_large ? 0 : length;
}

bool is_control(const Reader& r) {
    const unsigned byte = r.peek();
    const bool c1 = byte == 0xc2 && r.peek(1) < 0xa0;  // U+0080 .. U+009F
    return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f || c1;
}

void check_bytes(Reader r) {
    while (!r.done()) {
        const int length = sequence_length(r);
        if (length == 0) {
            r.fail(
                fmt::format("byte 0x{:02X} is not valid UTF-8; save the file as UTF-8", r.peek()));
        }
        if (is_control(r)) {
            r.fail("control character; only tab and line ends are allowed, remove it");
        }
        r.at += length;
    }
}

bool is_bare(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool is_one_of(unsigned char c, std::string_view set) {
    return set.find(static_cast<char>(c)) != std::string_view::npos;
}

/// Moves past the string that opens at `r`; a string ends on its line at the latest.
void skip_string(Reader& r) {
    const char quote = r.text[r.at];
    const unsigned char before = r.at > 0 ? static_cast<unsigned char>(r.text[r.at - 1]) : ' ';
    if (is_bare(before) || is_one_of(before, "+\"'")) {
        r.fail("unexpected quote; a string starts after a blank, and stands on one line");
    }
    for (++r.at; !r.done() && r.peek() != '\n'; ++r.at) {
        if (r.text[r.at] == quote) {
            ++r.at;
            return;
        }
        if (quote == '"' && r.peek() == '\\' && r.peek(1) != '\n') ++r.at;
    }
}

/// At the bracket that opens a line: [table] or [[table]], which toml++ takes on trust.
void check_header(Reader r) {
    r.at += r.starts("[[") ? 2 : 1;
    while (is_one_of(r.peek(), " \t")) ++r.at;
    if (!is_bare(r.peek()) && !is_one_of(r.peek(), "\"'")) {
        r.fail("expected the name of a table after the bracket, such as [model]");
    }
}

void check_structure(Reader r) {
    std::string open;  // brackets not closed yet
    int dots = 0;
    bool line_start = true;
    while (!r.done()) {
        const unsigned char c = r.peek();
        if (c == '#') {
            r.at = std::min(r.text.find('\n', r.at), r.text.size());
            continue;
        }
        if (is_one_of(c, "\"'")) {
            skip_string(r);
            line_start = false;
            continue;
        }
        if (c >= 0x80) r.fail("non-ASCII character outside of quotes; keys and values are ASCII");
        if (!is_bare(c) && !is_one_of(c, "[]{}=.,+ \t\r\n")) {
            r.fail(fmt::format("unexpected character '{}'; text needs quotes", char(c)));
        }
        if (c == '-' && r.at > 0 && is_one_of(r.text[r.at - 1], "0123456789_")) {
            r.fail("unexpected '-' after a digit; no key takes a date, and text needs quotes");
        }
        if (c == '[' && line_start && open.empty()) check_header(r);
        if (is_one_of(c, "[{")) open += char(c);
        if (is_one_of(c, "]}")) {
            if (open.empty() || open.back() != (c == ']' ? '[' : '{')) {
                r.fail(fmt::format("'{}' closes nothing", char(c)));
            }
            open.pop_back();
        }
        if (open.size() > max_config_nesting) {
            r.fail(fmt::format("brackets nested deeper than {}", max_config_nesting));
        }
        if (c == '.') ++dots;
        if (is_one_of(c, "=,[]{}\n")) dots = 0;
        if (dots > max_config_dots) {
            r.fail(fmt::format("a key of more than {} parts", max_config_dots + 1));
        }
        line_start = c == '\n' || (line_start && is_one_of(c, " \t\r"));
        ++r.at;
    }
}

}  // namespace

void check_characters(std::string_view text, const std::string& name) { check_bytes({text, name}); }

void check_text(std::string_view text, const std::string& name) {
    if (text.size() > max_config_bytes) {
        throw Error(Exit::usage, fmt::format("{}: {} bytes; a config has at most {}", name,
                                             text.size(), max_config_bytes));
    }
    check_bytes({text, name});
    check_structure({text, name});
}

}  // namespace softmaxflow
