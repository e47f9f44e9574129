#pragma once
/// Moments and counts of one curve at one checkpoint over one block of replicas, as
/// model/numerics/moments.hpp defines them; failed replicas are left out. A device adds them to
/// those of the other blocks; the CPU has a block at a time (src/backend/host/staging.cpp).

#include "kernels/batch.hpp"
#include "softmaxflow/model/numerics/merged_moments.hpp"
#include "softmaxflow/plain/status.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

namespace model = softmaxflow::model;

/// Item `index` of a reduction, by any team: take(place, moments) gets the moments, which every
/// lane holds, and count(counter) a counter of a bin for each finite value, from the lane that has
/// it.
template <class Team, class Take, class Count>
SOFTMAXFLOW_HD void reduce_item(const Reduction& r, long long index, Team team, Take take,
                                Count count) {
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
    const int replicas = left < block_size ? static_cast<int>(left) : block_size;
    take(place, model::block_moments<block_size>(team, replicas, value));
    for (int i = team.rank(); i < replicas; i += Team::size)
        if (const double x = value(i); model::is_finite(x))
            count(counts[model::bin_of(x, edges, r.bins)]);
}

/// The same, added to what other teams have found.
template <class Team>
SOFTMAXFLOW_HD void reduce(const Reduction& r, long long index, Team team) {
    reduce_item(
        r, index, team,
        [&](int place, const BlockMoments& moments) {
            model::merge(team, reinterpret_cast<MergedMoments*>(r.moments)[place], moments);
        },
        [](unsigned& counter) { model::fetch_add(counter, 1U); });
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
