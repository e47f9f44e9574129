// Prints the bits of every map, loss and method on scalars and packs, one line each. The same
// source is built by several compilers at several optimisation levels; compare_bits.py compares the
// lines.

#include <cstdio>

#include "model/cases.hpp"

using namespace fixture;

namespace {

constexpr int replicas = 6;

template <class Real>
void print(const char* kind, const Case& c) {
    std::printf("%s %s %016llx\n", c.combination.name().c_str(), kind,
                static_cast<unsigned long long>(fingerprint(run_any<Real>(c, replicas))));
}

template <class Real>
void print_flow(const char* kind, const Case& c) {
    std::printf("%s %s %016llx\n", c.combination.name().c_str(), kind,
                static_cast<unsigned long long>(fingerprint(run_flow<Real>(c, replicas))));
}

}  // namespace

int main() {
    for_each_combination([](Combination combination) {
        Case plain(combination);
        plain.parameters.ranked = true;
        print<double>("scalar", plain);
        print<model::Pack<4, 1>>("pack", plain);
        print<model::Pack<8, 1, float>>("f32 pack", plain);
    });
    for_each_pair([](Combination combination) {
        for (const auto& [name, c] : every_case(combination, replicas)) {
            std::printf("%s: ", name.c_str());
            print<double>("case", c);
        }
    });
    for_each_flow([](const Case& c) {
        print_flow<model::Pack<4, 1>>("flow", c);
        print_flow<model::Pack<8, 1, float>>("f32 flow", c);
    });
}
