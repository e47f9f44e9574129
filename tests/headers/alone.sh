#!/bin/sh
# alone.sh COMPILER INCLUDE_DIR: every public header compiles as the only include of a file, and
# including it twice is harmless. Exit status 77 (skipped) where the compiler is absent.
compiler=$1 include=$2
command -v "$compiler" >/dev/null || { echo "skipped: no $compiler"; exit 77; }

cd "$include" || exit 1
headers=$(find softmaxflow -name '*.hpp' | sort)
[ -n "$headers" ] || { echo "no headers under $include"; exit 1; }
bad=0
for header in $headers; do
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$compiler" -std=c++20 -fsyntax-only -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow \
            -Wconversion -Wno-sign-conversion -Werror -I . -x c++ - && continue
    echo "$header does not compile alone"
    bad=1
done
echo "checked $(echo "$headers" | wc -l) headers with $compiler"
exit $bad
