#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/open.hpp"
#include "cli/output.hpp"
#include "cli/summary.hpp"
#include "output/atomic_file.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Session& session, const Estimate& estimate) {
    Json json = {{"dry_run", true},
                 {"config", session.path()},
                 {"cells", 1},
                 {"replicas", session.replicas()},
                 {"checkpoints", session.problem().checkpoints.size()},
                 {"backend", session.backend().name()},
                 {"threads", session.threads()},
                 {"instruction_set", session.instruction_set()},
                 {"precision", session.config().backend.precision},
                 {"kernel", session.backend().devices().front().name},
                 {"memory_bytes", estimate.memory},
                 {"disk_bytes_at_most", estimate.disk},
                 {"seconds", estimate.seconds}};
    if (session.flow()) {
        json["horizon"] = session.config().dynamics.horizon;
        json["replicas_per_second"] = estimate.rate;
    } else {
        json["iterations"] = session.config().dynamics.iterations;
        json["replica_steps"] = session.work();
        json["replica_steps_per_second"] = estimate.rate;
    }
    return json;
}

std::string as_text(const Session& session, const Estimate& estimate, const Style& style) {
    const Config& config = session.config();
    std::string out = fmt::format("\n  {}  {}\n  {}\n\n", style.bold(session.name()),
                                  model_line(config), method_line(config));
    const auto item = [&](const char* name, const std::string& text) {
        out += fmt::format("  {}{}\n", style.dim(left(name, 15)), text);
    };
    item("cells", "1");
    item("replicas", grouped(session.replicas()));
    if (!session.flow()) item("replica-steps", number(session.work()));
    item("kernel", session.backend().devices().front().name);
    item("memory", "about " + bytes(estimate.memory));
    item("disk", "at most " + bytes(estimate.disk) + ", before compression");
    item("speed", fmt::format("{} {}/s, with this machine as busy as now", number(estimate.rate, 2),
                              work_unit(session)));
    item("time", style.bold("about " + duration(estimate.seconds)));
    return out + "\n  Nothing was written. Leave out --dry-run to run it.\n";
}

}  // namespace

int dry_run_command(const RunOptions& options, const Common& common) {
    const Session session = open_session(options);
    if (!options.output.empty()) require_new(options.output);
    const Estimate estimate = session.estimate();
    if (common.json)
        write_json(to_json(session, estimate));
    else if (common.quiet)
        write_out(duration(estimate.seconds) + "\n");
    else
        write_out(as_text(session, estimate, Style::of(STDOUT_FILENO)));
    return static_cast<int>(Exit::done);
}

}  // namespace softmaxflow::cli
