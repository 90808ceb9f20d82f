#!/usr/bin/env bash
# A static program cannot have both libtls (libretls) and OpenSSL from 3.2 on: each defines tls_free().
#
# Versions:      libtls-dev 3.8.1-2.1+b3 with libssl-dev 3.6.5-1 (Debian unstable); beside it libtls-dev 3.7.0-4 with libssl-dev
#                3.0.20-1~deb12u2 (Debian 12). ld of binutils 2.40.
# One guesses:   libretls is libtls for OpenSSL, and both are shipped as archives, so they link: OpenSSL's public functions begin
#                with SSL_, and what is its own is not visible. So it is with 3.0.
# What happens:  since OpenSSL 3.2 the record layer has a function tls_free() with external linkage, which is in no header, and
#                tls_free() is a public function of libtls. The linker refuses the two archives. Shared libraries do not show it,
#                for libssl.so exports only what its version script names.
# Output seen:   "3.0.20: no name is defined twice", "3.6.5: tls_free is defined twice".
# Date:          29 November 2026, Debian 12.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

give_up() {
    echo "$1" >&2
    exit 2
}
command -v ld > /dev/null || give_up "there is no ld: apt install binutils"

# A list of packages of its own, from wherever this machine has its packages.
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
[ -n "$site" ] || give_up "this machine knows no place with Debian's packages"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
fetch() { # SUITE: unpacks both packages, and prints their versions
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/unpacked"
    echo "deb [signed-by=$keys] $site $1 main" > "$1/sources.list"
    printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "-";\nDir::State::lists "%s";\nDir::Cache "%s";\n' \
        "$PWD/$1/sources.list" "$PWD/$1/lists" "$PWD/$1/cache" > "$1/apt.conf"
    export APT_CONFIG="$PWD/$1/apt.conf"
    (cd "$1" && apt-get update && apt-get download "libtls-dev/$1" "libssl-dev/$1") > "$1/log" 2>&1 || give_up "$(tail -n 3 "$1/log")"
    unset APT_CONFIG
    for package in "$1"/*.deb; do dpkg -x "$package" "$1/unpacked"; done
    for package in libtls-dev libssl-dev; do dpkg-deb -W --showformat='${Package} ${Version}\n' "$1"/"$package"_*.deb; done
}

# Everything of both archives at once, without the libraries that they need.
doubles() {
    local libraries
    libraries=$(find "$1/unpacked" -name libtls.a -o -name libssl.a)
    # shellcheck disable=SC2086
    ld -r -o all.o --whole-archive $libraries 2>&1 | sed -n "s/.*multiple definition of .\([A-Za-z_]*\)'.*/\1/p" | sort -u
}

told() {
    local version names
    version=$(dpkg-deb -W --showformat='${Version}' "$1"/libssl-dev_*.deb)
    names=$(doubles "$1" | paste -sd ' ')
    echo "${version%%-*}: ${names:-no name} is defined twice"
}

fetch bookworm
fetch sid
seen="$(told bookworm)
$(told sid)"
expected="3.0.20: no name is defined twice
3.6.5: tls_free is defined twice"
echo "$seen"
if [ "$(sed 's/^[^:]*//' <<< "$seen")" != "$(sed 's/^[^:]*//' <<< "$expected")" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
[ "$seen" = "$expected" ] || echo "The versions are others than those that were seen: $expected"
