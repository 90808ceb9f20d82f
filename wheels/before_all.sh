#!/bin/sh
# Gets a machine ready to build wheels: installs what TLS libraries are built with and this machine
# lacks, then builds the named ones into the cache. cibuildwheel runs it once in each of its images,
# which have dnf (manylinux) or apk (musllinux), and once on macOS.
#
# usage: before_all.sh LIBRARY...
set -eu

[ $# -gt 0 ] || {
    echo "usage: before_all.sh LIBRARY..." >&2
    exit 2
}
here=$(cd "$(dirname "$0")" && pwd)

# What the four package managers call the same things.
if command -v apt-get >/dev/null 2>&1; then
    compiler="gcc libc6-dev" perl=perl
    install() { "$here/install_packages.sh" "to build wheels" "$@"; }
elif command -v dnf >/dev/null 2>&1; then
    compiler=gcc perl=perl-core
    install() { dnf install -y -q "$@"; }
elif command -v apk >/dev/null 2>&1; then
    compiler="gcc musl-dev" perl=perl
    install() { apk add --no-cache "$@"; }
elif command -v brew >/dev/null 2>&1; then
    compiler=gcc perl=perl
    install() { brew install --quiet "$@"; }
else
    echo "There is none of apt-get, dnf, apk and brew to install packages with." >&2
    exit 1
fi

missing=""
# need COMMAND PACKAGES: the packages are wanted if the command is not there.
need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need cc "$compiler"
need make make
need patch patch
need autoconf autoconf
need automake automake
if [ "$(uname)" = Darwin ]; then need glibtoolize libtool; else need libtoolize libtool; fi
# It makes the certificate of the smoke test.
need openssl openssl
# OpenSSL's Configure needs more of Perl than the few modules of a minimal system.
perl -MFindBin -MIPC::Cmd -MFile::Compare -MTime::Piece -e 1 2>/dev/null || missing="$missing $perl"
# OpenSSL includes headers of Linux, which come with glibc's own everywhere but on Alpine.
if command -v apk >/dev/null 2>&1 && [ ! -e /usr/include/linux/version.h ]; then
    missing="$missing linux-headers"
fi

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # one word for each package
    install $missing
fi

# Python 3.9 comes first on the PATH that cibuildwheel gives us, and is too old.
for python in python3.15 python3.14 python3.13 python3.12 python3.11 python3 /opt/python/cp31[1-9]-cp31[1-9]/bin/python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/build_native_libs.py" "$@"
    fi
done
echo "Python 3.11 or newer is needed." >&2
exit 1
