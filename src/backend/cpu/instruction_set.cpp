#include "backend/cpu/instruction_set.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "softmaxflow/backend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace cpu {

const std::vector<InstructionSet>& instruction_set_table() {
    static const std::vector<InstructionSet> table = {
#if defined(SOFTMAXFLOW_HAS_AVX512)
        {"avx512",
         __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("fma"),
         avx512_kernel, avx512_width()},
#endif
#if defined(SOFTMAXFLOW_HAS_AVX2)
        {"avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx2_kernel,
         avx2_width()},
#endif
        {"generic", true, generic_kernel, generic_width()},
    };
    return table;
}

const InstructionSet& find_instruction_set(const std::string& name) {
    for (const InstructionSet& set : instruction_set_table()) {
        if (!name.empty() && set.name != name) continue;
        if (set.usable) return set;
        if (!name.empty())
            throw Error(Exit::device,
                        fmt::format("instruction set `{}`: this machine lacks it; "
                                    "usable here: {}",
                                    name, fmt::join(usable_instruction_sets(), ", ")));
    }
    throw Error(Exit::usage, fmt::format("instruction set `{}`: unknown; compiled in: {}", name,
                                         fmt::join(instruction_sets(), ", ")));
}

}  // namespace cpu

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const auto& set : cpu::instruction_set_table()) names.push_back(set.name);
    return names;
}

std::vector<std::string> usable_instruction_sets() {
    std::vector<std::string> names;
    for (const auto& set : cpu::instruction_set_table())
        if (set.usable) names.push_back(set.name);
    return names;
}

}  // namespace softmaxflow
