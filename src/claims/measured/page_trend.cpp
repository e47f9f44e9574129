#include "claims/measured/page_trend.hpp"

#include <boost/math/special_functions/erf.hpp>
#include <cmath>

namespace softmaxflow::claims {

PageTrend page_trend(const std::vector<std::vector<double>>& values) {
    const auto blocks = static_cast<double>(values.size());
    const auto k = static_cast<double>(values.front().size());
    PageTrend trend;
    for (const std::vector<double>& block : values)
        for (std::size_t j = 0; j < block.size(); ++j) {
            double rank = 1.0;
            for (std::size_t i = 0; i < block.size(); ++i)
                rank += block[i] < block[j] ? 1.0 : i != j && block[i] == block[j] ? 0.5 : 0.0;
            trend.statistic += static_cast<double>(j + 1) * rank;
        }
    const double mean = blocks * k * (k + 1) * (k + 1) / 4;
    const double variance = blocks * k * k * (k + 1) * (k + 1) * (k - 1) / 144;
    trend.z = (trend.statistic - mean) / std::sqrt(variance);
    trend.p = 0.5 * boost::math::erfc(trend.z / std::sqrt(2.0));
    return trend;
}

}  // namespace softmaxflow::claims
