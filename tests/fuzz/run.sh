#!/usr/bin/env bash
# Runs every fuzz target, or those that are named, for some seconds each; tests/fuzz/README.md has
# the rest. What an input breaks is kept in build/fuzz/findings, and new inputs in build/fuzz/corpus.
#
# usage: FUZZ_SECONDS=20 FUZZ_JOBS=2 PYTHON=.venv/bin/python tests/fuzz/run.sh [NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
export FUZZ_SECONDS=${FUZZ_SECONDS:-20}
export PYTHON=${PYTHON:-python3}
export PYTHONPATH=$PWD

# fuzz NAME COMMAND...: quiet unless something is found.
fuzz() {
    local name=$1 log=build/fuzz/log/$1 seeds=tests/fuzz/corpus/$1 own=build/fuzz/corpus/$1
    shift
    mkdir -p build/fuzz/{log,findings} "$own" "$seeds"
    if "$@" "$own" "$seeds" -max_total_time="$FUZZ_SECONDS" -max_len=20000 -timeout=20 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$name-" >"$log" 2>&1; then
        local speed
        speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
        echo "$name: nothing found in $FUZZ_SECONDS s, ${speed:-?} inputs a second"
    else
        tail -40 "$log" >&2
        echo "$name: FOUND SOMETHING; all of it is in $log" >&2
        return 1
    fi
}
export -f fuzz

# One line for each target: its name, and the command that runs it.
list_targets() {
    "$PYTHON" tests/fuzz/build.py "$@" || return # errexit does not reach in here
    if ! "$PYTHON" -c 'import atheris' 2>/dev/null; then
        echo "the targets in Python are left out: $PYTHON has no atheris" >&2
        return
    fi
    for source in tests/fuzz/fuzz_*.py; do
        name=$(basename "$source" .py)
        name=${name#fuzz_}
        [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
        echo "$name $PYTHON $source"
    done
}

targets=$(list_targets "$@")
[ -n "$targets" ] || {
    echo "there is no such target: $*" >&2
    exit 2
}
# Whatever one of them finds, the others still run.
xargs -P "${FUZZ_JOBS:-$(nproc)}" -L 1 bash -c 'fuzz "$@"' fuzz <<<"$targets"
