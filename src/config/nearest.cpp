// The name that somebody may have meant.
#include <algorithm>
#include <utility>

#include "config/keys.hpp"

namespace softmaxflow {
namespace {

/// Insertions, deletions, substitutions and swaps of neighbours that lead from a to b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above, row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, substituted});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

constexpr std::size_t longest_name = 64;  // beyond this a word is noise, not a typing error

bool is_close(std::size_t distance, std::string_view word) {
    return distance <= std::max<std::size_t>(1, word.size() / 3);
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.size() > longest_name) return "";
    std::string best;
    std::size_t least = longest_name;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < least && is_close(distance, word)) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::string nearest_key(std::string_view full) {
    if (full.size() > longest_name) return "";
    const std::string_view name = full.substr(full.rfind('.') + 1);
    std::string best;
    std::size_t least = longest_name;
    for (const Key& key : all_keys()) {
        // A right name in a wrong table is as good as one typing error.
        const std::size_t elsewhere = edit_distance(name, key.name);
        const std::size_t distance = std::min(edit_distance(full, key.full()), elsewhere + 1);
        if (distance < least && (is_close(distance, full) && is_close(elsewhere, name))) {
            least = distance;
            best = key.full();
        }
    }
    return best;
}

}  // namespace softmaxflow
