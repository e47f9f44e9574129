#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "config/keys.hpp"
#include "output/build_info.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

/// Help that begins with examples.
class ExamplesFirst : public CLI::Formatter {
public:
    explicit ExamplesFirst(std::string examples) : examples_(std::move(examples)) {
        column_width(28);
    }
    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode mode) const override {
        return "Examples:\n" + examples_ + "\n" + CLI::Formatter::make_help(app, name, mode);
    }

private:
    std::string examples_;
};

const char* kind(Exit status) {
    switch (status) {
        case Exit::done:
            return "done";
        case Exit::internal:
            return "internal";
        case Exit::usage:
            return "usage";
        case Exit::refuted:
            return "refuted";
        case Exit::failed:
            return "failed";
        case Exit::stopped:
            return "stopped";
        case Exit::file:
            return "file";
        case Exit::device:
            return "device";
        case Exit::mismatch:
            return "mismatch";
    }
    return "internal";
}

int report(Exit status, const std::string& message, bool json) {
    const int code = static_cast<int>(status);
    if (json) {
        const nlohmann::ordered_json error = {
            {"error", {{"status", code}, {"kind", kind(status)}, {"message", message}}}};
        const auto replace = nlohmann::ordered_json::error_handler_t::replace;
        fmt::print(stderr, "{}\n", error.dump(-1, ' ', false, replace));
    } else {
        fmt::print(stderr, "softmaxflow: error: {}\n", message);
    }
    return code;
}

/// The tree of commands. After parse(), `action` holds what was asked for.
class Commands {
public:
    Commands() {
        describe(app_,
                 "  softmaxflow run quickstart\n"
                 "  softmaxflow run quickstart --set model.tokens=16 -o sixteen\n"
                 "  softmaxflow run --help\n");
        app_.require_subcommand(1);
        app_.set_help_all_flag("--help-all", "Show the help of all commands and exit");
        add_run();
        add_check();
        add_claims();
        add_replay();
        add_bench();
        add_info();
        add_config();
    }

    CLI::App& app() { return app_; }
    [[nodiscard]] int act() const { return action(); }

    /// CLI11 calls a mistyped command a missing one.
    [[nodiscard]] std::string explain(const CLI::ParseError& error) const {
        const std::vector<std::string> unknown = app_.remaining(true);
        if (unknown.empty() || !dynamic_cast<const CLI::RequiredError*>(&error))
            return error.what();
        std::vector<std::string> names;
        for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; }))
            names.push_back(command->get_name());
        const std::string near = nearest(unknown.front(), names);
        return fmt::format("{}: unknown command{}", unknown.front(),
                           near.empty() ? "" : fmt::format(", did you mean `{}`?", near));
    }

    /// The command so far: "softmaxflow config show".
    [[nodiscard]] std::string words() const {
        std::string words;
        for (const CLI::App* app = &app_; app != nullptr;
             app = app->get_subcommands().empty() ? nullptr : app->get_subcommands().front())
            words += (words.empty() ? "" : " ") + app->get_name();
        return words;
    }

