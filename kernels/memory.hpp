#pragma once
/// Where the items of a batch have their objects and arrays.

#include "kernels/batch.hpp"
#include "softmaxflow/model/numerics/arena.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

namespace model = softmaxflow::model;

/// The arena of item `index`, each of which takes `bytes`.
SOFTMAXFLOW_HD model::Arena arena_of(char* memory, unsigned long bytes, long long index) {
    const long long tile = index / model::interleave * model::interleave;
    return model::Arena(memory + tile * static_cast<long long>(bytes),
                        static_cast<int>(index % model::interleave));
}
/// Bytes of the arenas of `count` items.
inline unsigned long bytes_of(unsigned long bytes, long long count) {
    const long long tiles = (count + model::interleave - 1) / model::interleave;
    return bytes * static_cast<unsigned long>(tiles * model::interleave);
}

/// The object that an item keeps between launches comes first in its arena.
template <class T>
SOFTMAXFLOW_HD T& object_of(const Batch& batch, long long index) {
    return *arena_of(batch.memory, batch.bytes_per_item, index).template take<T>(1);
}

/// Makes it; with an arena that only counts, counts its bytes.
template <class T, class... Arguments>
SOFTMAXFLOW_HD T* make_object(model::Arena& arena, Arguments&&... arguments) {
    T* place = arena.template take<T>(1);
    if (!arena.counts()) return new (place) T(arguments...);
    const T counts_its_arrays(arguments...);
    return nullptr;
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
