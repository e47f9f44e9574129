// Reading, writing and hashing of configs that are right.
#include "config/config_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <tuple>
#include <utility>

#include "backend/host/traits_of.hpp"
#include "expect_error.hpp"
#include "softmaxflow/names.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow {
namespace {

// Every member of Config, written out once more on purpose: a member that the table of keys forgets
// makes the round trip below fail.
auto members(const Config& c) {
    const auto& [m, o, i, d, e, r, claims, b] = c;
    return std::make_tuple(
        std::make_tuple(m.tokens, m.dim, m.map, o.loss, o.target, o.radius, o.design, o.response,
                        o.samples, o.condition_number, o.solution_norm, o.loss_factor, o.sharpness,
                        o.shared, o.file),
        std::make_tuple(i.value_law, i.value_scale, i.value_dof, i.value_decades, i.tie_gap,
                        i.logit_mean, i.logit_scale, i.file, i.checkpoint),
        std::make_tuple(d.method, d.learning_rate, d.iterations, d.momentum, d.adam_beta1,
                        d.adam_beta2, d.adam_epsilon, d.logit_rate, d.value_decay, d.logit_decay),
        std::make_tuple(d.clock, d.horizon, d.order, d.stiff, d.rtol, d.atol, d.max_steps,
                        d.stop_at_probability),
        std::make_tuple(e.replicas, e.seed, e.common_random_numbers, r.checkpoint_list,
                        r.checkpoint_list.empty() ? r.checkpoint_count : 0, r.spacing, r.first,
                        r.thresholds, r.bins, r.ranked, r.replica_table, r.states, b.device,
                        b.threads, b.precision, b.numerics),
        std::make_tuple(claims.ids, claims.level, claims.horizon));
}

/// Random configs that are valid: all keys that their loss and method use, over their whole range.
class RandomConfig {
public:
    Config draw() {
        Config c;
        c.model.tokens = integer(2, 40'000);
        c.model.dim = integer(2, 40'000);
        draw_objective(c);
        draw_init(c);
        if (coin()) c.claims.ids = {"majorization", "loss_decreases"};
        c.claims.level = 0.5 + 0.25 * unit();
        c.claims.horizon = real();
        draw_dynamics(c);
        draw_rest(c);
        return c;
    }

private:
    std::mt19937_64 random_{7};

    bool coin() { return random_() % 2 == 0; }
    std::int64_t integer(std::int64_t low, std::int64_t high) {
        return std::uniform_int_distribution(low, high)(random_);
    }
    double unit() { return std::uniform_real_distribution(0.0, 1.0)(random_); }
    double real() { return coin() ? std::floor(100 * unit()) : std::pow(10.0, 600 * unit() - 300); }

    void draw_objective(Config& c) {
        ObjectiveConfig& o = c.objective;
        o.loss = model::Losses::names[random_() % model::Losses::size];
        o.shared = coin();
        if (o.loss == "square") o.radius = real() + 1e-300;
        if (o.loss == "cross_entropy") o.sharpness = real();
        if (o.loss == "regression") {
            o.design = coin() ? "random" : "identity";
            o.samples = o.design == "random" ? integer(2, 50'000) : c.model.dim;
            o.condition_number = o.design == "random" ? 1 + real() : 1.0;
            o.response = coin() ? "normal" : "unit";
            o.solution_norm = real();
            o.loss_factor = real() + 1e-300;
        } else if (o.loss == "classification") {
            o.samples = integer(1, c.model.dim);
        } else if (o.loss != "cross_entropy") {
            o.target = coin() ? "random_normal" : "basis";
            c.init.tie_gap = coin() ? real() : 0.0;
        }
        const bool has_target =
            o.loss == "logistic" || o.loss == "exponential" || o.loss == "square";
        if (!has_target && coin()) o.file = "a \"b\"\\c.nc";
    }
    void draw_init(Config& c) {
        InitConfig& i = c.init;
        constexpr const char* laws[] = {"normal",  "rank_one",    "zero",        "identity",
                                        "student", "log_uniform", "equal_losers"};
        i.value_law = laws[random_() % std::size(laws)];
        if (i.value_law == "identity") c.model.tokens = c.model.dim;
        if (i.value_law == "student") i.value_dof = 1e6 * (1 - unit());
        if (i.value_law == "log_uniform") i.value_decades = 300 * unit();
        i.value_scale = real();
        i.logit_mean = coin() ? real() : -real();
        i.logit_scale = real() + 1e-300;
        if (coin()) i.file = "folder/\u03b2\t1.nc";
        if (!i.file.empty()) i.checkpoint = integer(-1, 100);
    }
    void draw_dynamics(Config& c) {
        c.model.map = model::Maps::names[random_() % model::Maps::size];
        DynamicsConfig& d = c.dynamics;
        d.method = model::Methods::names[random_() % model::Methods::size];
        if (d.method == "momentum") d.momentum = unit();
        if (d.method == "adam") {
            d.adam_beta1 = unit();
            d.adam_beta2 = unit();
            d.adam_epsilon = real() + 1e-300;
        } else if (d.method != "sign_descent") {
            d.value_decay = real();
        }
        d.learning_rate = real() + 1e-300;
        d.iterations = integer(1, std::int64_t{1} << 53);
        d.logit_rate = real();
        d.logit_decay = real();
        if (c.model.map != "l1" && coin()) draw_flow(d);
        if (c.model.map == "softmax" && d.method == "gradient_descent" && coin())
            c.backend.numerics = "fast";
    }
    void draw_flow(DynamicsConfig& d) {
        const DynamicsConfig drawn = std::exchange(d, {});
        d.method = "flow";
        d.logit_rate = drawn.logit_rate;
        d.value_decay = coin() ? real() : 0.0;
        d.clock = coin() ? "time" : "arc";
        d.horizon = std::pow(10.0, 400 * unit() - 100);
        d.order = integer(0, 1) == 0 ? 3 : 8;
        d.stiff = d.clock == "arc" && d.value_decay > 0 ? "off" : "on";
        d.rtol = std::pow(10.0, -13 * unit() - 1);
        d.atol = coin() ? real() : 0.0;
        d.max_steps = integer(1, std::int64_t{1} << 53);
        d.stop_at_probability = coin() ? unit() : 0.0;
    }
    void draw_checkpoint_list(Config& c) {
        std::set<double> list{0};
        for (int i = 0; i < 5; ++i)
            list.insert(is_flow(c) ? c.dynamics.horizon * unit()
                                   : double(integer(0, c.dynamics.iterations)));
        c.record.checkpoint_list.assign(list.begin(), list.end());
    }
    void draw_rest(Config& c) {
        c.ensemble.replicas = integer(1, std::int64_t{1} << 40);
        if (coin()) c.ensemble.seed = random_() >> 1;
        c.ensemble.common_random_numbers = coin();
        RecordConfig& r = c.record;
        if (coin()) {
            r.checkpoint_count = integer(2, 100'000);
            r.spacing = coin() ? "log" : "linear";
            const double end = double(integer(0, c.dynamics.iterations));
            if (r.spacing == "log") r.first = is_flow(c) ? c.dynamics.horizon * unit() : end;
        } else {
            draw_checkpoint_list(c);
        }
        std::set<double> levels;
        for (int i = 0; i < 4; ++i)
            levels.insert((double(integer(0, 1 << 20)) + 0.5) / ((1 << 20) + 1));
        r.thresholds.assign(levels.begin(), levels.end());
        r.ranked = !r.checkpoint_list.empty() && coin();
        r.bins = integer(8, r.ranked ? 200 : 65536);  // ranked ones must not get too large
        r.replica_table = coin();
        r.states = integer(0, c.ensemble.replicas);
        c.backend.device = coin() ? "auto" : "cpu";
        c.backend.threads = integer(0, 64);
    }
};

TEST(Config, EmptyTextGivesTheDefaults) {
    EXPECT_EQ(members(parse_config("", "c")), members(Config{}));
    EXPECT_EQ(members(parse_config(canonical_text(Config{}), "c")), members(Config{}));
    EXPECT_FALSE(parse_config("", "c").ensemble.replicas_given);
    EXPECT_TRUE(parse_config("[ensemble]\nreplicas = 1000\n", "c").ensemble.replicas_given);
}

void expect_text_to_read_back(int configs) {
    RandomConfig random;
    for (int i = 0; i < configs; ++i) {
        const Config config = random.draw();
        const std::string text = canonical_text(config);
        const Config back = parse_config(text, "c");
        ASSERT_EQ(members(back), members(config)) << text;
        ASSERT_EQ(canonical_text(back), text);
    }
}
TEST(Config, CanonicalTextReadsBackToTheSameConfig) { expect_text_to_read_back(500); }
TEST(ConfigLong, CanonicalTextReadsBackToTheSameConfig) { expect_text_to_read_back(20'000); }

TEST(Config, CanonicalTextWithoutTheMachine) {
    Config config;
    config.backend.threads = 3;
    config.init.file = "/home/somebody/starts.nc";
    const std::string text = canonical_text(config, false);
    for (const char* hidden : {"device", "threads", "somebody", "seed"}) {
        EXPECT_EQ(text.find(hidden), std::string::npos) << hidden;
    }
    EXPECT_NE(text.find("file = \"starts.nc\""), std::string::npos);
    EXPECT_NE(canonical_text(config).find("threads = 3"), std::string::npos);
}

TEST(Config, ReadsEveryNotation) {
    const Config c = parse_config(
        "\ufeff[dynamics]\r\niterations = 1e5\r\nlearning_rate = 1\nmethod = 'momentum'\nmomentum "
        "= 0\n"
        "[ensemble]\nreplicas = 1_000_000\nseed = 0xff\n"
        "[record]\ncheckpoints = [0, 1e3, 2_000]\nthresholds = []\n"
        "[model]\ntokens = +12  # \u03bd\n",
        "c");
    EXPECT_EQ(c.dynamics.iterations, 100'000);
    EXPECT_EQ(c.dynamics.learning_rate, 1.0);
    EXPECT_EQ(c.dynamics.method, "momentum");
    EXPECT_EQ(c.ensemble.replicas, 1'000'000);
    EXPECT_EQ(c.ensemble.seed, 255u);
    EXPECT_EQ(c.record.checkpoint_list, (std::vector<double>{0, 1000, 2000}));
    EXPECT_TRUE(c.record.thresholds.empty());
    EXPECT_EQ(c.model.tokens, 12);
    EXPECT_EQ(members(parse_config("model = { tokens = 12 }\nensemble.seed = 3", "c")),
              members(parse_config("model.tokens = 12\n[ensemble]\nseed = 3", "c")));
}

TEST(Config, ReadsTheClockOfAFlow) {
    const Config c = parse_config(
        "[dynamics]\nmethod = \"flow\"\nclock = \"arc\"\nhorizon = 50\norder = 8\nstiff = \"off\"\n"
        "rtol = 1e-12\natol = 0\nmax_steps = 1e4\nstop_at_probability = 0.999\nvalue_decay = 0.1\n"
        "[record]\ncheckpoints = [0.125, 1, 2.5e1]\n",
        "c");
    EXPECT_EQ(c.dynamics.clock, "arc");
    EXPECT_EQ(c.dynamics.horizon, 50.0);
    EXPECT_EQ(c.dynamics.order, 8);
    EXPECT_EQ(c.dynamics.stiff, "off");
    EXPECT_EQ(c.dynamics.rtol, 1e-12);
    EXPECT_EQ(c.dynamics.atol, 0.0);
    EXPECT_EQ(c.dynamics.max_steps, 10'000);
    EXPECT_EQ(c.dynamics.stop_at_probability, 0.999);
    EXPECT_EQ(c.record.checkpoint_list, (std::vector<double>{0.125, 1, 25}));
    EXPECT_NE(canonical_text(c).find("checkpoints = [0.125, 1.0, 25.0]"), std::string::npos);
    EXPECT_NE(keys_listing().find("3 | 5 | 8"), std::string::npos);
}

TEST(Config, OverridesWin) {
    const std::string text = "[model]\ntokens = 4\n[record]\ncheckpoints = [0, 5]\n";
    const Config c = parse_config(
        text, "c",
        {"model.tokens=16", "model.tokens=32", "objective.loss=square", "objective.radius=2",
         "record.thresholds=[0.25, 0.75]", "record.checkpoints=7", "objective.target=\"basis\"",
         "init.file=../../a/../b/../c/../d/../e f,g#\u03b2.nc", "ensemble.seed=5",
         "objective.shared=true", "dynamics.iterations=1_000"});
    EXPECT_EQ(c.model.tokens, 32);
    EXPECT_EQ(c.objective.loss, "square");
    EXPECT_EQ(c.objective.radius, 2.0);
    EXPECT_EQ(c.objective.target, "basis");
    EXPECT_EQ(c.record.thresholds, (std::vector<double>{0.25, 0.75}));
    EXPECT_TRUE(c.record.checkpoint_list.empty());
    EXPECT_EQ(c.record.checkpoint_count, 7);
    EXPECT_EQ(c.init.file, "../../a/../b/../c/../d/../e f,g#\u03b2.nc");
    EXPECT_EQ(c.ensemble.seed, 5u);
    EXPECT_TRUE(c.objective.shared);
    EXPECT_EQ(c.dynamics.iterations, 1000);
    EXPECT_EQ(parse_config("", "c", {"record.checkpoints=[0,9]"}).record.checkpoint_list,
              (std::vector<double>{0, 9}));
    EXPECT_TRUE(parse_config("", "c", {"ensemble.replicas=5"}).ensemble.replicas_given);
}

TEST(Config, FilesAreRelativeToTheConfig) {
    const auto folder = std::filesystem::path(testing::TempDir()) / "softmaxflow_config_test";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "c.toml") << "[init]\nfile = \"../starts.nc\"\n";
    const std::string path = (folder / "c.toml").string();
    const auto parent = std::filesystem::path(testing::TempDir()).lexically_normal();
    EXPECT_EQ(read_config(path).init.file, (parent / "starts.nc").lexically_normal());
    EXPECT_EQ(read_config(path, {"init.file=/a/b.nc"}).init.file, "/a/b.nc");
    EXPECT_EQ(read_config(path, {"init.file="}).init.file, "");
    std::filesystem::remove_all(folder);
}

TEST(Config, ValidateWorksWithoutPlaces) {
    Config config;
    EXPECT_NO_THROW(validate(config));
    config.model.tokens = 1;
    expect_error(Exit::usage, "config: key `model.tokens`: expected 2", [&] { validate(config); });
    config = {};
    config.ensemble.seed = ~std::uint64_t{0};
    expect_error(Exit::usage, "key `ensemble.seed`: expected at most 2^63 - 1",
                 [&] { validate(config); });
}

TEST(CellKey, DependsOnModelObjectiveAndInitOnly) {
    std::set<std::uint64_t> seen;
    const auto key = [](const std::string& text, const std::vector<std::string>& digests = {}) {
        return cell_key(parse_config(text, "c"), digests);
    };
    const std::uint64_t reference = key("");
    EXPECT_EQ(reference, key("[model]\ntokens = 8\n"));  // the default, written out
    for (const char* same :
         {"[dynamics]\nlearning_rate = 0.5", "[dynamics]\niterations = 5",
          "[ensemble]\nreplicas = 5", "[ensemble]\nseed = 5", "[record]\nbins = 8",
          "[backend]\nthreads = 2", "[ensemble]\ncommon_random_numbers = true",
          "[dynamics]\nmethod = \"momentum\"", "[dynamics]\nlogit_decay = 0.1",
          "[record]\nspacing = \"linear\"", "[record]\nranked = true",
          "[backend]\nnumerics = \"fast\""}) {
        EXPECT_EQ(key(same), reference) << same;
    }
    seen.insert(reference);
    for (const char* other :
         {"[model]\ntokens = 9", "[model]\ndim = 9", "[objective]\nloss = \"square\"",
          "[objective]\nloss = \"exponential\"", "[objective]\nshared = true",
          "[objective]\ntarget = \"basis\"", "[init]\nvalue_scale = 0.2",
          "[init]\nlogit_scale = 0.1", "[init]\nlogit_mean = 0.1", "[init]\nvalue_law = \"zero\"",
          "[init]\ntie_gap = 0.1", "[init]\nvalue_law = \"student\"",
          "[init]\nvalue_law = \"student\"\nvalue_dof = 2", "[model]\nmap = \"sigmoid\""}) {
        EXPECT_TRUE(seen.insert(key(other)).second) << other;
    }
}

TEST(CellKey, TakesFilesByContent) {
    Config config;
    config.init.file = "/a/x.nc";
    const std::uint64_t key = cell_key(config, {"00ff"});
    EXPECT_NE(key, cell_key(config, {"00fe"}));
    EXPECT_NE(key, cell_key(Config{}, {}));
    config.init.file = "/b/y.nc";
    EXPECT_EQ(key, cell_key(config, {"00ff"}));
    expect_error(Exit::internal, "no digest of init.file", [&] { cell_key(config, {}); });
}

// The value is part of the numerics: a change here changes the draws of every published run.
TEST(CellKey, IsPinned) {
    Config config;
    EXPECT_EQ(cell_key(config, {}), 0x2d06800538d394c2u);  // XXH3-64 of the empty text
    config.model.tokens = 16;
    config.init.value_scale = 1e-5;
    // XXH3-64 of "model.tokens=16\ninit.value_scale=1e-05\n"
    EXPECT_EQ(cell_key(config, {}), 2618298685799987031u);
}

TEST(Keys, TableIsComplete) {
    const std::string listing = keys_listing();
    const nlohmann::json json = keys_json();
    ASSERT_EQ(json.size(), all_keys().size());
    std::set<std::string> names;
    for (const Key& key : all_keys()) {
        EXPECT_TRUE(names.insert(key.full()).second) << key.full() << " stands twice";
        EXPECT_EQ(find_key(key.full()), &key);
        EXPECT_FALSE(key.help.empty());
        EXPECT_NE(listing.find(key.full() + " "), std::string::npos);
        EXPECT_EQ(complaint(key, Config{}), "");
        if (key.used_by.selector.empty()) continue;
        const Key* selector = find_key(key.used_by.selector);
        ASSERT_NE(selector, nullptr);
        for (const auto choice : key.used_by.choices) {
            EXPECT_EQ(std::count(selector->choices.begin(), selector->choices.end(), choice), 1)
                << choice;
        }
    }
    EXPECT_EQ(json[0]["key"], "model.tokens");
    EXPECT_EQ(json[0]["default"], "8");
}

TEST(Keys, LossesLawsAndMethodsNameKeysThatThereAre) {
    std::set<std::string> listed;
    const auto add = [&](const char* key) {
        if (key != nullptr) listed.insert(key);
    };
    for (const model::LossTraits& loss : model::loss_table) {
        for (const char* key : loss.objective.keys) add(key);
        add(loss.constant_key);
    }
    for (const model::ValueLawTraits& law : model::value_law_table) add(law.key);
    for (const model::MethodTraits& method : model::method_table)
        for (const char* key : method.keys) add(key);
    for (const std::string& name : listed) {
        const Key* key = find_key(name);
        ASSERT_NE(key, nullptr) << name;
        EXPECT_FALSE(key->used_by.choices.empty()) << name;
    }
}

TEST(Keys, LawsSayTheirNumber) {
    for (const model::ValueLawTraits& law : model::value_law_table)
        EXPECT_EQ(law.key == nullptr, law.text == nullptr) << law.name;
}

TEST(Names, AreThoseThatTheKeysAccept) {
    const auto choices = [](const char* key) {
        const auto& list = find_key(key)->choices;
        return std::vector<std::string>(list.begin(), list.end());
    };
    EXPECT_EQ(map_names(), choices("model.map"));
    EXPECT_EQ(loss_names(), choices("objective.loss"));
    EXPECT_EQ(value_law_names(), choices("init.value_law"));
    EXPECT_EQ(method_names(), choices("dynamics.method"));
    EXPECT_EQ(claim_names(), choices("claims.ids"));
    EXPECT_EQ(observable_names().size(), std::size_t{model::observable_count});
    EXPECT_EQ(observable_names().front().name, model::observables[0].name);
}

TEST(Keys, NearestName) {
    EXPECT_EQ(nearest_key("model.toknes"), "model.tokens");
    EXPECT_EQ(nearest_key("learning_rate"), "dynamics.learning_rate");
    EXPECT_EQ(nearest_key("modle.dim"), "model.dim");
    EXPECT_EQ(nearest_key("init.seed"), "ensemble.seed");
    EXPECT_EQ(nearest_key("zzz"), "");
    EXPECT_EQ(nearest_key(std::string(100'000, 'a')), "");
    EXPECT_EQ(nearest("sotfmax", {"softmax", "sigmoid"}), "softmax");
}

TEST(Keys, FloatsAreTomlAndExact) {
    EXPECT_EQ(toml_float(1.0), "1.0");
    EXPECT_EQ(toml_float(1e22), "1e+22");
    EXPECT_EQ(toml_float(0.1), "0.1");
    EXPECT_EQ(toml_float(-0.0), "-0.0");
    EXPECT_EQ(toml_float(1e-5), "1e-05");
    EXPECT_EQ(toml_float(INFINITY), "inf");
    EXPECT_EQ(toml_string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
}

}  // namespace
}  // namespace softmaxflow
