#pragma once
/// The one table of config keys. Parsing, checking, listing, the canonical text and the hash of a
/// cell all walk over it, so a new key is one line in keys.cpp and one member in config.hpp.

#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// record.checkpoints: a count, or a list of iterations or values of the clock; the list is empty
/// where the count applies.
struct CheckpointSlot {
    std::int64_t* count;
    std::vector<double>* list;
};

/// Where the value of a key lives. The alternative is also the type of the key.
using Slot =
    std::variant<std::int64_t*, double*, bool*, std::string*, std::optional<std::uint64_t>*,
                 std::vector<double>*, CheckpointSlot, std::vector<std::string>*>;

/// Values a number may take; an infinite end is never reached.
struct Range {
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    bool low_open = false;
    bool high_open = false;

    [[nodiscard]] bool contains(double x) const;
    [[nodiscard]] std::string text() const;  ///< ">= 1", "0 < x < 1", "" for any finite number
};

/// A key that only some choices of another key (its selector) look at.
struct UsedBy {
    std::string_view selector;              ///< "objective.loss"; empty: always used
    std::vector<std::string_view> choices;  ///< {"square"}
};

struct Key {
    std::string_view section, name;
    Slot (*slot)(Config&);
    std::string_view unit;
    std::string_view help;
    Range range = {};                           ///< numbers, and the elements of lists
    std::span<const char* const> choices = {};  ///< strings, or integers as text; empty: any
    UsedBy used_by = {};

    [[nodiscard]] std::string full() const;     ///< "model.tokens"
    [[nodiscard]] std::string type() const;     ///< "integer", "list of floats", ...
    [[nodiscard]] std::string allowed() const;  ///< range or choices as text; "" for any
};

/// All keys, in canonical order.
std::span<const Key> all_keys();
/// The key of that full name; nullptr if there is none.
const Key* find_key(std::string_view full);
/// Names of the tables, in canonical order.
std::vector<std::string> all_sections();

/// The value of a key as TOML; "" for an absent seed.
std::string value_text(const Key& key, const Config& config);
/// What is wrong with the value of a key taken alone ("expected ..., found ..."); "" if nothing is.
std::string complaint(const Key& key, const Config& config);

/// A string as a TOML basic string; a double as a TOML float that reads back as the same bits.
std::string toml_string(std::string_view text);
std::string toml_float(double x);

/// The candidate nearest to `word` by edit distance, or "" if none is close.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
/// The full name of the key nearest to `full`, also looking for its name in other tables; or "".
std::string nearest_key(std::string_view full);

/// Every key with type, default, unit, allowed values and help: for a terminal, and as JSON.
std::string keys_listing();
nlohmann::json keys_json();

}  // namespace softmaxflow
