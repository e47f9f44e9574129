// Prints the bits of every loss and method on scalars and packs, one line each. The same source is
// built by several compilers at several optimisation levels; compare_bits.py compares the lines.

#include <cstdio>

#include "model/fixture.hpp"

using namespace fixture;

namespace {

std::uint64_t fingerprint(const Words& words) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const std::uint64_t word : words.bits()) hash = (hash ^ word) * 1099511628211ULL;
    return hash;
}

template <class Loss, class Method, class Real>
void print(const char* kind, const Case& c) {
    const Words words = run_solo<model::Softmax, Loss, Method, Real>(c, 6);
    std::printf("%s %s %s %016llx\n", Loss::name, Method::name, kind,
                static_cast<unsigned long long>(fingerprint(words)));
}

}  // namespace

int main() {
    for_each_loss([]<class Loss>(Loss) {
        for_each_method([]<class Method>(Method) {
            Case plain(Loss::outputs == 1), extreme(Loss::outputs == 1);
            extreme.with_extreme_logits();
            print<Loss, Method, double>("scalar", plain);
            print<Loss, Method, double>("scalar-extreme", extreme);
            print<Loss, Method, model::Pack<4, 1>>("pack", plain);
        });
    });
}
