// dump_kernel FILE ARCHITECTURE MAP LOSS METHOD TOKENS OUTPUTS LANES REAL BLOCKS FAST:
// writes the machine code of the loop of steps for that shape; METHOD may be a scheme of the flow.
// Exit status 77 where there is no compiler.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "backend/cuda/rtc.hpp"
#include "kernels/batch.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

int main(int argc, char** argv) {
    using namespace softmaxflow;
    if (argc != 12) return 2;
    if (const auto reason = cuda::why_no_compiler()) {
        std::puts(reason->c_str());
        return 77;
    }
    const std::string method = argv[5];
    const bool flow = std::ranges::any_of(model::Schemes::names, [&](const char* scheme) {
        return method == cuda::type_name(scheme);
    });
    const cuda::Specialisation specialisation{argv[3],
                                              argv[4],
                                              method,
                                              argv[9],
                                              std::atoi(argv[6]),
                                              std::atoi(argv[7]),
                                              std::atoi(argv[8]),
                                              kernels::threads_of(std::atoi(argv[8])),
                                              std::atoi(argv[10]),
                                              std::atoi(argv[11]) != 0,
                                              flow};
    const std::vector<char> image = cuda::compile(specialisation, std::atoi(argv[2]));
    std::ofstream(argv[1], std::ios::binary)
        .write(image.data(), static_cast<std::streamsize>(image.size()));
    return 0;
}
