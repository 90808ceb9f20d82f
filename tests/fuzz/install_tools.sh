#!/bin/sh
# Installs what the fuzz targets are built with and this machine lacks: clang and its runtime. Does
# nothing if all is there. CLANG may name another clang.
#
# usage: install_tools.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
clang=${CLANG:-clang}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A clang without libFuzzer and the sanitizers is no use, so it has to show them.
works() {
    echo 'int LLVMFuzzerTestOneInput(const char *d, long s) { return d == 0 && s != 0; }' \
        | $clang -x c -fsanitize=fuzzer,address,undefined -o "$work/target" - 2>/dev/null
}

works && exit
rm -rf "$work"
exec "$here/../../wheels/install_packages.sh" "to fuzz tlsmgm" clang libclang-rt-dev
