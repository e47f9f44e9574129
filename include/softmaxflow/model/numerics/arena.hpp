#pragma once
/// Arrays of a replica: inside the object where the size is known to the compiler (registers, if
/// they fit), else in memory that the backend lends through an arena.

#include "softmaxflow/model/numerics/scalar.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Hands out pieces of a block of memory, `lane` of the `interleave` lanes that share it; a block
/// starts on a multiple of 64 bytes. With a null block it only counts the bytes that one lane
/// needs.
class Arena {
public:
    SOFTMAXFLOW_HD explicit Arena(char* memory, int lane = 0) : memory_(memory), lane_(lane) {}

    template <class T>
    SOFTMAXFLOW_HD T* take(int count) {
        used_ = (used_ + alignof(T) - 1) / alignof(T) * alignof(T);
        char* place =
            memory_ == nullptr ? nullptr : memory_ + used_ * interleave + lane_ * sizeof(T);
        used_ += sizeof(T) * static_cast<unsigned long>(count);
        return reinterpret_cast<T*>(place);
    }
    SOFTMAXFLOW_HD unsigned long used() const { return used_; }
    SOFTMAXFLOW_HD bool counts() const { return memory_ == nullptr; }

private:
    char* memory_;
    int lane_;
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
    /// Takes over the elements of another array of that size.
    template <class Other>
    SOFTMAXFLOW_HD void adopt(const Other& other) {
        SOFTMAXFLOW_UNROLL_FIXED(Size)
        for (int i = 0; i < Size; ++i) data[i] = other[i];
    }
};

template <class T>
struct Storage<T, 0> {
    using Element = T;
    T* data;
    SOFTMAXFLOW_HD Storage() : data(nullptr) {}
    SOFTMAXFLOW_HD Storage(Arena& arena, int count) : data(arena.template take<T>(count)) {}
    SOFTMAXFLOW_HD T& operator[](int i) { return data[i * interleave]; }
    SOFTMAXFLOW_HD const T& operator[](int i) const { return data[i * interleave]; }
    /// Becomes another name for the other array.
    SOFTMAXFLOW_HD void adopt(const Storage& other) { data = other.data; }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
