#pragma once
/// Arrays of a replica: inside the object where the size is known to the compiler (registers, if
/// they fit), else in memory that the backend lends through an arena.

#include "softmaxflow/model/scalar.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Hands out pieces of a block of memory. With a null block it only counts the bytes needed.
class Arena {
public:
    SOFTMAXFLOW_HD explicit Arena(char* memory) : memory_(memory) {}

    template <class T>
    SOFTMAXFLOW_HD T* take(int count) {
        used_ = (used_ + alignof(T) - 1) / alignof(T) * alignof(T);
        char* place = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += sizeof(T) * static_cast<unsigned long>(count);
        return reinterpret_cast<T*>(place);
    }
    SOFTMAXFLOW_HD unsigned long used() const { return used_; }
    SOFTMAXFLOW_HD bool counts() const { return memory_ == nullptr; }

private:
    char* memory_;
    unsigned long used_ = 0;
};

/// Size > 0: an array of that size. Size 0: `count` elements from the arena.
template <class T, int Size>
struct Storage {
    using Element = T;
    T data[Size];
    Storage() = default;
    SOFTMAXFLOW_HD Storage(Arena&, int) {}
    SOFTMAXFLOW_HD T& operator[](int i) { return data[i]; }
    SOFTMAXFLOW_HD const T& operator[](int i) const { return data[i]; }
};

template <class T>
struct Storage<T, 0> {
    using Element = T;
    T* data;
    SOFTMAXFLOW_HD Storage() : data(nullptr) {}
    SOFTMAXFLOW_HD Storage(Arena& arena, int count) : data(arena.template take<T>(count)) {}
    SOFTMAXFLOW_HD T& operator[](int i) { return data[i]; }
    SOFTMAXFLOW_HD const T& operator[](int i) const { return data[i]; }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
