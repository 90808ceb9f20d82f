#!/bin/sh
# Installs what a build of tlsmgm needs and this machine lacks. Does nothing if all is there.
#
# usage: install_build_tools.sh PYTHON
set -eu

python=${1:?usage: install_build_tools.sh PYTHON}
here=$(cd "$(dirname "$0")" && pwd)
missing=""

# need COMMAND PACKAGE: the package is wanted if the command is not there.
need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need cc "gcc libc6-dev"
need make make
need patch patch
need pkg-config pkg-config
need autoconf autoconf
need automake automake
if [ "$(uname)" = Darwin ]; then need glibtoolize libtool; else need libtoolize libtool; fi
# The tests talk to these two programs.
need curl curl
need openssl openssl

# OpenSSL's Configure needs more of Perl than the few modules of a minimal system.
perl -MFindBin -MIPC::Cmd -MFile::Compare -MTime::Piece -e 1 2>/dev/null || missing="$missing perl"

version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing $version-venv"
"$python" -c '
import pathlib, sys, sysconfig
sys.exit(not (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists())
' || missing="$missing $version-dev"

# shellcheck disable=SC2086 # one word for each package
[ -z "$missing" ] || exec "$here/install_packages.sh" "to build tlsmgm" $missing
