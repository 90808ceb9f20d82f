#!/usr/bin/env bash
# Builds each target with clang and runs it for some seconds. New findings land in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${FUZZ_SECONDS:-20}
clang=${CLANG:-clang}
command -v "$clang" >/dev/null || {
    echo "make fuzz needs clang and its runtime (Debian: clang libclang-rt-dev)" >&2
    exit 2
}
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    work=build/fuzz/$name
    seeds=tests/fuzz/corpus/$name
    mkdir -p "$work" "$seeds"
    "$clang" -std=c11 -g -O1 -D_GNU_SOURCE -Icsrc \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        "$source" csrc/*.c -o "$work/target"
    "$work/target" -max_total_time="$seconds" -max_len=20000 -print_final_stats=0 \
        -artifact_prefix="$work/" "$work" "$seeds" 2>&1 | tail -3
    echo "$name: nothing found in $seconds s"
done
