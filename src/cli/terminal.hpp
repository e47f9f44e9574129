#pragma once
/// How things look: colours only where somebody watches, numbers as people write them.

#include <cstdint>
#include <string>
#include <string_view>

namespace softmaxflow::cli {

/// Escape codes if the stream is a terminal that takes them and NO_COLOR is unset; else nothing.
class Style {
public:
    explicit Style(bool on) : on_(on) {}
    /// For file descriptor 1 or 2.
    static Style of(int descriptor);

    [[nodiscard]] std::string bold(std::string_view text) const { return wrap("1", text); }
    [[nodiscard]] std::string dim(std::string_view text) const { return wrap("2", text); }
    [[nodiscard]] std::string accent(std::string_view text) const { return wrap("36", text); }
    [[nodiscard]] std::string good(std::string_view text) const { return wrap("32", text); }
    [[nodiscard]] std::string bad(std::string_view text) const { return wrap("1;31", text); }

private:
    [[nodiscard]] std::string wrap(const char* code, std::string_view text) const;
    bool on_;
};

/// Columns that `text` takes on a terminal: UTF-8 code points outside of escape codes.
std::size_t columns(std::string_view text);
/// Padded with spaces to `width` columns.
std::string left(std::string_view text, std::size_t width);
std::string right(std::string_view text, std::size_t width);
/// A line of a report.
std::string line(std::string_view text);

/// Significant digits as asked for, "1.5e-7" for small and large; "-" for NaN.
std::string number(double x, int digits = 4);
/// 1234567 -> "1 234 567".
std::string grouped(std::int64_t n);
/// "3.2 ms", "9.8 s", "12 min 5 s", "3 h 20 min", "4 d 2 h", "31 years".
std::string duration(double seconds);
/// "3.4 MB".
std::string bytes(double count);
/// Broken between words into lines of at most `width` columns; further lines are indented.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);
/// A bar of `share` of `width` columns, in eighths of a column; a trace for anything above 0.
std::string bar(double share, int width);

}  // namespace softmaxflow::cli
