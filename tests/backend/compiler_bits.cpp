// Prints the bits of every map, loss and method on scalars and packs, one line each. The same
// source is built by several compilers at several optimisation levels; compare_bits.py compares the
// lines. With SOFTMAXFLOW_FEW it is three combinations that the compiler knows.

#include <cstdio>

#include "model/cases.hpp"

using namespace fixture;

namespace {

constexpr int replicas = 6;

using Doubles = model::Pack<4, 1>;
using Floats = model::Pack<8, 1, float>;

void print(const char* kind, const Case& c, const Words& words) {
    std::printf("%s %s %016llx\n", c.combination.name().c_str(), kind,
                static_cast<unsigned long long>(fingerprint(words)));
}

#if defined(SOFTMAXFLOW_FEW)

template <class Map, class Loss, class Method>
void print_descent() {
    Case c(combination_of<Map, Loss, Method>());
    c.parameters.ranked = true;
    print("scalar", c, run_solo<Map, Loss, Method, double, 0, 0>(c, replicas));
    print("pack", c, run_solo<Map, Loss, Method, Doubles, 0, 0>(c, replicas));
    print("f32 pack", c, run_solo<Map, Loss, Method, Floats, 0, 0>(c, replicas));
}

void print_all() {
    print_descent<model::Softmax, model::Logistic, model::GradientDescent>();
    print_descent<model::Sum, model::CrossEntropy, model::Adam>();
    print_descent<model::Sigmoid, model::Regression, model::Momentum>();
}

#else

void print_all() {
    for_each_combination([](Combination combination) {
        Case plain(combination);
        plain.parameters.ranked = true;
        print("scalar", plain, run_any<double>(plain, replicas));
        print("pack", plain, run_any<Doubles>(plain, replicas));
        print("f32 pack", plain, run_any<Floats>(plain, replicas));
    });
    for_each_pair([](Combination combination) {
        for (const auto& [name, c] : every_case(combination, replicas)) {
            std::printf("%s: ", name.c_str());
            print("case", c, run_any<double>(c, replicas));
        }
    });
    for_each_flow([](const Case& c) {
        print("flow", c, run_flow<Doubles>(c, replicas));
        print("f32 flow", c, run_flow<Floats>(c, replicas));
    });
}

#endif

}  // namespace

int main() { print_all(); }