private:
    static constexpr const char* testing = "Testing";

    CLI::App* command(CLI::App& parent, const char* name, const char* what,
                      const std::string& examples) {
        CLI::App* made = parent.add_subcommand(name, what);
        describe(*made, examples);
        return made;
    }

    void describe(CLI::App& app, const std::string& examples) {
        app.formatter(std::make_shared<ExamplesFirst>(examples));
        app.set_help_flag("-h,--help", "Show this and exit");
        app.set_version_flag("--version", "softmaxflow " + build_info().version,
                             "Show the version");
        app.add_flag("--json", common.json, "Results, and errors on stderr, as JSON");
        app.add_flag("-q,--quiet", common.quiet, "Say only what is needed");
        app.add_flag("-v,--verbose", common.verbose, "Say more");
    }

    static void add_config_argument(CLI::App& app, std::string& config,
                                    std::vector<std::string>& set) {
        app.add_option("CONFIG", config, "A path, or the name of a shipped example")->required();
        app.add_option("--set", set, "Override a key; lists as record.thresholds=[0.5,0.9]")
            ->type_name("KEY=VALUE")
            ->allow_extra_args(false);
    }

    void add_run() {
        CLI::App* app =
            command(app_, "run", "Run a config and write its statistics",
                    "  softmaxflow run quickstart\n"
                    "  softmaxflow run my.toml -o results/my --seed 7\n"
                    "  softmaxflow run quickstart --set init.value_scale=0.01 --dry-run\n");
        add_config_argument(*app, run.config, run.set);
        app->add_option("-o,--output", run.output, "New directory; without it runs/<config>-<n>")
            ->type_name("DIR");
        add_backend(*app, run.backend);
        app->add_flag("!--no-cache", run.kernel_cache, "Keep no compiled CUDA kernels");
        app->add_option_function<std::string>(
               "--fallback", [this](const std::string&) { run.fallback_cpu = true; },
               "Where to compute if the device fails")
            ->type_name("cpu")
            ->check(CLI::IsMember({"cpu"}).description(""));
        app->add_option("--threads", run.threads, "Threads, 0 takes all")->type_name("N");
        app->add_option("--seed", run.seed, "Seed of all draws; without any one is drawn")
            ->type_name("S");
        app->add_option("--max-failed", run.max_failed,
                        "Exit status 4 if more than this share fails")
            ->capture_default_str()
            ->type_name("SHARE")
            ->check(CLI::Range(0.0, 1.0).description(""));
        app->add_flag("--dry-run", run.dry_run, "Say what it would take, and write nothing");
        app->add_option("--instruction-set", run.instruction_set,
                        "Force one of those that info names")
            ->type_name("NAME")
            ->check(CLI::IsMember(instruction_sets()).description(""))
            ->group(testing);
        app->footer(
            "\nExit status: 0 done; 2 usage or config; 4 done, but too many replicas failed;\n"
            "5 stopped by SIGINT or SIGTERM, nothing is written; 6 file error; 7 device\n"
            "error; 1 internal error.");
        app->callback([this] {
            action = [this] {
                return run.dry_run ? dry_run_command(run, common) : run_command(run, common);
            };
        });
    }

    void add_check() {
        CLI::App* app = command(app_, "check", "Test claims about every trajectory",
                                "  softmaxflow check claims/benign\n"
                                "  softmaxflow check claims/benign majorization --replicas 100000\n"
                                "  softmaxflow check my.toml -o results/claims --seed 7\n");
        app->add_option("CONFIG", check.config, "A path, or the name of a shipped example")
            ->required();
        app->add_option("ID", check.ids, "Claims; without, claims.ids of CONFIG or all that fit");
        app->add_option("--set", check.set, "Override a key of CONFIG")
            ->type_name("KEY=VALUE")
            ->allow_extra_args(false);
        app->add_option("--replicas", check.replicas, "Number of draws")->type_name("N");
        app->add_option("-o,--output", check.output,
                        "New directory for check.json and "
                        "counterexamples")
            ->type_name("DIR");
        add_backend(*app, check.backend);
        app->add_option("--threads", check.threads, "Threads, 0 takes all")->type_name("N");
        app->add_option("--seed", check.seed, "Seed of all draws; without any one is drawn")
            ->type_name("S");
        app->add_option("--max-failed", check.max_failed,
                        "Exit status 4 if more than this share fails")
            ->capture_default_str()
            ->type_name("SHARE")
            ->check(CLI::Range(0.0, 1.0).description(""));
        app->add_flag("--search", check.search,
                      "Look for a violation with an optimiser, over --replicas trajectories");
        app->add_flag("--twin", check.mutant,
                      "Sabotage the dynamics against the one claim named, which must then be "
                      "refuted")
            ->group(testing);
        add_instruction_set(*app, check.instruction_set);
        app->footer(
            "\nExit status: 0 not refuted; 3 a claim was refuted; 4 undecided, vacuous (a claim\n"
            "nobody named: only if nothing was tested), or too many replicas failed; 1 a control "
            "(a claim known to be false) was not refuted;\n"
            "2 usage or config; 5 stopped; 6 file error; 7 device error.");
        app->callback([this] { action = [this] { return check_command(check, common); }; });
    }

    void add_claims() {
        CLI::App* app = command(app_, "claims", "List claims, or show one",
                                "  softmaxflow claims\n  softmaxflow claims majorization\n");
        app->add_option("ID", claims.id, "Its statement, class, status and proof or citation");
        app->callback([this] { action = [this] { return claims_command(claims, common); }; });
    }

    void add_replay() {
        CLI::App* app = command(
            app_, "replay", "Repeat one replica, in higher precision if wanted",
            "  softmaxflow replay results/claims/counterexamples/all_logit_gaps_grow-3.json\n"
            "  softmaxflow replay runs/logistic-1 --replica 17 --precision d100 -o again\n");
        app->add_option("FILE", replay.path, "A counterexample, or the directory of a run")
            ->required();
        app->add_option("--cell", replay.cell, "Cell of the run")->type_name("K");
        app->add_option("--replica", replay.replica, "Replica of the run")->type_name("R");
        app->add_option("--precision", replay.precision, "53 bits, 113 bits or 100 digits")
            ->type_name("f64|f113|d100")
            ->capture_default_str()
            ->check(CLI::IsMember({"f64", "f113", "d100"}).description(""));
        app->add_option("-o,--output", replay.output, "New directory for its trajectory, states.nc")
            ->type_name("DIR");
        add_instruction_set(*app, replay.instruction_set);
        app->footer("\nExit status: 0; 8 a counterexample gave other bits; 2, 6 as ever.");
        app->callback([this] { action = [this] { return replay_command(replay, common); }; });
    }

    static void add_backend(CLI::App& app, std::optional<std::string>& name) {
        app.add_option("--backend", name, "Where to compute")
            ->type_name("auto|cpu|cuda")
            ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""));
    }

    static void add_instruction_set(CLI::App& app, std::string& name) {
        app.add_option("--instruction-set", name, "Force one of those that info names")
            ->type_name("NAME")
            ->check(CLI::IsMember(instruction_sets()).description(""))
            ->group(testing);
    }

    void add_bench() {
        CLI::App* app = command(app_, "bench", "Throughput, and the share of this machine's limit",
                                "  softmaxflow bench\n"
                                "  softmaxflow bench --workload P1-8 --threads 1 --repeats 20\n"
                                "  softmaxflow bench my.toml --set model.tokens=16 --json\n");
        app->add_option("CONFIG", bench.config, "A path, or a shipped example; else the workloads");
        app->add_option("--set", bench.set, "Override a key of CONFIG")
            ->type_name("KEY=VALUE")
            ->allow_extra_args(false);
        app->add_option("--workload", bench.workloads, "Only this; give it again for more")
            ->type_name("NAME")
            ->allow_extra_args(false);
        app->add_option("--backend", bench.backend, "Where to compute")
            ->capture_default_str()
            ->type_name("cpu|cuda")
            ->check(CLI::IsMember({"cpu", "cuda"}).description(""));
        app->add_option("--threads", bench.threads, "Threads, 0 takes all")->type_name("N");
        app->add_option("--numerics", bench.numerics, "Instead of that of CONFIG")
            ->type_name("strict|fast")
            ->check(CLI::IsMember({"strict", "fast"}).description(""));
        app->add_option("--precision", bench.precision, "Instead of that of CONFIG")
            ->type_name("f64|f32")
            ->check(CLI::IsMember({"f64", "f32"}).description(""));
        app->add_option("--seconds", bench.seconds, "Length of each measurement")
            ->capture_default_str()
            ->type_name("S")
            ->check(CLI::Range(1e-4, 3600.0).description(""));
        app->add_option("--repeats", bench.repeats, "Measurements of each, at least 5")
            ->capture_default_str()
            ->type_name("N")
            ->check(CLI::Range(5, 100000).description(""));
        app->add_option("--instruction-set", bench.instruction_set,
                        "Force one of those that info names")
            ->type_name("NAME")
            ->check(CLI::IsMember(instruction_sets()).description(""));
        app->footer(
            "\nWorkloads: P1-4, P1-8, P1-16, P1-32, P1-64 (or P1 for all five) logistic loss\n"
            "with so many tokens; P2 cross_entropy; P3 regression; P4-1e-6, P4-1e-9 gradient flow\n"
            "to these errors; P5 what all statistics cost; P7 what a large value dimension costs.\n"
            "All take about a minute.");
        app->callback([this] { action = [this] { return bench_command(bench, common); }; });
    }

    void add_info() {
        command(app_, "info", "Version, build, backends and libraries",
                "  softmaxflow info\n  softmaxflow info --json\n")
            ->callback([this] { action = [this] { return info_command(common); }; });
    }

    void add_config() {
        CLI::App* group = command(app_, "config", "Check, show and explain configs",
                                  "  softmaxflow config check my.toml\n"
                                  "  softmaxflow config show quickstart --set model.dim=64\n"
                                  "  softmaxflow config keys\n");
        group->require_subcommand(1);
        CLI::App* checker = command(*group, "check", "Check everything that can be before a run",
                                    "  softmaxflow config check my.toml\n");
        add_config_argument(*checker, config.config, config.set);
        checker->callback(
            [this] { action = [this] { return config_check_command(config, common); }; });
        CLI::App* show = command(*group, "show", "Print a config with every key",
                                 "  softmaxflow config show quickstart\n"
                                 "  softmaxflow config show my.toml --set model.tokens=16\n");
        add_config_argument(*show, config.config, config.set);
        show->callback([this] { action = [this] { return config_show_command(config, common); }; });
        command(*group, "defaults", "Print a config of all defaults",
                "  softmaxflow config defaults > my.toml\n")
            ->callback([this] { action = [this] { return config_defaults_command(common); }; });
        command(*group, "keys", "Every key with type, default, unit and meaning",
                "  softmaxflow config keys\n  softmaxflow config keys --json\n")
            ->callback([this] { action = [this] { return config_keys_command(common); }; });
    }

    CLI::App app_{"Batched simulator of softmax gradient dynamics", "softmaxflow"};
    Common common;
    RunOptions run;
    CheckOptions check;
    ClaimsOptions claims;
    ReplayOptions replay;
    ConfigOptions config;
    BenchOptions bench;
    std::function<int()> action;
};

}  // namespace

int command_line(int argc, const char* const* argv) {
    // A file size limit then is a failed write, not the end of the process.
    signal(SIGXFSZ, SIG_IGN);
    // Asked of the raw words, so that it also holds for errors in the words before it.
    const bool json = std::any_of(argv, argv + argc,
                                  [](const char* word) { return !std::strcmp(word, "--json"); });
    Commands commands;
    try {
        commands.app().parse(argc, argv);
        return commands.act();
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return commands.app().exit(error);
        return report(Exit::usage,
                      fmt::format("{}; see `{} --help`", commands.explain(error), commands.words()),
                      json);
    } catch (const Error& error) {
        return report(error.status(), error.what(), json);
    } catch (const std::bad_alloc&) {
        return report(Exit::internal, "out of memory; --dry-run tells what a run needs", json);
    } catch (const std::exception& error) {
        return report(Exit::internal, error.what(), json);
    }
}

}  // namespace softmaxflow::cli
