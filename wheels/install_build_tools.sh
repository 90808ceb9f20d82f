#!/bin/sh
# Installs what a build of tlsmgm needs and this machine lacks: through apt-get on Debian and its
# relatives, with sudo if need be. Elsewhere it says what is missing. Does nothing if all is there.
#
# usage: install_build_tools.sh PYTHON
set -eu

python=${1:?usage: install_build_tools.sh PYTHON}
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

if [ -z "$missing" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "These tools are needed to build tlsmgm and are missing:$missing" >&2
    echo "The names are Debian's. Install the like of them with this system's package manager." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1; then
    sudo="sudo"
else
    echo "These packages are missing, and only root can install them:$missing" >&2
    exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# Some of the machine's sources may be out of reach; what counts is whether the packages install.
$sudo apt-get update -qq || true
# shellcheck disable=SC2086 # one word for each package
$sudo apt-get install -y -qq --no-install-recommends $missing </dev/null
