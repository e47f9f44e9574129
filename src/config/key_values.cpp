// The values of keys: as TOML text, and what is wrong with them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "config/keys.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow {
namespace {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// Reads only; the slots are shared with the parser, which writes.
Slot slot_of(const Key& key, const Config& config) { return key.slot(const_cast<Config&>(config)); }

template <class T>
std::string list_text(const std::vector<T>& list, std::string (*text)(T)) {
    std::vector<std::string> items;
    std::transform(list.begin(), list.end(), std::back_inserter(items), text);
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string number_complaint(const Range& range, double x, const std::string& found) {
    if (range.contains(x)) return "";
    const std::string allowed = range.text();
    return fmt::format("expected {}, found {}", allowed.empty() ? "a finite number" : allowed,
                       found);
}

std::string list_complaint(const Key& key, const std::vector<double>& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        std::string wrong = number_complaint(key.range, list[i], toml_float(list[i]));
        if (!wrong.empty()) return wrong;
        if (i > 0 && list[i] <= list[i - 1]) {
            return fmt::format("expected strictly increasing values, found {} after {}",
                               toml_float(list[i]), toml_float(list[i - 1]));
        }
    }
    return "";
}

std::string iteration_text(double x) { return fmt::format("{}", static_cast<std::int64_t>(x)); }

/// Iterations are whole numbers, values of the clock of a flow any.
using NumberText = std::string (*)(double);
NumberText checkpoint_text(const Config& config) {
    return is_flow(config) ? toml_float : iteration_text;
}

std::string checkpoint_complaint(const Key& key, const CheckpointSlot& slot, bool of_flow) {
    if (slot.list->empty()) {
        return number_complaint(key.range, double(*slot.count), fmt::format("{}", *slot.count));
    }
    for (std::size_t i = 0; i < slot.list->size(); ++i) {
        const double x = (*slot.list)[i];
        const bool valid =
            of_flow ? x >= 0 && std::isfinite(x) : x >= 0 && x <= 0x1p53 && x == std::floor(x);
        if (!valid) {
            return fmt::format("expected {} >= 0, found {}",
                               of_flow ? "values of the clock" : "whole iterations", toml_float(x));
        }
        if (i > 0 && x <= (*slot.list)[i - 1]) {
            const NumberText text = of_flow ? toml_float : iteration_text;
            return fmt::format("expected strictly increasing {}, found {} after {}",
                               of_flow ? "values of the clock" : "iterations", text(x),
                               text((*slot.list)[i - 1]));
        }
    }
    return "";
}

std::string integer_complaint(const Key& key, std::int64_t x) {
    const std::string found = fmt::format("{}", x);
    if (key.choices.empty()) return number_complaint(key.range, double(x), found);
    if (std::find(key.choices.begin(), key.choices.end(), found) != key.choices.end()) return "";
    return fmt::format("expected one of {}, found {}", fmt::join(key.choices, ", "), found);
}

std::string string_complaint(const Key& key, const std::string& found) {
    if (found.find('\0') != std::string::npos) return "expected text without NUL characters";
    const std::vector<std::string> names(key.choices.begin(), key.choices.end());
    if (names.empty() || std::find(names.begin(), names.end(), found) != names.end()) return "";
    const std::string near = nearest(found, names);
    return fmt::format("expected {}{}, found {}{}", names.size() > 1 ? "one of " : "",
                       fmt::join(names, ", "), toml_string(found),
                       near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

}  // namespace

bool Range::contains(double x) const {
    return std::isfinite(x) && (low_open ? x > low : x >= low) &&
           (high_open ? x < high : x <= high);
}

std::string Range::text() const {
    const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
    const char* below = low_open ? "<" : "<=";
    const char* above = high_open ? "<" : "<=";
    if (has_low && has_high && !low_open && !high_open) return fmt::format("{} .. {}", low, high);
    if (has_low && has_high) return fmt::format("{} {} x {} {}", low, below, above, high);
    if (has_low) return fmt::format("{} {}", low_open ? ">" : ">=", low);
    return has_high ? fmt::format("{} {}", above, high) : "";
}

std::string value_text(const Key& key, const Config& config) {
    return std::visit(
        Overloaded{[](const std::int64_t* x) { return fmt::format("{}", *x); },
                   [](const double* x) { return toml_float(*x); },
                   [](const bool* x) { return fmt::format("{}", *x); },
                   [](const std::string* x) { return toml_string(*x); },
                   [](const std::optional<std::uint64_t>* x) {
                       return x->has_value() ? fmt::format("{}", **x) : std::string();
                   },
                   [](const std::vector<double>* x) { return list_text(*x, toml_float); },
                   [&](const CheckpointSlot& x) {
                       return x.list->empty() ? fmt::format("{}", *x.count)
                                              : list_text(*x.list, checkpoint_text(config));
                   },
                   [](const std::vector<std::string>* x) {
                       std::vector<std::string_view> words(x->begin(), x->end());
                       return list_text(words, toml_string);
                   }},
        slot_of(key, config));
}

std::string complaint(const Key& key, const Config& config) {
    return std::visit(
        Overloaded{
            [&](const std::int64_t* x) { return integer_complaint(key, *x); },
            [&](const double* x) { return number_complaint(key.range, *x, toml_float(*x)); },
            [](const bool*) { return std::string(); },
            [&](const std::string* x) { return string_complaint(key, *x); },
            [](const std::optional<std::uint64_t>* x) {
                const bool fits = !x->has_value() || std::in_range<std::int64_t>(**x);
                return fits ? std::string()
                            : fmt::format("expected at most 2^63 - 1, found {}", **x);
            },
            [&](const std::vector<double>* x) { return list_complaint(key, *x); },
            [&](const CheckpointSlot& x) { return checkpoint_complaint(key, x, is_flow(config)); },
            [&](const std::vector<std::string>* x) {
                for (const std::string& word : *x)
                    if (std::string wrong = string_complaint(key, word); !wrong.empty())
                        return wrong;
                return std::string();
            }},
        slot_of(key, config));
}

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\u{:04X}", byte);
        } else {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
    }
    return out + '"';
}

std::string toml_float(double x) {
    if (std::isnan(x)) return "nan";
    const std::string text = fmt::format("{}", x);
    const bool is_float = text.find_first_of(".ein") != std::string::npos;
    return is_float ? text : text + ".0";
}

}  // namespace softmaxflow
