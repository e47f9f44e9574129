#pragma once
/// The command line: options, commands, exit statuses.

namespace softmaxflow::cli {

/// Parses, runs the command and returns its exit status (softmaxflow::Exit). Nothing is thrown.
/// Results go to stdout. Errors go to stderr as "softmaxflow: error: ..."; with --json as
/// {"error": {"status": 2, "kind": "usage", "message": "..."}}, also on stderr.
int command_line(int argc, const char* const* argv);

}  // namespace softmaxflow::cli
