#include "stats/proportion.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <string>

#include "softmaxflow/error.hpp"
#include "stats/special_values.hpp"

namespace softmaxflow {
namespace {

// 113 bits in software: no mathematical library takes part, so that the doubles written to files
// are the same everywhere; a bound takes below a millisecond.
using Wide = boost::multiprecision::cpp_bin_float_quad;

void require_valid(std::int64_t k, std::int64_t n, double level) {
    if (k < 0 || k > n || !(level > 0.0 && level < 1.0))
        throw Error(Exit::internal, "no binomial bounds for k = " + std::to_string(k) + " of n = " +
                                        std::to_string(n) + " at level " + std::to_string(level) +
                                        ": expected 0 <= k <= n and 0 < level < 1");
}

/// p such that P(at least k of n | p) = tail; 0 < k <= n.
Wide lower_bound(std::int64_t k, std::int64_t n, const Wide& tail) {
    if (k == n) return exp(log(tail) / n);
    return boost::math::ibeta_inv(Wide(k), Wide(n - k + 1), tail);
}

/// p such that P(at most k of n | p) = tail; 0 <= k < n.
Wide upper_bound(std::int64_t k, std::int64_t n, const Wide& tail) {
    if (k == 0) return -boost::math::expm1(log(tail) / n);
    return boost::math::ibetac_inv(Wide(k + 1), Wide(n - k), tail);
}

}  // namespace

Proportion clopper_pearson(std::int64_t k, std::int64_t n, double level) {
    require_valid(k, n, level);
    if (n == 0) return {k, n, nan, nan, nan};
    const Wide tail = (1 - Wide(level)) / 2;
    return {k, n, static_cast<double>(k) / static_cast<double>(n),
            k == 0 ? 0.0 : static_cast<double>(lower_bound(k, n, tail)),
            k == n ? 1.0 : static_cast<double>(upper_bound(k, n, tail))};
}

double clopper_pearson_upper(std::int64_t k, std::int64_t n, double level) {
    require_valid(k, n, level);
    if (n == 0) return nan;
    return k == n ? 1.0 : static_cast<double>(upper_bound(k, n, 1 - Wide(level)));
}

}  // namespace softmaxflow
