#include "backend/cpu/instruction_set.hpp"
#include "throughput/peak_loops.hpp"

namespace softmaxflow::cpu {

PeakLoops peak_loops(const std::string& instruction_set, bool single) {
    const std::string name = find_instruction_set(instruction_set).name;
#if defined(SOFTMAXFLOW_HAS_AVX512)
    if (name == "avx512") return avx512::peak_loops(single);
#endif
#if defined(SOFTMAXFLOW_HAS_AVX2)
    if (name == "avx2") return avx2::peak_loops(single);
#endif
    return generic::peak_loops(single);
}

}  // namespace softmaxflow::cpu
