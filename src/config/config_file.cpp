#include "config/config_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "config/text_check.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& place, const std::string& what) {
    throw Error(Exit::usage, fmt::format("{}: {}", place, what));
}

std::string place_of(const toml::source_region& source, const std::string& name) {
    return fmt::format("{}:{}:{}", name, source.begin.line, source.begin.column);
}

/// What a value is, for "expected an integer, found ...".
std::string describe(const toml::node& node) {
    if (node.is_table()) return "a table";
    if (const auto* x = node.as_array()) return x->empty() ? "an empty list" : "a list";
    if (const auto* x = node.as_string()) return "the string " + toml_string(x->get());
    if (const auto* x = node.as_integer()) return fmt::format("the integer {}", x->get());
    if (const auto* x = node.as_floating_point()) return "the float " + toml_float(x->get());
    if (const auto* x = node.as_boolean()) return fmt::format("the boolean {}", x->get());
    return "another type";
}

/// An integer, or a float without fraction such as 1e5.
std::optional<std::int64_t> as_integer(const toml::node& node) {
    if (const auto* x = node.as_integer()) return x->get();
    const auto* x = node.as_floating_point();
    const bool whole = x && std::abs(x->get()) <= 0x1p53 && x->get() == std::floor(x->get());
    return whole ? std::optional(static_cast<std::int64_t>(x->get())) : std::nullopt;
}

std::optional<double> as_number(const toml::node& node) { return node.value<double>(); }

/// Stores a value where its key lives; false if it has the wrong type, which `culprit` has then.
struct Store {
    const toml::node* culprit;

    template <class From, class To>
    static bool put(const std::optional<From>& from, To& to) {
        if (from) to = static_cast<To>(*from);
        return from.has_value();
    }
    template <class Convert>
    bool put_list(Convert&& convert, std::vector<double>& to) {
        to.clear();
        const toml::array* array = culprit->as_array();
        if (!array) return false;
        for (const toml::node& item : *array) {
            if (!put(convert(item), to.emplace_back())) {
                culprit = &item;
                return false;
            }
        }
        return true;
    }
    bool operator()(std::int64_t* to) { return put(as_integer(*culprit), *to); }
    bool operator()(double* to) { return put(as_number(*culprit), *to); }
    bool operator()(bool* to) { return put(culprit->value_exact<bool>(), *to); }
    bool operator()(std::string* to) { return put(culprit->value_exact<std::string>(), *to); }
    bool operator()(std::vector<double>* to) { return put_list(as_number, *to); }
    bool operator()(std::optional<std::uint64_t>* to) {
        const auto x = as_integer(*culprit);
        return x && *x >= 0 && put(x, to->emplace());
    }
    bool operator()(std::vector<std::string>* to) {
        to->clear();
        const toml::array* array = culprit->as_array();
        if (!array) return false;
        for (const toml::node& item : *array) {
            if (!put(item.value_exact<std::string>(), to->emplace_back())) {
                culprit = &item;
                return false;
            }
        }
        return true;
    }
    bool operator()(const CheckpointSlot& to) {
        if (culprit->is_array()) return put_list(as_number, *to.list) && !to.list->empty();
        to.list->clear();
        return put(as_integer(*culprit), *to.count);
    }
};

std::string expected_type(const Key& key) {
    if (key.full() == "ensemble.seed") return "an integer from 0 to 2^63 - 1";
    if (key.full() == "record.checkpoints") return "an integer or a list of numbers";
    const std::string type = key.type();
    return (type == "integer" ? "an " : "a ") + type;
}

void store(const Key& key, const toml::node& node, const std::string& place, Config& config,
           Places& places) {
    Store put{&node};
    if (!std::visit(put, key.slot(config))) {
        fail(place,
             fmt::format("key `{}`: expected {}, found {}{}", key.full(), expected_type(key),
                         put.culprit == &node ? "" : "a list with ", describe(*put.culprit)));
    }
    places[key.full()] = place;
}

[[noreturn]] void fail_unknown_key(const std::string& full, const std::string& place) {
    const std::string near = nearest_key(full);
    fail(place, fmt::format("key `{}`: unknown key; {}", full,
                            near.empty() ? "see `softmaxflow config keys` for all"
                                         : fmt::format("did you mean `{}`?", near)));
}

void check_section(const std::string& section, const toml::node& node, const std::string& place) {
    const std::vector<std::string> sections = all_sections();
    if (section == "sweep") {
        fail(place, fmt::format("table [{}]: not in this version; remove it", section));
    }
    const bool known = std::find(sections.begin(), sections.end(), section) != sections.end();
    if (known && node.is_table()) return;
    if (known)
        fail(place, fmt::format("[{}]: expected a table, found {}", section, describe(node)));
    if (!node.is_table()) fail_unknown_key(section, place);
    const std::string near = nearest(section, sections);
    fail(place,
         fmt::format("table [{}]: unknown table; {}", section,
                     near.empty() ? fmt::format("expected one of [{}]", fmt::join(sections, "], ["))
                                  : fmt::format("did you mean [{}]?", near)));
}

toml::table parse_toml(std::string_view text, const std::string& name) {
    try {
        return toml::parse(text, name);
    } catch (const toml::parse_error& error) {
        const std::string what(error.description());
        const bool bare_word = what.find("could not determine value type") != std::string::npos;
        fail(place_of(error.source(), name), what + (bare_word ? "; text needs quotes" : ""));
    }
}

