#pragma once
/// The instruction sets compiled in, and which of them this machine runs.

#include <string>
#include <vector>

#include "backend/cpu/kernel.hpp"

namespace softmaxflow::cpu {

struct InstructionSet {
    std::string name;
    bool usable = false;
    Kernel (*kernel)(const KernelKey&, int tokens, int outputs) = nullptr;
    int width = 1;  ///< doubles per vector
};

/// Best first; the last one runs everywhere.
const std::vector<InstructionSet>& instruction_set_table();

/// The one of that name, or the best usable one for "". Throws Error(usage) if there is none.
const InstructionSet& find_instruction_set(const std::string& name);

}  // namespace softmaxflow::cpu
