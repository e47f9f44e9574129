#!/bin/sh
# nvcc.sh NVCC INCLUDE_DIR SOURCE: the model compiles for the device with nvcc.
# Exit status 77 (skipped) where nvcc is absent.
command -v "$1" >/dev/null || { echo "skipped: no nvcc; install the CUDA toolkit to run this"; exit 77; }
ptx=$(mktemp) || exit 1
trap 'rm -f "$ptx"' EXIT
"$1" -std=c++20 -arch=sm_90 -fmad=false -Werror all-warnings -I "$2" -I "$2/../src" -ptx -o "$ptx" "$3" || exit 1
for kernel in quad_kernel f32_steps solo_kernel; do
    grep -q "\.entry.*$kernel" "$ptx" || { echo "no $kernel in the compiled code"; exit 1; }
done
# A seed of Newton's method is no approximation: reciprocal() in scalar.hpp.
if grep -nE 'ex2|lg2|sqrt\.approx|div\.full|rcp\.approx' "$ptx" | grep -v 'rcp\.approx\.ftz\.f64'; then
    echo "strict numerics allow only correctly rounded operations"
    exit 1
fi
doubles() { awk '/\.entry/ { own = /'"$1"'/ } own && /\.f64/' "$ptx"; }
if [ -z "$(doubles quad_kernel)" ]; then
    echo "the search for f64 instructions finds none where there are some"
    exit 1
fi
if [ -n "$(doubles f32_steps)" ]; then
    doubles f32_steps
    echo "steps in f32 use f64"
    exit 1
fi
