// `softmaxflow check`, `claims` and `replay`: from a config to a verdict and back.
#include <set>

#include "cli/program.hpp"

namespace softmaxflow::testing_support {
namespace {

class Check : public ProgramTest {
protected:
    Check() {
        write("u.toml",
              "[model]\ntokens = 4\ndim = 4\n[dynamics]\nmethod = \"flow\"\nclock = \"arc\"\n"
              "[ensemble]\nreplicas = 60\nseed = 3\n[record]\ncheckpoints = 2\n"
              "[claims]\nhorizon = 100\n");
        write("two.toml",
              "[model]\ntokens = 2\n[dynamics]\nmethod = \"flow\"\n[init]\nlogit_scale = 1\n"
              "[ensemble]\nreplicas = 20\nseed = 3\n[claims]\nhorizon = 20\n");
        write("losers.toml",
              "[model]\ntokens = 5\n[dynamics]\nmethod = \"flow\"\n"
              "[init]\nvalue_law = \"equal_losers\"\n"
              "[ensemble]\nreplicas = 20\nseed = 3\n[claims]\nhorizon = 20\n");
        write("vector.toml",
              "[model]\ntokens = 3\ndim = 3\n[objective]\nloss = \"cross_entropy\"\n"
              "[dynamics]\nmethod = \"flow\"\n"
              "[ensemble]\nreplicas = 20\nseed = 3\n[claims]\nhorizon = 30\n");
        write("threshold.toml",
              "[objective]\nloss = \"square\"\n[init]\nvalue_scale = 1e-2\n"
              "[dynamics]\nmethod = \"flow\"\nclock = \"arc\"\n[ensemble]\nseed = 3\n");
        write("conditioning.toml",
              "[model]\ntokens = 20\ndim = 20\n[objective]\nloss = \"regression\"\n"
              "samples = 20\nloss_factor = 1.0\nsolution_norm = 12.0\n[init]\nvalue_scale = "
              "1e-5\nlogit_scale = 1e-3\n"
              "[dynamics]\nmethod = \"flow\"\nhorizon = 300.0\n[ensemble]\nseed = 3\n");
        write("descent.toml",
              "[model]\ntokens = 4\n[dynamics]\niterations = 50\n"
              "[ensemble]\nreplicas = 20\nseed = 3\n");
    }

