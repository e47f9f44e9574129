#include "output/results.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "output/manifest.hpp"
#include "output/netcdf_image.hpp"
#include "output/netcdf_reader.hpp"
#include "output/sample_result.hpp"

namespace softmaxflow {

namespace state_column = model::state_column;
namespace replica_column = model::replica_column;

namespace {

namespace fs = std::filesystem;
using testing_support::NetcdfReader;
using testing_support::Sample;
using testing_support::sample;
using Names = std::vector<std::string>;

/// Equal to the bit, NaN being one value.
bool same(const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
        return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) ||
               (x != x && y != y);
    });
}

void expect_values(const NetcdfReader& file, const std::string& name, const Names& dimensions,
                   const std::vector<double>& values) {
    EXPECT_EQ(file.dimensions(name), dimensions) << name;
    EXPECT_EQ(file.type(name), NC_DOUBLE) << name;
    EXPECT_TRUE(same(file.values<double>(name), values)) << name;
}

template <class T>
void expect_integers(const NetcdfReader& file, const std::string& name, const Names& dimensions,
                     const std::vector<T>& values) {
    EXPECT_EQ(file.dimensions(name), dimensions) << name;
    EXPECT_EQ(file.values<T>(name), values) << name;
}

const Variable* find(const Dataset& dataset, const std::string& name) {
    const auto found = std::find_if(dataset.variables.begin(), dataset.variables.end(),
                                    [&](const Variable& v) { return v.name == name; });
    return found == dataset.variables.end() ? nullptr : &*found;
}

