#pragma once
/// One function per command. Each writes its result to stdout and returns the exit status; what
/// goes wrong is thrown as Error.

#include "cli/options.hpp"

namespace softmaxflow::cli {

int run_command(const RunOptions& options, const Common& common);
/// run --dry-run: what a run would take; writes no files.
int dry_run_command(const RunOptions& options, const Common& common);
/// Tests claims; with an output directory writes check.json and counterexamples.
int check_command(const CheckOptions& options, const Common& common);
int claims_command(const ClaimsOptions& options, const Common& common);
int replay_command(const ReplayOptions& options, const Common& common);
/// Throughput and its share of what the machine can do; writes no files.
int bench_command(const BenchOptions& options, const Common& common);
int info_command(const Common& common);
int config_check_command(const ConfigOptions& options, const Common& common);
int config_show_command(const ConfigOptions& options, const Common& common);
int config_defaults_command(const Common& common);
int config_keys_command(const Common& common);

}  // namespace softmaxflow::cli