    Outcome check(Words words) {
        words.insert(words.begin(), "check");
        words.push_back("--json");
        return run(words);
    }
    /// The result of one claim.
    static nlohmann::json claim(const Outcome& outcome, const std::string& id) {
        const nlohmann::json json = outcome.json();
        for (const auto& result : json["claims"])
            if (result["id"] == id) return result;
        ADD_FAILURE() << id << " is not in the result";
        return {};
    }
};

TEST_F(Check, ProvedClaimsStandAndTheControlFalls) {
    const Outcome outcome = check({"u.toml"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    for (const char* id : {"logit_sum_conserved", "loss_decreases", "effective_flow",
                           "order_preserved", "value_gaps_grow", "leader_gap_grows", "majorization",
                           "leader_probability_grows", "entropy_decreases"}) {
        const auto result = claim(outcome, id);
        EXPECT_EQ(result["verdict"], "not_refuted") << id;
        EXPECT_EQ(result["n_tested"], 60) << id;
        EXPECT_GE(result["smallest_margin"], -result["tolerance"].get<double>()) << id;
    }
    const auto control = claim(outcome, "all_logit_gaps_grow");
    EXPECT_EQ(control["verdict"], "refuted");
    EXPECT_TRUE(control["control"]);
}

TEST_F(Check, NamedFalseClaimIsRefutedOnNearlyEveryDraw) {
    const Outcome outcome =
        check({"u.toml", "all_logit_gaps_grow", "--replicas", "12", "-o", "out"});
    EXPECT_EQ(outcome.status, 3) << outcome.err;
    const auto result = claim(outcome, "all_logit_gaps_grow");
    EXPECT_GE(result["n_confirmed"], 11);
    EXPECT_EQ(result["n_undecided"], 0);
    EXPECT_GE(result["rate"], 0.9);
    ASSERT_FALSE(result["counterexamples"].empty());

    const std::string file = "out/" + result["counterexamples"][0].get<std::string>();
    for (const char* precision : {"f64", "f113", "d100"}) {
        const Outcome again = run({"replay", file, "--precision", precision, "--json"});
        EXPECT_EQ(again.status, 0) << again.err;
        EXPECT_TRUE(again.json()["same_bits"]) << precision;
        EXPECT_LT(again.json()["margin"], -1e-6) << precision;
    }
    const Outcome trajectory = run({"replay", file, "-o", "again"});
    EXPECT_EQ(trajectory.status, 0) << trajectory.err;
    EXPECT_TRUE(fs::exists(folder() / "again/states.nc"));
}

TEST_F(Check, ReplayNoticesOtherBits) {
    check({"u.toml", "all_logit_gaps_grow", "--replicas", "2", "-o", "out"});
    const std::string file = "out/counterexamples/all_logit_gaps_grow-0.json";
    auto json = nlohmann::json::parse(read_text(folder() / file));
    json["trials"][0]["margin_digits"] = "-0x1p-3";
    write("other.json", json.dump());
    EXPECT_EQ(run({"replay", "other.json"}).status, 8);
    write("broken.json", "{\"format\": \"softmaxflow counterexample\"}");
    EXPECT_EQ(run({"replay", "broken.json"}).status, 2);
    EXPECT_EQ(run({"replay", "absent.json"}).status, 6);
}

struct MutantCase {
    const char *config, *id;
};
class Mutants : public Check, public ::testing::WithParamInterface<MutantCase> {};

TEST_P(Mutants, IsRefuted) {
    const auto& [config, id] = GetParam();
    const Outcome sound = check({config, id, "--replicas", "4"});
    const Outcome mutant = check({config, id, "--replicas", "4", "--twin"});
    EXPECT_EQ(mutant.status, 3) << mutant.err;
    EXPECT_EQ(claim(mutant, id)["verdict"], "refuted");
    const bool counts = std::set<std::string>{"square_loss_threshold", "conditioning_polarises",
                                              "conditioning_at_fixed_norm", "losers_equalise"}
                            .count(id) == 0;  // these are fits and trends
    EXPECT_GE(claim(mutant, id)["n_confirmed"], counts ? 1 : 0);
    EXPECT_TRUE(mutant.json()["sabotaged"]);
    // The same check of the sound dynamics stands, but for the claim that is false; what becomes of
    // an open one is a result, not a test.
    if (std::string(id) == "entropy_decreases_vector") return;
    EXPECT_EQ(sound.status, std::string(id) == "all_logit_gaps_grow" ? 3 : 0) << sound.err;
}
INSTANTIATE_TEST_SUITE_P(
    All, Mutants,
    ::testing::Values(
        MutantCase{"u.toml", "logit_sum_conserved"}, MutantCase{"u.toml", "loss_decreases"},
        MutantCase{"u.toml", "effective_flow"}, MutantCase{"u.toml", "order_preserved"},
        MutantCase{"u.toml", "value_gaps_grow"}, MutantCase{"u.toml", "leader_gap_grows"},
        MutantCase{"u.toml", "all_logit_gaps_grow"}, MutantCase{"u.toml", "majorization"},
        MutantCase{"u.toml", "leader_probability_grows"}, MutantCase{"u.toml", "entropy_decreases"},
        MutantCase{"vector.toml", "entropy_decreases_vector"},
        MutantCase{"descent.toml", "order_preserved_descent"},
        MutantCase{"descent.toml", "logit_sum_conserved"},
        MutantCase{"two.toml", "two_token_invariant"},
        MutantCase{"losers.toml", "equal_losers_invariant"}, MutantCase{"u.toml", "one_hot_rate"},
        MutantCase{"u.toml", "losers_bounded"}, MutantCase{"u.toml", "winner_is_initial_leader"},
        MutantCase{"u.toml", "losers_equalise"}, MutantCase{"u.toml", "orbit_universality"},
        MutantCase{"descent.toml", "values_move_in_row_space"},
        MutantCase{"threshold.toml", "square_loss_threshold"},
        MutantCase{"conditioning.toml", "conditioning_polarises"},
        MutantCase{"conditioning.toml", "conditioning_at_fixed_norm"}),
    [](const auto& tested) {
        std::string name = std::string(tested.param.config) + "_" + tested.param.id;
        for (char& c : name)
            if (c == '.') c = '_';
        return name;
    });

TEST_F(Check, TiesAreOutsideTheClass) {
    const Outcome outcome = check({"u.toml", "majorization", "--set", "init.value_law=zero"});
    EXPECT_EQ(outcome.status, 4);
    const auto result = claim(outcome, "majorization");
    EXPECT_EQ(result["verdict"], "vacuous");
    EXPECT_EQ(result["n_excluded"], 60);
    EXPECT_EQ(result["n_tested"], 0);
}

/// The two largest values are equal but for the last bit: what rounding does to their order, more
/// digits undo.
TEST_F(Check, ViolationsOfRoundingAreDismissed) {
    write("ties.toml",
          "[dynamics]\nmethod = \"flow\"\n[init]\ntie_gap = 2e-17\n"
          "[ensemble]\nreplicas = 100\nseed = 20260301\n[claims]\nhorizon = 12\n");
    const Outcome outcome = check({"ties.toml", "order_preserved"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const auto result = claim(outcome, "order_preserved");
    EXPECT_EQ(result["verdict"], "not_refuted");
    EXPECT_GT(result["n_dismissed"], 0);
    EXPECT_EQ(result["n_confirmed"], 0);
    EXPECT_LT(result["smallest_margin"], -result["tolerance"].get<double>());
}

TEST_F(Check, FailedReplicasAreCountedAndShown) {
    const Outcome outcome = check({"u.toml", "majorization", "--set", "dynamics.max_steps=10"});
    EXPECT_EQ(outcome.status, 4);
    EXPECT_EQ(claim(outcome, "majorization")["n_failed"], 60);
}

TEST_F(Check, ClaimsThatDoNotFitAreErrors) {
    for (const Words& words :
         {Words{"u.toml", "entropy_decreases_vector"}, Words{"descent.toml", "majorization"},
          Words{"u.toml", "no_claim"}, Words{"u.toml", "--twin"},
          Words{"descent.toml", "map_against_softmax", "--twin", "--set", "init.logit_mean=1"}}) {
        const Outcome outcome = check(words);
        EXPECT_EQ(outcome.status, 2) << outcome.err;
    }
    EXPECT_NE(check({"descent.toml", "majorization"}).err.find("needs the flow"),
              std::string::npos);
}

TEST_F(Check, DescentKeepsTheOrder) {
    const Outcome outcome = check({"descent.toml", "--set", "dynamics.learning_rate=100"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(claim(outcome, "order_preserved_descent")["verdict"], "not_refuted");
    EXPECT_EQ(claim(outcome, "logit_sum_conserved")["verdict"], "not_refuted");
}

TEST_F(Check, TableAndCatalogueRead) {
    const Outcome table = run({"check", "u.toml", "--replicas", "8"});
    EXPECT_EQ(table.status, 0) << table.err;
    EXPECT_NE(table.out.find("majorization"), std::string::npos);
    EXPECT_NE(table.out.find("not refuted"), std::string::npos);
    EXPECT_NE(run({"claims"}).out.find("entropy_decreases_vector"), std::string::npos);
    EXPECT_NE(run({"claims", "majorization"}).out.find("Rearrangement"), std::string::npos);
    EXPECT_EQ(run({"claims", "majorisation"}).status, 2);
}

TEST_F(Check, ReplayOfARunRepeatsItsStates) {
    write_flow_config();
    EXPECT_EQ(run({"run", "flow.toml", "-o", "a"}).status, 0);
    const Outcome again = run({"replay", "a", "--replica", "2", "-o", "b", "--json"});
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_TRUE(fs::exists(folder() / "b/states.nc"));
    EXPECT_EQ(run({"replay", "a", "--replica", "150", "-o", "c"}).status, 2);
}

}  // namespace
}  // namespace softmaxflow::testing_support