TEST(ResultsFile, HoldsTheStatistics) {
    const Sample s = sample();
    std::vector<std::byte> image = netcdf_image(results_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    expect_integers<std::int64_t>(file, "iteration", {"checkpoint"}, {0, 1, 10, 100});
    expect_values(file, "time", {"checkpoint"}, {0.0, 0.25, 2.5, 25.0});
    expect_values(file, "quantile", {"quantile"}, {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99});
    expect_values(file, "threshold", {"threshold"}, {0.5, 0.9});
    expect_integers<std::int64_t>(file, "n_total", {}, {5});
    expect_integers<std::int64_t>(file, "n_ok", {}, {4});
    expect_integers<std::int64_t>(file, "n_failed", {}, {1});
    expect_integers<std::int64_t>(file, "n_stopped", {"checkpoint"}, {0, 0, 1, 2});
    expect_values(file, "winner_is_leader", {}, {0.75});
    expect_values(file, "winner_is_leader_low", {}, {0.19});
    expect_values(file, "winner_is_leader_high", {}, {0.99});
    for (std::size_t i = 0; i < model::observable_count; ++i) {
        const std::string x = model::observables[i].name;
        const ObservableResult& r = s.result.observables[i];
        expect_values(file, x + "_mean", {"checkpoint"}, r.mean);
        expect_values(file, x + "_std", {"checkpoint"}, r.std);
        expect_values(file, x + "_sem", {"checkpoint"}, r.sem);
        expect_values(file, x + "_min", {"checkpoint"}, r.min);
        expect_values(file, x + "_max", {"checkpoint"}, r.max);
        expect_values(file, x + "_quantile", {"checkpoint", "quantile"}, r.quantile);
        expect_values(file, x + "_resolution", {"checkpoint", "quantile"}, r.resolution);
        expect_integers(file, x + "_count", {"checkpoint", "bin"}, r.count);
        expect_integers(file, x + "_undefined", {"checkpoint"}, r.undefined);
        expect_values(file, x + "_edge", {"bin_edge"}, r.edge);
    }
}

// (checkpoint, rank[, quantile]) from one curve per quantity and rank.
TEST(ResultsFile, HoldsTheRankedCurves) {
    const Sample s = sample();
    std::vector<std::byte> image = netcdf_image(results_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    expect_integers<std::int64_t>(file, "rank", {"rank"}, {0, 1, 2});
    EXPECT_NE(file.text("rank", "comment").find("from 0, the largest"), std::string::npos);
    std::size_t curve = model::observable_count;
    for (const std::string x : {"ranked_probability", "ranked_logit", "ranked_value"}) {
        std::vector<double> mean, std, quantile;
        for (std::size_t c = 0; c < 4; ++c)
            for (std::size_t rank = 0; rank < 3; ++rank) {
                const ObservableResult& r = s.result.observables[curve + rank];
                mean.push_back(r.mean[c]);
                std.push_back(r.std[c]);
                for (std::size_t q = 0; q < quantile_count; ++q)
                    quantile.push_back(r.quantile[c * quantile_count + q]);
            }
        expect_values(file, x + "_mean", {"checkpoint", "rank"}, mean);
        expect_values(file, x + "_std", {"checkpoint", "rank"}, std);
        expect_values(file, x + "_quantile", {"checkpoint", "rank", "quantile"}, quantile);
        curve += 3;
    }
    Sample plain = sample();
    plain.problem.config.record.ranked = false;
    const Dataset without = results_dataset(plain.problem, plain.result, plain.info);
    EXPECT_EQ(find(without, "ranked_logit_mean"), nullptr);
    EXPECT_EQ(find(without, "rank"), nullptr);
}

TEST(ResultsFile, HoldsThePassages) {
    const Sample s = sample();
    std::vector<std::byte> image = netcdf_image(results_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    const auto& [half, most] = std::tie(s.result.passages[0], s.result.passages[1]);
    std::vector<double> quantile = half.quantile, resolution = half.resolution;
    quantile.insert(quantile.end(), most.quantile.begin(), most.quantile.end());
    resolution.insert(resolution.end(), most.resolution.begin(), most.resolution.end());
    expect_integers<std::int64_t>(file, "passage_count", {"threshold"}, {half.count, most.count});
    expect_values(file, "passage_quantile", {"threshold", "quantile"}, quantile);
    expect_values(file, "passage_resolution", {"threshold", "quantile"}, resolution);
}

TEST(ResultsFile, SaysWhatItIs) {
    const Sample s = sample();
    const Dataset dataset = results_dataset(s.problem, s.result, s.info);
    std::vector<std::byte> image = netcdf_image(dataset);
    const NetcdfReader file(image);
    EXPECT_EQ(file.text("", "title"),
              "Statistics over replicas: momentum on regression loss, 3 tokens, 5 replicas");
    EXPECT_EQ(file.text("", "source"), "softmaxflow 9.8.7 (git abc123)");
    EXPECT_EQ(file.text("", "config"), s.info.config);
    EXPECT_EQ(file.text("", "numerics"), "strict");
    EXPECT_EQ(file.text("", "precision"), "f64");
    EXPECT_EQ(file.text("", "payload_hash"), payload_hash(dataset));
    for (const auto& [name, value] :
         {std::pair{"schema", schema}, std::pair{"numerics_version", numerics_version}}) {
        int stored = 0;
        EXPECT_EQ(nc_get_att_int(file.id(), NC_GLOBAL, name, &stored), NC_NOERR);
        EXPECT_EQ(stored, value) << name;
    }
}

TEST(ResultsFile, WithoutThresholdsHasNoPassages) {
    Sample s = sample();
    s.problem.config.record.thresholds.clear();
    s.result.passages.clear();
    s.result.table.columns[replica_column::first_passage].clear();
    const Dataset results = results_dataset(s.problem, s.result, s.info);
    const Dataset replicas = replicas_dataset(s.problem, s.result, s.info);
    EXPECT_EQ(find(results, "passage_count"), nullptr);
    EXPECT_EQ(find(replicas, "first_passage"), nullptr);
    EXPECT_GT(netcdf_image(results).size(), 0u);
    EXPECT_GT(netcdf_image(replicas).size(), 0u);
}

TEST(EveryFile, DocumentsEveryVariable) {
    const Sample s = sample(), flow = testing_support::sample_flow("time");
    for (const Dataset& dataset : {results_dataset(s.problem, s.result, s.info),
                                   replicas_dataset(s.problem, s.result, s.info),
                                   states_dataset(s.problem, s.result, s.info),
                                   results_dataset(flow.problem, flow.result, flow.info),
                                   replicas_dataset(flow.problem, flow.result, flow.info),
                                   states_dataset(flow.problem, flow.result, flow.info)}) {
        for (const Variable& variable : dataset.variables) {
            for (const char* wanted : {"long_name", "units"}) {
                const auto has = [&](const Attribute& a) {
                    return a.name == wanted && !std::get<std::string>(a.value).empty();
                };
                EXPECT_TRUE(
                    std::any_of(variable.attributes.begin(), variable.attributes.end(), has))
                    << variable.name << ":" << wanted;
            }
        }
    }
}

template <class T>
std::vector<T> as(const std::vector<double>& numbers) {
    return {numbers.begin(), numbers.end()};
}

TEST(ReplicasFile, HoldsTheTable) {
    const Sample s = sample();
    const ReplicaTable& table = s.result.table;
    std::vector<std::byte> image = netcdf_image(replicas_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    expect_integers(file, "initial_leader", {"replica"},
                    as<std::int32_t>(table.columns[replica_column::initial_leader]));
    expect_integers(file, "winner", {"replica"},
                    as<std::int32_t>(table.columns[replica_column::winner]));
    expect_integers(file, "steps", {"replica"},
                    as<std::int64_t>(table.columns[replica_column::steps]));
    expect_integers<std::int8_t>(file, "status", {"replica"}, {0, 1, 2, 0, 5});
    expect_values(file, "first_passage", {"replica", "threshold"},
                  table.columns[replica_column::first_passage]);
    for (std::size_t i = 0; i < model::observable_count; ++i) {
        const auto row = table.observables.begin() + static_cast<std::ptrdiff_t>(5 * i);
        expect_values(file, model::observables[i].name, {"replica"}, std::vector(row, row + 5));
    }
    EXPECT_EQ(file.text("status", "flag_meanings"),
              "ok converged stopped_early step_limit step_underflow non_finite map_singular");
    std::vector<std::int8_t> flags(7);
    nc_type type = NC_NAT;
    EXPECT_EQ(nc_inq_atttype(file.id(), file.variable("status"), "flag_values", &type), NC_NOERR);
    EXPECT_EQ(type, NC_BYTE);
    EXPECT_EQ(nc_get_att_schar(file.id(), file.variable("status"), "flag_values", flags.data()),
              NC_NOERR);
    EXPECT_EQ(flags, (std::vector<std::int8_t>{0, 1, 2, 3, 4, 5, 6}));
    EXPECT_STREQ(status_name(Status::non_finite), "non_finite");
}

/// A column of both recorded states, one after the other.
std::vector<double> both(const CellResult& cell, int column) {
    std::vector<double> all = cell.states[0].columns[column];
    const std::vector<double>& second = cell.states[1].columns[column];
    all.insert(all.end(), second.begin(), second.end());
    return all;
}

/// What the method remembers, of both states: of the logits and of the projected values.
std::pair<std::vector<double>, std::vector<double>> memory_of(const CellResult& cell, int which) {
    return {both(cell, state_column::memory(state_column::memory_logits, which)),
            both(cell, state_column::memory(state_column::memory_values, which))};
}

TEST(StatesFile, HoldsTheStates) {
    const Sample s = sample();
    std::vector<std::byte> image = netcdf_image(states_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    const Names vector = {"state", "checkpoint", "token"};
    const Names matrix = {"state", "checkpoint", "output", "token"};
    expect_integers<std::int64_t>(file, "replica", {"state"}, {0, 1});
    expect_values(file, "logits", vector, both(s.result, state_column::logits));
    expect_values(file, "probability", vector, both(s.result, state_column::probability));
    expect_values(file, "projected_values", matrix, both(s.result, state_column::projected_values));
    expect_values(file, "velocity_logits", vector, memory_of(s.result, 0).first);
    expect_values(file, "velocity_projected_values", matrix, memory_of(s.result, 0).second);
    expect_values(file, "arc", {"state", "checkpoint"}, both(s.result, state_column::arc));
    expect_values(file, "response", {"state", "output"}, both(s.result, state_column::response));
    expect_values(file, "metric", {"state", "output", "output_b"},
                  both(s.result, state_column::metric));
    expect_integers<std::int32_t>(file, "initial_leader", {"state"}, {1, 0});
    expect_integers<std::int32_t>(file, "rank", {"state", "token"}, {2, 0, 1, 0, 1, 2});
    expect_values(file, "log_time", {"state", "checkpoint"},
                  both(s.result, state_column::log_time));
    EXPECT_EQ(file.text("iteration", "long_name"), "iterations done at the checkpoint");
}

TEST(FilesOfAFlow, HaveItsClock) {
    for (const std::string kind : {"time", "arc"}) {
        const Sample s = testing_support::sample_flow(kind);
        std::vector<std::byte> image = netcdf_image(results_dataset(s.problem, s.result, s.info));
        const NetcdfReader results(image);
        expect_values(results, "clock", {"checkpoint"}, s.problem.checkpoints);
        EXPECT_NE(results.text("passage_quantile", "long_name").find("clock"), std::string::npos);
        EXPECT_EQ(results.text("", "coordinates"), kind == "arc" ? "clock" : "clock time");
        const Dataset dataset = results_dataset(s.problem, s.result, s.info);
        EXPECT_EQ(find(dataset, "iteration"), nullptr);
        EXPECT_EQ(find(dataset, "time") == nullptr, kind == "arc");
        for (const char* machine : {"useful_steps", "issued_steps"})
            EXPECT_EQ(find(dataset, machine), nullptr);

        std::vector<std::byte> table = netcdf_image(replicas_dataset(s.problem, s.result, s.info));
        const NetcdfReader replicas(table);
        expect_integers(replicas, "steps", {"replica"},
                        as<std::int64_t>(s.result.table.columns[replica_column::steps]));
        expect_integers(replicas, "rejected_steps", {"replica"},
                        as<std::int64_t>(s.result.table.columns[replica_column::rejected_steps]));
        EXPECT_NE(replicas.text("first_passage", "long_name").find("clock"), std::string::npos);
    }
    const Sample descent = sample();
    EXPECT_EQ(
        find(replicas_dataset(descent.problem, descent.result, descent.info), "rejected_steps"),
        nullptr);
}

TEST(FilesOfAFlow, HoldWhatItGoesOnWith) {
    const Sample s = testing_support::sample_flow("time");
    std::vector<std::byte> image = netcdf_image(states_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    const Names each = {"state", "checkpoint"};
    expect_values(file, "checkpoint_clock", {"checkpoint"}, s.problem.checkpoints);
    expect_values(file, "time", {"checkpoint"}, s.problem.checkpoints);
    expect_values(file, "clock", each, both(s.result, state_column::clock));
    expect_values(file, "step_size", each, both(s.result, state_column::step_size));
    expect_values(file, "controller", {"state", "checkpoint", "controller_entry"},
                  both(s.result, state_column::controller));
    expect_values(file, "log_time", each, both(s.result, state_column::log_time));
    const Sample descent = sample();
    const Dataset without = states_dataset(descent.problem, descent.result, descent.info);
    for (const char* name : {"checkpoint_clock", "clock", "step_size", "controller"})
        EXPECT_EQ(find(without, name), nullptr) << name;
}

TEST(StatesFile, HoldsWhatTheLossAndTheMethodHave) {
    Sample s = sample();
    const auto names = [&] {
        const Dataset dataset = states_dataset(s.problem, s.result, s.info);
        netcdf_image(dataset);
        return std::tuple(find(dataset, "response") != nullptr,
                          find(dataset, "distribution") != nullptr,
                          find(dataset, "velocity_logits") != nullptr,
                          find(dataset, "velocity_projected_values") != nullptr);
    };
    EXPECT_EQ(names(), std::tuple(true, false, true, true));
    s.problem.config.objective.loss = "cross_entropy";
    EXPECT_EQ(names(), std::tuple(false, true, true, true));
    s.problem.config.objective.loss = "classification";
    EXPECT_EQ(names(), std::tuple(true, false, true, true));
    s.problem.config.objective.loss = "logistic";
    EXPECT_EQ(names(), std::tuple(false, false, true, true));
    s.problem.config.dynamics.method = "sign_descent";
    EXPECT_EQ(names(), std::tuple(false, false, false, false));
}

TEST(StatesFile, HoldsBothMomentsOfAdam) {
    Sample s = sample();
    s.problem.config.dynamics.method = "adam";
    for (StateRecord& state : s.result.states) {
        state.columns[state_column::memory_logits_2] = testing_support::fresh(4 * 3);
        state.columns[state_column::memory_values_2] = testing_support::fresh(4 * 2 * 3);
    }
    std::vector<std::byte> image = netcdf_image(states_dataset(s.problem, s.result, s.info));
    const NetcdfReader file(image);
    for (const int i : {0, 1}) {
        const std::string name = i == 0 ? "moment1" : "moment2";
        const auto [logits, values] = memory_of(s.result, i);
        expect_values(file, name + "_logits", {"state", "checkpoint", "token"}, logits);
        expect_values(file, name + "_projected_values", {"state", "checkpoint", "output", "token"},
                      values);
    }
}

class WriteRun : public testing::Test {
protected:
    WriteRun() {
        std::string name = (fs::temp_directory_path() / "softmaxflow-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~WriteRun() override { fs::remove_all(folder_); }
    std::string read(const char* name) const {
        std::ifstream file(folder_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    Names entries() const {
        Names names;
        for (const auto& entry : fs::directory_iterator(folder_))
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }
    fs::path folder_;
};

TEST_F(WriteRun, WritesEveryFile) {
    const Sample s = sample();
    const WrittenFiles files = write_run(folder_, s.problem, s.result, s.info, s.timing);
    EXPECT_EQ(entries(), (Names{"config.toml", "events.jsonl", "manifest.json", "replicas.nc",
                                "results.nc", "states.nc"}));
    EXPECT_EQ(read("config.toml"), s.info.config_file);
    for (const auto& [name, hash] : {std::pair{"results.nc", files.results_hash},
                                     std::pair{"replicas.nc", files.replicas_hash},
                                     std::pair{"states.nc", files.states_hash}}) {
        EXPECT_EQ(NetcdfReader((folder_ / name).string()).text("", "payload_hash"), hash) << name;
    }
}

TEST_F(WriteRun, TheManifestRecognisesTheRun) {
    const Sample s = sample();
    const WrittenFiles files = write_run(folder_, s.problem, s.result, s.info, s.timing);
    const auto json = nlohmann::json::parse(read("manifest.json"));
    EXPECT_EQ(json.at("schema"), 1);
    EXPECT_EQ(json.at("version"), "9.8.7");
    EXPECT_EQ(json.at("git"), "abc123");
    EXPECT_EQ(json.at("config_hash"), text_hash(s.info.config));
    EXPECT_EQ(json.at("seed"), 42);
    EXPECT_EQ(json.at("created"), "1970-01-01T00:01:30Z");
    EXPECT_EQ(json.at("threads"), 2);
    EXPECT_EQ(json.at("cells").size(), 1u);
    EXPECT_EQ(json.at("cells")[0].at("n_failed"), 1);
    EXPECT_EQ(json.at("payload_hash").at("results.nc"), files.results_hash);
    EXPECT_EQ(json.at("payload_hash").at("states.nc"), files.states_hash);
    EXPECT_FALSE(json.at("build").at("compiler").get<std::string>().empty());
}

TEST_F(WriteRun, TheManifestHasTheStepsOfAFlow) {
    const Sample s = testing_support::sample_flow("arc");
    write_run(folder_, s.problem, s.result, s.info, s.timing);
    const auto json = nlohmann::json::parse(read("manifest.json"));
    EXPECT_EQ(json.at("useful_steps"), 70);
    EXPECT_EQ(json.at("issued_steps"), 80);
}

TEST_F(WriteRun, EventsAreOneJsonObjectALine) {
    const Sample s = sample();
    write_run(folder_, s.problem, s.result, s.info, s.timing);
    std::istringstream lines(read("events.jsonl"));
    std::string start, finish, more;
    std::getline(lines, start);
    std::getline(lines, finish);
    EXPECT_FALSE(std::getline(lines, more));
    EXPECT_EQ(nlohmann::json::parse(start).at("event"), "start");
    EXPECT_EQ(nlohmann::json::parse(start).at("time"), "1970-01-01T00:00:00Z");
    EXPECT_EQ(nlohmann::json::parse(finish).at("event"), "finish");
    EXPECT_EQ(nlohmann::json::parse(finish).at("wall_seconds"), 90.25);
}

TEST_F(WriteRun, DataFilesSayNothingOfTheMachine) {
    Sample s = sample();
    write_run(folder_, s.problem, s.result, s.info, s.timing);
    const Names before = {read("results.nc"), read("replicas.nc"), read("states.nc")};
    s.timing = {.start = {},
                .finish = {},
                .wall_seconds = 1,
                .host = "elsewhere",
                .device = "cpu",
                .threads = 64,
                .instruction_set = "avx512"};
    s.info.config_file += "# another machine";
    s.problem.config.backend.threads = 64;
    s.problem.config.backend.device = "cpu";
    write_run(folder_, s.problem, s.result, s.info, s.timing);
    EXPECT_EQ(before, (Names{read("results.nc"), read("replicas.nc"), read("states.nc")}));
}

TEST_F(WriteRun, OnlyWhatWasAskedFor) {
    Sample s = sample();
    s.problem.config.record.replica_table = false;
    s.problem.config.record.states = 0;
    s.result.table = {};
    s.result.states.clear();
    const WrittenFiles files = write_run(folder_, s.problem, s.result, s.info, s.timing);
    EXPECT_EQ(entries(), (Names{"config.toml", "events.jsonl", "manifest.json", "results.nc"}));
    EXPECT_EQ(files.replicas_hash + files.states_hash, "");
    const auto json = nlohmann::json::parse(read("manifest.json"));
    EXPECT_EQ(json.at("payload_hash").size(), 1u);
}

}  // namespace
}  // namespace softmaxflow
