#!/bin/sh
# Installs the package wolfssl of PyPI, built against the wolfSSL that tlsmgm is built with, so that
# what is compared are two ways of calling the same library. Does nothing if that is done.
#
# usage: install_wolfssl_py.sh PYTHON
#
# The package takes a library of ours from USE_LOCAL_WOLFSSL, a static one too. It also wants DTLS
# and renegotiation, which ours leaves out; wolfssl_py_missing.h stands in for them. Its symbols are
# hidden, for tlsmgm has the same ones in the same process.
set -eu

python=${1:?usage: install_wolfssl_py.sh PYTHON}
version=5.9.2.post0
here=$(cd "$(dirname "$0")" && pwd)

# "import wolfssl" succeeds even where its extension module does not load.
if "$python" -c 'import wolfssl._ffi' 2>/dev/null; then
    exit 0
fi
prefix=${TLSMGM_WOLFSSL_PREFIX:-}
if [ -z "$prefix" ] && ! prefix=$("$python" "$here/../../wheels/build_native_libs.py" \
    --print-prefix wolfssl); then
    echo "The pinned wolfSSL is not built yet. Run make." >&2
    exit 1
fi
echo "Installing wolfssl $version against $prefix"
# No cache and no other build: a wheel that was linked to another library must not be taken.
USE_LOCAL_WOLFSSL=$prefix \
    CFLAGS="-O2 -include $here/wolfssl_py_missing.h" \
    LDFLAGS="-Wl,--exclude-libs,ALL -lm" \
    "$python" -m pip install --quiet --force-reinstall --no-deps --no-cache-dir \
    --no-binary wolfssl "wolfssl==$version"
"$python" -m pip install --quiet cffi
"$python" -c 'import wolfssl._ffi'
