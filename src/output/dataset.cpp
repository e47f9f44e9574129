#include "output/dataset.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <new>
#include <type_traits>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

std::string hexadecimal(XXH128_hash_t hash) {
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

constexpr std::uint64_t canonical_nan = 0x7ff8'0000'0000'0000;

/// The bits of a value, zero-extended.
template <class T>
std::uint64_t bits(T value) {
    if constexpr (std::is_floating_point_v<T>) {
        return std::isnan(value) ? canonical_nan : std::bit_cast<std::uint64_t>(value);
    } else {
        return static_cast<std::make_unsigned_t<T>>(value);
    }
}

/// Feeds the hash an unambiguous stream of bytes: numbers are little-endian on every machine, and
/// whatever has a length is preceded by it.
class PayloadHasher {
public:
    PayloadHasher() : state_(XXH3_createState(), XXH3_freeState) {
        if (!state_) throw std::bad_alloc();
        XXH3_128bits_reset(state_.get());
    }

    void number(std::uint64_t value) { values(std::vector{static_cast<std::int64_t>(value)}); }

    void text(std::string_view text) {
        number(text.size());
        XXH3_128bits_update(state_.get(), text.data(), text.size());
    }

    template <class T>
    void values(const std::vector<T>& values) {
        constexpr std::size_t batch = 512;
        std::array<unsigned char, batch * sizeof(T)> buffer;
        for (std::size_t first = 0; first < values.size(); first += batch) {
            const std::size_t last = std::min(first + batch, values.size());
            unsigned char* out = buffer.data();
            for (std::size_t i = first; i < last; ++i) {
                std::uint64_t rest = bits(values[i]);
                for (std::size_t byte = 0; byte < sizeof(T); ++byte, rest >>= 8)
                    *out++ = static_cast<unsigned char>(rest & 0xff);
            }
            XXH3_128bits_update(state_.get(), buffer.data(), (last - first) * sizeof(T));
        }
    }

    [[nodiscard]] std::string digest() const {
        return hexadecimal(XXH3_128bits_digest(state_.get()));
    }

private:
    std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

}  // namespace

const char* type_name(const Values& values) {
    static constexpr std::array names = {"f64", "i64", "i32", "i8"};
    static_assert(names.size() == std::variant_size_v<Values>);
    return names[values.index()];
}

std::size_t value_count(const Values& values) {
    return std::visit([](const auto& v) { return v.size(); }, values);
}

std::vector<std::size_t> dimension_ids(const Dataset& dataset, const Variable& variable) {
    std::vector<std::size_t> ids;
    std::size_t expected = 1;
    for (const std::string& name : variable.dimensions) {
        const auto found = std::find_if(dataset.dimensions.begin(), dataset.dimensions.end(),
                                        [&](const Dimension& d) { return d.name == name; });
        if (found == dataset.dimensions.end()) {
            throw Error(Exit::internal, fmt::format("variable {}: dimension {} is not defined",
                                                    variable.name, name));
        }
        ids.push_back(static_cast<std::size_t>(found - dataset.dimensions.begin()));
        expected *= found->length;
    }
    if (value_count(variable.values) != expected) {
        throw Error(Exit::internal, fmt::format("variable {}({}): {} values, expected {}",
                                                variable.name, fmt::join(variable.dimensions, ", "),
                                                value_count(variable.values), expected));
    }
    return ids;
}

std::string payload_hash(const Dataset& dataset) {
    PayloadHasher hasher;
    hasher.number(dataset.dimensions.size());
    for (const Dimension& dimension : dataset.dimensions) {
        hasher.text(dimension.name);
        hasher.number(dimension.length);
    }
    hasher.number(dataset.variables.size());
    for (const Variable& variable : dataset.variables) {
        hasher.text(variable.name);
        hasher.text(type_name(variable.values));
        hasher.number(variable.dimensions.size());
        for (const std::size_t id : dimension_ids(dataset, variable)) hasher.number(id);
        std::visit([&](const auto& values) { hasher.values(values); }, variable.values);
    }
    return hasher.digest();
}

std::string text_hash(std::string_view text) {
    return hexadecimal(XXH3_128bits(text.data(), text.size()));
}

}  // namespace softmaxflow
