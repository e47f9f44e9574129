#pragma once
/// Moments and counts of one curve at one checkpoint over one block of replicas, as
/// model/numerics/moments.hpp defines them, added to those of the other blocks; failed replicas are
/// left out.

#include "kernels/batch.hpp"
#include "softmaxflow/model/numerics/merged_moments.hpp"
#include "softmaxflow/plain/status.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

namespace model = softmaxflow::model;

template <class Team>
SOFTMAXFLOW_HD void reduce(const Reduction& r, long long index, Team team) {
    const long long block = index / (r.curve_count * r.checkpoints);
    const int place = static_cast<int>(index % (r.curve_count * r.checkpoints));
    const int curve = place / r.checkpoints, checkpoint = place % r.checkpoints;
    const long long first = block * block_size, left = r.replicas - first;
    const double* values =
        r.curves + (static_cast<long long>(checkpoint) * r.curve_count + curve) * r.stride + first;
    const double* edges = r.edges + static_cast<long long>(curve) * (r.bins + 1);
    unsigned* counts = r.counts + static_cast<long long>(place) * r.bins;
    const auto value = [&](int i) {
        return r.status[first + i] <= double(last_ok_status) ? values[i] : model::not_a_number();
    };
    const int count = left < block_size ? static_cast<int>(left) : block_size;
    const auto moments = model::block_moments<block_size>(team, count, value);
    model::merge(team, reinterpret_cast<MergedMoments*>(r.moments)[place], moments);
    for (int i = team.rank(); i < count; i += Team::size)
        if (const double x = value(i); model::is_finite(x))
            model::fetch_add(counts[model::bin_of(x, edges, r.bins)], 1U);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
