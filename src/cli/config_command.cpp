#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/open.hpp"
#include "cli/output.hpp"
#include "cli/summary.hpp"
#include "config/config_file.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {

using Json = nlohmann::ordered_json;

/// Checks what a run would check before it starts, files included.
int config_check_command(const ConfigOptions& options, const Common& common) {
    RunOptions run;
    run.config = options.config;
    run.set = options.set;
    const Session session = open_session(run);
    const Config& config = session.config();
    const std::string seed =
        session.seed_drawn() ? "drawn for each run" : fmt::format("{}", *config.ensemble.seed);
    const std::string end =
        session.flow() ? number(config.dynamics.horizon) : grouped(config.dynamics.iterations);
    const std::vector<double>& checkpoints = session.problem().checkpoints;
    if (common.json) {
        Json json = {{"ok", true},
                     {"config", session.path()},
                     {"replicas", session.replicas()},
                     {"seed", session.seed_drawn() ? Json() : Json(*config.ensemble.seed)},
                     {"checkpoints", checkpoints},
                     {"outputs", session.problem().outputs}};
        if (session.flow()) {
            json["clock"] = config.dynamics.clock;
            json["horizon"] = config.dynamics.horizon;
        } else {
            json["iterations"] = config.dynamics.iterations;
            json["checkpoints"] = std::vector<std::int64_t>(checkpoints.begin(), checkpoints.end());
        }
        write_json(json);
    } else if (!common.quiet) {
        write_out(fmt::format(
            "{}: OK\n  {}\n  {}\n  {} replicas, seed {}\n  {} checkpoints from 0 to {}\n",
            session.path(), model_line(config), method_line(config), grouped(session.replicas()),
            seed, checkpoints.size(), end));
    }
    return static_cast<int>(Exit::done);
}

int config_show_command(const ConfigOptions& options, const Common& common) {
    const std::string path = find_config(options.config);
    const std::string text = canonical_text(read_config(path, options.set));
    if (common.json)
        write_json({{"config", path}, {"text", text}});
    else
        write_out(text);
    return static_cast<int>(Exit::done);
}

int config_defaults_command(const Common& common) {
    const std::string text = canonical_text(Config{});
    if (common.json)
        write_json({{"text", text}});
    else
        write_out(text);
    return static_cast<int>(Exit::done);
}

int config_keys_command(const Common& common) {
    if (common.json)
        write_json(Json(keys_json()));
    else
        write_out(keys_listing());
    return static_cast<int>(Exit::done);
}

}  // namespace softmaxflow::cli
