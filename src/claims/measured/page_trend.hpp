#pragma once
/// Page's test for a trend over ordered treatments (Page 1963): every block (replica) ranks its k
/// values; L = sum_j j R_j, R_j the sum of ranks of treatment j.

#include <vector>

namespace softmaxflow::claims {

struct PageTrend {
    double statistic = 0.0;  ///< L
    double z = 0.0;          ///< standardised: normal for many blocks without a trend
    double p = 1.0;          ///< one-sided, for an increasing trend
};

/// `values`: (block, treatment), the treatments in the order of the expected increase. Ties share
/// the mean of their ranks. For at least one block and two treatments.
PageTrend page_trend(const std::vector<std::vector<double>>& values);

}  // namespace softmaxflow::claims
