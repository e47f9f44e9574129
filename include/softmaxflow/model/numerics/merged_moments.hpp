#pragma once
/// Moments of many blocks, merged without rounding: sums as numbers in fixed point whose digits
/// many lanes may add to at once, so that nothing depends on their order. stats/exact_sum.hpp makes
/// doubles of them again.

#include "softmaxflow/model/numerics/atomics.hpp"
#include "softmaxflow/model/numerics/moments.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Calls add(place, part) for the places that a term has a part in.
template <class Add>
SOFTMAXFLOW_HD void for_each_digit(double term, Add add) {
    constexpr Bits mask = (Bits(1) << ExactDigits::bits) - 1;
    const Bits bits = to_bits(term);
    const int biased = int(bits >> 52 & 0x7ff);
    Bits significand = bits & ((Bits(1) << 52) - 1);
    const bool negative = bits >> 63 != 0;
    if (biased == 0x7ff) {
        add(ExactDigits::count + (significand != 0 ? 2 : negative ? 1 : 0), Int(1));
        return;
    }
    if (biased != 0) significand |= Bits(1) << 52;
    const int position = biased == 0 ? 0 : biased - 1;  // term = significand * 2^position units
    const int offset = position % ExactDigits::bits, first = position / ExactDigits::bits;
    const Bits low = (significand & mask) << offset, high = (significand >> ExactDigits::bits)
                                                            << offset;
    const Int sign = negative ? -1 : 1;
    add(first, sign * Int(low & mask));
    add(first + 1, sign * Int((low >> ExactDigits::bits) + (high & mask)));
    add(first + 2, sign * Int(high >> ExactDigits::bits));
}

/// Integers in the order of the numbers, which may be infinite but not NaN; -0 counts as 0.
SOFTMAXFLOW_HD Int ordered(double x) {
    const Int bits = Int(to_bits(x + 0.0));
    return bits >= 0 ? bits : Int(~Bits(bits) | Bits(1) << 63);
}
SOFTMAXFLOW_HD double from_ordered(Int x) {
    return from_bits(x >= 0 ? Bits(x) : ~(Bits(x) & ~(Bits(1) << 63)));
}

/// Of no block yet.
SOFTMAXFLOW_HD MergedMoments no_moments() {
    MergedMoments none{};
    none.min = ordered(infinity());
    none.max = ordered(-infinity());
    return none;
}

/// Adds a block, whose moments every lane of the team holds. Other teams may do so meanwhile.
template <class Team>
SOFTMAXFLOW_HD void merge(Team team, MergedMoments& all, const BlockMoments& block) {
    const double terms[] = {block.sum.high, block.sum.low, block.sum_of_squares.high,
                            block.sum_of_squares.low};
    for (int i = 0; i < 4; ++i) {
        if (i % Team::size != team.rank()) continue;
        ExactDigits& sum = i < 2 ? all.sum : all.sum_of_squares;
        for_each_digit(terms[i], [&](int place, Int part) {
            if (part != 0) fetch_add(sum.digit[place], part);
        });
    }
    if (team.rank() != 0) return;
    fetch_extreme<Extreme::least>(all.min, ordered(block.min));
    fetch_extreme<Extreme::greatest>(all.max, ordered(block.max));
    fetch_add(all.finite, block.finite);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
