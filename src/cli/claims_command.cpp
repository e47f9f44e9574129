#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/check_report.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

nlohmann::ordered_json claim_json(const claims::Claim& claim) {
    return {{"id", claim.id},           {"statement", claim.statement},
            {"class", claim.about},     {"status", claim.status},
            {"because", claim.because}, {"watched", claim.monitored >= 0}};
}

}  // namespace

int claims_command(const ClaimsOptions& options, const Common& common) {
    const Style style = Style::of(STDOUT_FILENO);
    if (!options.id.empty()) {
        const claims::Claim& claim = claims::find_claim(options.id);
        if (common.json)
            write_json(claim_json(claim));
        else
            write_out(claim_text(claim, style));
        return static_cast<int>(Exit::done);
    }
    if (common.json) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const claims::Claim& claim : claims::all_claims()) list.push_back(claim_json(claim));
        write_json(list);
    } else {
        write_out(claims_list(style));
    }
    return static_cast<int>(Exit::done);
}

}  // namespace softmaxflow::cli
