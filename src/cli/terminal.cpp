#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace softmaxflow::cli {

Style Style::of(int descriptor) {
    const auto set = [](const char* variable) {
        const char* value = std::getenv(variable);
        return value != nullptr && *value != '\0';
    };
    const char* term = std::getenv("TERM");
    const bool dumb = term == nullptr || std::string_view(term) == "dumb";
    return Style(isatty(descriptor) == 1 && !set("NO_COLOR") && !dumb);
}

std::string Style::wrap(const char* code, std::string_view text) const {
    return on_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b')
            i = std::min(text.find('m', i), text.size() - 1);
        else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
            ++count;
    }
    return count;
}

std::string left(std::string_view text, std::size_t width) {
    return std::string(text) + std::string(width - std::min(width, columns(text)), ' ');
}

std::string right(std::string_view text, std::size_t width) {
    return std::string(width - std::min(width, columns(text)), ' ') + std::string(text);
}

std::string line(std::string_view text) { return "  " + std::string(text) + "\n"; }

std::string number(double x, int digits) {
    if (std::isnan(x)) return "-";
    if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
    std::string text = fmt::format("{:.{}g}", x, digits);
    const std::size_t e = text.find('e');
    if (e == std::string::npos) return text;
    const int exponent = std::atoi(text.c_str() + e + 1);
    return text.substr(0, e + 1) + std::to_string(exponent);
}

std::string grouped(std::int64_t n) {
    const std::string digits = std::to_string(n);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const bool between = i > 0 && digits[i - 1] != '-';
        if (between && (digits.size() - i) % 3 == 0) text += ' ';
        text += digits[i];
    }
    return text;
}

std::string duration(double seconds) {
    if (!(seconds >= 0)) return "-";
    if (seconds < 0.9995) return fmt::format("{:.3g} ms", seconds * 1e3);
    if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
    if (seconds > 8.64e7) return fmt::format("{} years", number(seconds / 31556952, 2));
    const auto s = static_cast<std::int64_t>(std::llround(seconds));
    const std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour;
    if (s < hour) return fmt::format("{} min {} s", s / minute, s % minute);
    if (s < day) return fmt::format("{} h {} min", s / hour, s % hour / minute);
    return fmt::format("{} d {} h", s / day, s % day / hour);
}

std::string bytes(double count) {
    const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    std::size_t unit = 0;
    for (; count >= 999.5 && unit + 1 < std::size(units); ++unit) count /= 1000;
    return fmt::format("{:.3g} {}", count, units[unit]);
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
    std::string out;
    std::size_t used = indent;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string_view word = text.substr(at, end - at);
        if (!out.empty() && used + 1 + columns(word) > width) {
            out += fmt::format("\n{:{}}", "", indent);
            used = indent;
        } else if (!out.empty()) {
            out += ' ';
            ++used;
        }
        out += word;
        used += columns(word);
        at = end + 1;
    }
    return out;
}

std::string bar(double share, int width) {
    const char* parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (!(share > 0)) return "";
    const double exact = std::min(share, 1.0) * width * 8;
    const int eighths = std::max(1, static_cast<int>(std::lround(exact)));
    std::string text;
    for (int i = 0; i < eighths / 8; ++i) text += "█";
    return text + parts[eighths % 8];
}

}  // namespace softmaxflow::cli
