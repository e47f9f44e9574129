// help, version, info, config: what answers without running anything.

#include "cli/terminal.hpp"
#include "config/config_file.hpp"
#include "program.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::testing_support {
namespace {

class Commands : public ProgramTest {};

const std::vector<Words> all_commands = {{},
                                         {"run"},
                                         {"info"},
                                         {"config"},
                                         {"config", "check"},
                                         {"config", "show"},
                                         {"config", "defaults"},
                                         {"config", "keys"}};

std::vector<std::string> lines(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> list;
    for (std::string line; std::getline(stream, line);) list.push_back(line);
    return list;
}

TEST_F(Commands, HelpBeginsWithExamplesAndFitsATerminal) {
    for (Words words : all_commands) {
        words.emplace_back("--help");
        const Outcome help = run(words);
        EXPECT_EQ(help.status, 0);
        EXPECT_TRUE(help.out.starts_with("Examples:\n  softmaxflow ")) << help.out;
        for (const char* option : {"--json", "--quiet", "--verbose", "--help", "--version"})
            EXPECT_NE(help.out.find(option), std::string::npos) << option << "\n" << help.out;
        for (const std::string& line : lines(help.out)) EXPECT_LE(cli::columns(line), 80U) << line;
        EXPECT_EQ(help.err, "");
    }
}

TEST_F(Commands, HelpOffersNoCommandOfALaterVersion) {
    const std::string help = run({"--help"}).out;
    for (const char* later : {"resume", "status", "collect", "verify", "report"})
        EXPECT_EQ(run({later}).status, 2) << later;
    EXPECT_EQ(help.find("resume"), std::string::npos);
    for (const char* later : {"--shard=1/2", "--max-hours=1"})
        EXPECT_EQ(run({"run", "quickstart", later}).status, 2) << later;
    EXPECT_NE(run({"--help-all"}).out.find("--instruction-set"), std::string::npos);
}

TEST_F(Commands, ErrorsNameTheHelpThatHelps) {
    EXPECT_NE(run({"run", "quickstart", "--nonsense"}).err.find("see `softmaxflow run --help`"),
              std::string::npos);
    EXPECT_NE(
        run({"config", "show", "--nonsense"}).err.find("see `softmaxflow config show --help`"),
        std::string::npos);
    EXPECT_NE(run({"nonsense"}).err.find("see `softmaxflow --help`"), std::string::npos);
}

TEST_F(Commands, ADryRunFindsThatTheOutputExists) {
    const Words words = {"run", "quickstart", "--dry-run", "-o", "."};
    EXPECT_EQ(run(words).status, 2);
    EXPECT_NE(run(words).err.find("exists already"), std::string::npos);
}

TEST_F(Commands, AKeyThatIsNotUsedMayHaveItsDefault) {
    const Outcome flow = run({"config", "show", "logistic", "--set", "dynamics.method=flow"});
    EXPECT_EQ(flow.status, 2);
    EXPECT_NE(flow.err.find("set it to its default, 100000"), std::string::npos) << flow.err;
    EXPECT_EQ(run({"config", "show", "logistic", "--set", "dynamics.method=flow", "--set",
                   "dynamics.iterations=100000"})
                  .status,
              0);
}

TEST_F(Commands, ReplayAsksForAReplicaOfARun) {
    const Words small = {"run",
                         "quickstart",
                         "-o",
                         "r",
                         "--quiet",
                         "--set",
                         "ensemble.replicas=3",
                         "--set",
                         "dynamics.iterations=2",
                         "--seed",
                         "1"};
    ASSERT_EQ(run(small).status, 0);
    const Outcome none = run({"replay", "r", "-o", "s"});
    EXPECT_EQ(none.status, 2);
    EXPECT_NE(none.err.find("r is a run: name one of its replicas, 0 to 2"), std::string::npos)
        << none.err;
    EXPECT_NE(run({"replay", "r", "--replica", "3", "-o", "s"}).err.find("--replica 3"),
              std::string::npos);
}

TEST_F(Commands, CheckNeedsNoStatesOfARun) {
    const Outcome few = run({"check", "claims/benign", "all_logit_gaps_grow", "--replicas", "4",
                             "--seed", "1", "--set", "record.states=16", "--json"});
    EXPECT_EQ(few.status, 3) << few.err;
}

TEST_F(Commands, ACheckSaysWhenAControlStands) {
    const Outcome brief = run({"check", "claims/benign", "--replicas", "8", "--seed", "1", "--set",
                               "claims.horizon=1e-3"});
    EXPECT_EQ(brief.status, 1) << brief.out;
    EXPECT_NE(brief.out.find("! a control that was not refuted"), std::string::npos) << brief.out;
}

TEST_F(Commands, VersionEverywhere) {
    for (Words words : all_commands) {
        words.emplace_back("--version");
        const Outcome version = run(words);
        EXPECT_EQ(version.status, 0);
        EXPECT_EQ(version.out, run({"--version"}).out);
        EXPECT_TRUE(version.out.starts_with("softmaxflow ")) << version.out;
    }
}

TEST_F(Commands, InfoTellsWhatWouldCompute) {
    const auto info = run({"info", "--json"}).json();
    EXPECT_EQ(info["instruction_sets"]["compiled"], instruction_sets());
    EXPECT_EQ(info["instruction_sets"]["usable"], usable_instruction_sets());
    EXPECT_EQ(info["instruction_sets"]["chosen"], usable_instruction_sets().front());
    ASSERT_EQ(info["backends"].size(), 2U);
    EXPECT_TRUE(info["backends"][0]["usable"]);
    EXPECT_EQ(info["backends"][1]["reason"], why_no_cuda());
    EXPECT_EQ(info["backends"][1]["usable"], why_no_cuda().empty());
    for (const char* library : {"netCDF", "HDF5", "xxHash", "Boost", "Eigen", "toml++", "CLI11"})
        EXPECT_TRUE(info["libraries"].contains(library)) << library;

    const Outcome text = run({"info"});
    EXPECT_EQ(text.status, 0);
    if (!why_no_cuda().empty()) {
        EXPECT_NE(text.out.find("cuda       not used: "), std::string::npos);
    }
    for (const std::string& line : lines(text.out)) EXPECT_LE(cli::columns(line), 80U) << line;
}

TEST_F(Commands, JsonMayStandBeforeTheCommand) {
    EXPECT_EQ(run({"--json", "info"}).json(), run({"info", "--json"}).json());
}

TEST_F(Commands, CheckSaysWhatItResolved) {
    write_small_config();
    const Outcome check = run({"config", "check", "small.toml"});
    EXPECT_EQ(check.status, 0) << check.err;
    EXPECT_TRUE(check.out.starts_with("small.toml: OK\n")) << check.out;
    EXPECT_NE(check.out.find("600 replicas, seed 11"), std::string::npos) << check.out;

    const auto json = run({"config", "check", "small.toml", "--json"}).json();
    EXPECT_TRUE(json["ok"]);
    EXPECT_EQ(json["replicas"], 600);
    EXPECT_EQ(json["checkpoints"].front(), 0);
    EXPECT_EQ(json["checkpoints"].back(), 400);
    EXPECT_EQ(run({"config", "check", "small.toml", "--quiet"}).out, "");
}

TEST_F(Commands, CheckSaysWhatAFlowResolvesTo) {
    write_flow_config();
    const Outcome check = run({"config", "check", "flow.toml"});
    EXPECT_EQ(check.status, 0) << check.err;
    for (const char* part :
         {"gradient flow, arc clock to 20, order 5, rtol 1e-9\n", "4 checkpoints from 0 to 20\n"})
        EXPECT_NE(check.out.find(part), std::string::npos) << check.out;
    const auto json = run({"config", "check", "flow.toml", "--json"}).json();
    EXPECT_EQ(json["checkpoints"], (std::vector<double>{0, 2.5, 10, 20}));
    EXPECT_EQ(json["horizon"], 20.0);
    EXPECT_FALSE(json.contains("iterations"));
}

TEST_F(Commands, CheckFindsWhatARunWouldRefuse) {
    write("wrong.toml", "[model]\ntokns = 3\n");
    const Outcome check = run({"config", "check", "wrong.toml"});
    EXPECT_EQ(check.status, 2);
    EXPECT_NE(check.err.find("wrong.toml:2:1: key `model.tokns`"), std::string::npos) << check.err;
    EXPECT_NE(check.err.find("did you mean `model.tokens`?"), std::string::npos) << check.err;
}

TEST_F(Commands, ShowResolvesAndReadsBack) {
    write_small_config();
    const Outcome show = run({"config", "show", "small.toml", "--set", "model.tokens=9"});
    EXPECT_EQ(show.status, 0) << show.err;
    const Config config = parse_config(show.out, "shown");
    EXPECT_EQ(config.model.tokens, 9);
    EXPECT_EQ(config.model.dim, 3);
    EXPECT_EQ(config.ensemble.seed, 11U);
    EXPECT_EQ(
        run({"config", "show", "small.toml", "--set", "model.tokens=9", "--json"}).json()["text"],
        show.out);
}

TEST_F(Commands, DefaultsAreAConfig) {
    const Outcome defaults = run({"config", "defaults"});
    EXPECT_EQ(defaults.out, canonical_text(Config{}));
    write("defaults.toml", defaults.out);
    EXPECT_EQ(run({"config", "check", "defaults.toml"}).status, 0);
}

TEST_F(Commands, KeysListsEveryKey) {
    const std::string text = run({"config", "keys"}).out;
    const auto json = run({"config", "keys", "--json"}).json();
    ASSERT_EQ(json.size(), all_keys().size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        EXPECT_EQ(json[i]["key"], all_keys()[i].full());
        EXPECT_NE(text.find(all_keys()[i].full()), std::string::npos);
    }
}

TEST_F(Commands, EveryShippedExampleIsValid) {
    int found = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(PROJECT_DIR) / "examples")) {
        if (entry.path().extension() != ".toml") continue;
        ++found;
        const Outcome check = run({"config", "check", entry.path().stem().string()});
        EXPECT_EQ(check.status, 0) << check.err;
    }
    EXPECT_GE(found, 1);
}

}  // namespace
}  // namespace softmaxflow::testing_support
