#pragma once
/// The key of a cell's random draws.

#include <cstdint>

namespace softmaxflow {

/// The finalizer of splitmix64: a bijection in which every input bit reaches every output bit.
constexpr std::uint64_t scramble(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/// scramble(scramble(seed + c) xor cell_key), c = 2^64 / golden ratio, which keeps seed 0 from
/// being a fixed point. For a given seed distinct cells have distinct keys, and for a given cell
/// distinct seeds have; any other pair collides as two random numbers would.
/// Common random numbers across cells are had with the same cell_key, 0, for all of them.
constexpr std::uint64_t random_key(std::uint64_t seed, std::uint64_t cell_key) {
    return scramble(scramble(seed + 0x9e3779b97f4a7c15) ^ cell_key);
}

}  // namespace softmaxflow
