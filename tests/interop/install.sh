#!/bin/sh
# Installs the TLS stacks that "make interop" runs and this machine lacks: Debian's packages, Python
# packages in an environment of their own, and Mbed TLS, built from the sources that Debian has. What
# cannot be installed is told, and is missing in the table.
#
# usage: install.sh PYTHON
set -u

python=${1:?usage: install.sh PYTHON}
here=$(cd "$(dirname "$0")" && pwd)
tools="$here/../../build/interop"
missing=""

mbedtls=3.6.7
mbedtls_hash=a7e8bcbec0e6f761b4af24f25677626b35f762f68eef79c08677a363212d11f6

# need PACKAGE COMMAND: the package is wanted if the command is nowhere.
need() {
    command -v "$2" >/dev/null 2>&1 || missing="$missing $1"
}

need gnutls-bin gnutls-cli
need botan botan
need erlang-base escript
[ -d /usr/lib/erlang/lib ] && ls /usr/lib/erlang/lib/ssl-* >/dev/null 2>&1 || missing="$missing erlang-ssl"
need openjdk-17-jdk-headless javac
need nodejs node
need caddy caddy
need curl curl

failed() {
    echo "interop: cannot install $*; it will be missing in the table" >&2
}

for package in $missing; do
    "$here/../../wheels/install_packages.sh" "to try other TLS stacks" "$package" || failed "$package"
done
mkdir -p "$tools"

if ! cmp -s "$here/requirements.txt" "$tools/.installed"; then
    rm -f "$tools/.installed"
    [ -x "$tools/venv/bin/python" ] || "$python" -m venv "$tools/venv"
    # One by one: a package that has no wheel for this Python is no reason to lack the others.
    while read -r package; do
        case $package in "" | \#*) continue ;; esac
        "$tools/venv/bin/python" -m pip install --quiet "$package" || failed "$package"
    done <"$here/requirements.txt"
    cp "$here/requirements.txt" "$tools/.installed"
fi

command -v javac >/dev/null 2>&1 && javac -d "$tools/classes" "$here/programs/JavaPeer.java"

# build_mbedtls: the library, and our peer with it.
build_mbedtls() {
    source="$tools/mbedtls-$mbedtls"
    archive="mbedtls_$mbedtls.orig.tar.bz2"
    if [ ! -e "$source/library/libmbedtls.a" ]; then
        # Where this machine has its packages from, there are the sources of newer ones, too.
        # shellcheck disable=SC2016 # a variable of apt
        repository=$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 '/debian/*$')
        curl --silent --show-error --fail --location --output "$tools/$archive" \
            "${repository%/}/pool/main/m/mbedtls/$archive" || return 1
        echo "$mbedtls_hash  $tools/$archive" | sha256sum --check --quiet || return 1
        tar -xf "$tools/$archive" -C "$tools" || return 1
        make --silent -C "$source" lib CFLAGS=-O1 WARNING_CFLAGS= >"$tools/mbedtls.log" 2>&1 || return 1
    fi
    ${CC:-cc} -O1 -Wall -Wextra -I"$source/include" "$here/programs/mbedtls_peer.c" \
        -L"$source/library" -lmbedtls -lmbedx509 -lmbedcrypto -o "$tools/mbedtls_peer"
}

build_mbedtls || failed "Mbed TLS $mbedtls"
exit 0
