// dump_kernel FILE ARCHITECTURE MAP LOSS METHOD TOKENS OUTPUTS LANES REAL FAST:
// writes the machine code of the loop of steps for that shape, with at least that many lanes;
// METHOD may be a scheme of the flow. Prints what the tuning table says of the shape, in JSON. Exit
// status 77 where there is no compiler.

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "backend/cuda/rtc.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

using namespace softmaxflow;

namespace {

/// The place of a struct in a list of the model; the size of the list if it is not there.
template <class... Items>
int place_of(model::List<Items...>, const std::string& type) {
    int place = 0;
    static_cast<void>(((cuda::type_name(Items::name) != type && ++place != 0) && ...));
    return place;
}
template <class List>
int require_place(List list, const std::string& type) {
    const int place = place_of(list, type);
    if (place == List::size) throw std::invalid_argument(type + " is not in the catalogue");
    return place;
}

/// METHOD may be of descent or of the flow.
host::KernelKey key_of(const std::string& map, const std::string& loss, const std::string& method) {
    host::KernelKey key;
    key.map = require_place(model::Maps{}, map);
    key.loss = require_place(model::Losses{}, loss);
    const int scheme = place_of(model::Schemes{}, method);
    key.flow = with_item(model::Schemes{}, scheme, [&](auto item) { key.order = item.order; });
    if (!key.flow) key.method = require_place(model::Methods{}, method);
    return key;
}

int stages_of(const host::KernelKey& key) {
    int stages = 0;
    if (key.flow) model::with_scheme(key.order, [&](auto scheme) { stages = scheme.stages; });
    return stages;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 11) return 2;
    if (const auto reason = cuda::why_no_compiler()) {
        fmt::print("{}\n", *reason);
        return 77;
    }
    host::KernelKey key = key_of(argv[3], argv[4], argv[5]);
    key.single = argv[9] == std::string("float");
    key.fast = std::atoi(argv[10]) != 0;
    const auto specialisation =
        cuda::specialisation_of(key, std::atoi(argv[6]), std::atoi(argv[7]), std::atoi(argv[8]));
    if (!specialisation) throw std::invalid_argument("such a shape is not compiled");
    const std::vector<char> image = cuda::compile(*specialisation, std::atoi(argv[2]));
    std::ofstream(argv[1], std::ios::binary)
        .write(image.data(), static_cast<std::streamsize>(image.size()));
    fmt::print(R"({{"lanes": {}, "threads": {}, "blocks": {}, "stages": {}}})",
               specialisation->lanes, specialisation->threads, specialisation->blocks,
               stages_of(key));
    return 0;
}
