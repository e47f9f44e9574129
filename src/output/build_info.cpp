#include "output/build_info.hpp"

#include "version.hpp"

namespace softmaxflow {

BuildInfo build_info() {
    return {configured::version, configured::git, configured::compiler, configured::build_type,
            configured::flags};
}

}  // namespace softmaxflow
