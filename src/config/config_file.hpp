#pragma once
/// From TOML text to a checked Config and back. The keys themselves stand in keys.cpp.
///
/// All functions throw Error(usage) for what is wrong inside a config, in the form
/// "file:line:column: key `dynamics.iteration`: unknown key; did you mean `dynamics.iterations`?",
/// and Error(file) for a config that cannot be read.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys.hpp"
#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// Where each key was set: full name -> "file:line:column" or "--set KEY=VALUE".
using Places = std::map<std::string, std::string>;

/// Reads and checks a config file. `overrides` are "KEY=VALUE" with a dotted key; the value is
/// TOML, and needs no quotes where the key is a string. Files named in the config or in the
/// overrides are taken relative to the folder of the config and become absolute paths.
Config read_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same from a text; `name` stands for the file in messages. Paths are left as written.
Config parse_config(std::string_view text, const std::string& name,
                    const std::vector<std::string>& overrides = {});

/// Checks every value and every combination of values. `places` make the messages say where.
/// What only the content of init.file can decide is left to its reader.
void validate(const Config& config, const Places& places = {});

/// Part of validate for a start whose logits are drawn: some maps need one that is not zero.
void check_drawn_logits(const Config& config, const Places& places = {});

/// The whole config as TOML in canonical order; parse_config reads it back to the same values.
/// Without the machine, [backend] device and threads are left out and of files only the name is
/// kept, so that the text does not depend on where a run was done.
std::string canonical_text(const Config& config, bool with_machine = true);

/// What the draws of a cell depend on: a hash of those keys of [model], [objective] and [init] that
/// differ from their defaults (so a key added later changes nothing), files by their digest.
/// `digests`: of objective.file, then of init.file, of those that are named (see start_file.hpp).
std::uint64_t cell_key(const Config& config, const std::vector<std::string>& digests);

}  // namespace softmaxflow
