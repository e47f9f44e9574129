#!/bin/sh
# install.sh CMAKE BUILD COMPILER FLAGS: what a build installs is enough to build a program on it, which runs
# as the installed command does, and that finds the examples installed with it.
cmake=$1 build=$2 compiler=$3 flags=$4
consumer=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
fail() { echo "$1"; cat "$tmp/log"; exit 1; }

"$cmake" --install "$build" --prefix "$tmp/first" >"$tmp/log" 2>&1 || fail "cannot install"
# Nothing may remember where it was installed.
mv "$tmp/first" "$tmp/prefix"
"$cmake" -S "$consumer" -B "$tmp/consumer" -DCMAKE_PREFIX_PATH="$tmp/prefix" -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_CXX_FLAGS="$flags -Wall -Wextra -Wpedantic -Werror" >"$tmp/log" 2>&1 || fail "cannot configure the consumer"
"$cmake" --build "$tmp/consumer" >"$tmp/log" 2>&1 || fail "cannot build the consumer"
[ ! -e "$tmp/prefix/include/softmaxflow/model" ] || fail "headers of the model are installed"

example=$tmp/prefix/share/softmaxflow/examples/quickstart.toml
said=$("$tmp/consumer/consumer" "$example" "$tmp/consumed" 2>"$tmp/log") || fail "the consumer fails"
[ ! -s "$tmp/log" ] || fail "the consumer writes to stderr"
[ "$said" = "1 of 64" ] || fail "the consumer says: $said"

cd "$tmp" || exit 1
command=$tmp/prefix/bin/softmaxflow
"$command" config show quickstart --json >"$tmp/log" 2>&1 || fail "the installed command fails"
grep -q "$example" "$tmp/log" || fail "the installed command does not take its own examples"
"$command" run quickstart --set ensemble.replicas=64 --set dynamics.iterations=1000 -o commanded >"$tmp/log" 2>&1 ||
    fail "the installed command cannot run"
cmp consumed/results.nc commanded/results.nc || fail "the consumer and the command write other results"
echo "installed, linked and ran: $said"