void read_text(std::string_view text, const std::string& name, Config& config, Places& places) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
    check_text(text, name);
    const toml::table root = parse_toml(text, name);
    for (const auto& [section, node] : root) {
        const std::string section_name(section.str());
        check_section(section_name, node, place_of(section.source(), name));
        for (const auto& [key_name, value] : *node.as_table()) {
            const std::string full = fmt::format("{}.{}", section_name, key_name.str());
            const std::string place = place_of(key_name.source(), name);
            const Key* key = find_key(full);
            if (!key) fail_unknown_key(full, place);
            store(*key, value, place, config, places);
        }
    }
}

/// The value of an override as a TOML node; strings need no quotes.
toml::table parse_override(const Key& key, const std::string& value, const std::string& place,
                           Config& config) {
    const bool quoted = value.starts_with('"') || value.starts_with('\'');
    const auto fail_value = [&](const std::string& what) {
        fail(place, fmt::format("key `{}`: expected {}, found `{}`{}", key.full(),
                                expected_type(key), value, what));
    };
    const bool is_list = value.starts_with('[');
    const bool is_path = key.choices.empty() && key.name == "file";
    if (!quoted && !is_list && !is_path && value.find(',') != std::string::npos) {
        fail_value(
            "; a list needs brackets, and sweeps over several values are not in this version");
    }
    // A comment or a second line would be dropped in silence.
    if (!quoted && !is_path && value.find('#') != std::string::npos) fail_value("");
    if (value.find_first_of("\n\r") != std::string::npos) fail_value(" with a line end");
    if (!quoted && std::holds_alternative<std::string*>(key.slot(config))) {
        return toml::table{{"value", value}};
    }
    const std::string assignment = "value = " + value;
    check_text(assignment, place);
    try {
        return toml::parse(assignment);
    } catch (const toml::parse_error&) {
        fail_value("");
    }
    return {};
}

void apply_override(const std::string& text, Config& config, Places& places) {
    check_characters(text, "--set");
    const std::string place = "--set " + text;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) fail(place, "expected KEY=VALUE, such as model.tokens=8");
    const std::string name = text.substr(0, equals);
    const Key* key = find_key(name);
    if (!key) fail_unknown_key(name, place);
    const toml::table parsed = parse_override(*key, text.substr(equals + 1), place, config);
    store(*key, *parsed.get("value"), place, config, places);
}

Config parse(std::string_view text, const std::string& name,
             const std::vector<std::string>& overrides) {
    Config config;
    Places places;
    read_text(text, name, config, places);
    for (const std::string& override_text : overrides)
        apply_override(override_text, config, places);
    config.ensemble.replicas_given = places.contains("ensemble.replicas");
    validate(config, places);
    return config;
}

std::string read_file(const std::string& path) {
    std::error_code ignored;
    std::ifstream file(path, std::ios::binary);
    if (fs::is_directory(path, ignored) || !file) {
        throw Error(Exit::file,
                    fmt::format("{}: cannot open this config; does the file exist, and may "
                                "it be read?",
                                path));
    }
    std::string text(max_config_bytes + 1, '\0');
    file.read(text.data(), std::streamsize(text.size()));
    if (file.bad()) throw Error(Exit::file, fmt::format("{}: cannot read this config", path));
    text.resize(std::size_t(file.gcount()));
    return text;
}

void make_absolute(std::string& file, const fs::path& folder) {
    if (!file.empty()) file = (folder / file).lexically_normal().string();
}

}  // namespace

Config read_config(const std::string& path, const std::vector<std::string>& overrides) {
    Config config = parse(read_file(path), path, overrides);
    std::error_code ignored;
    const fs::path folder = fs::absolute(path, ignored).parent_path();
    make_absolute(config.objective.file, folder);
    make_absolute(config.init.file, folder);
    return config;
}

Config parse_config(std::string_view text, const std::string& name,
                    const std::vector<std::string>& overrides) {
    return parse(text, name, overrides);
}

std::string canonical_text(const Config& config, bool with_machine) {
    Config shown = config;
    if (!with_machine) {
        for (std::string* file : {&shown.objective.file, &shown.init.file}) {
            *file = fs::path(*file).filename().string();
        }
    }
    std::string text;
    std::string_view section;
    for (const Key& key : all_keys()) {
        const bool machine = key.full() == "backend.device" || key.full() == "backend.threads";
        const std::string value = value_text(key, shown);
        if (value.empty() || (machine && !with_machine)) continue;
        if (section != key.section) {
            text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.section);
            section = key.section;
        }
        text += fmt::format("{} = {}\n", key.name, value);
    }
    return text;
}

std::uint64_t cell_key(const Config& config, const std::vector<std::string>& digests) {
    const Config defaults;
    auto digest = digests.begin();
    std::string text;
    for (const Key& key : all_keys()) {
        const bool counts =
            key.section == "model" || key.section == "objective" || key.section == "init";
        const std::string value = value_text(key, config);
        if (!counts || value == value_text(key, defaults)) continue;
        const bool is_file = key.name == "file";
        if (is_file && digest == digests.end()) {
            throw Error(Exit::internal, fmt::format("cell_key: no digest of {}", key.full()));
        }
        text += fmt::format("{}={}\n", key.full(), is_file ? *digest++ : value);
    }
    return XXH3_64bits(text.data(), text.size());
}

}  // namespace softmaxflow
