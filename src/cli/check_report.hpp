#pragma once
/// What check and claims print.

#include <string>

#include "claims/check.hpp"
#include "claims/search.hpp"
#include "cli/open.hpp"
#include "cli/terminal.hpp"

namespace softmaxflow::cli {

struct CheckReport {
    const Session& session;
    const claims::Check& check;
    std::string directory;  ///< empty: nothing was written
    bool verbose = false;
};

/// A head, one line per claim, and what there is to say about some of them.
std::string check_report(const CheckReport& report, const Style& style);

std::string search_report(const claims::Search& search, const Style& style);

/// The list of all claims, and one of them in full.
std::string claims_list(const Style& style);
std::string claim_text(const claims::Claim& claim, const Style& style);

}  // namespace softmaxflow::cli
