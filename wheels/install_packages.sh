#!/bin/sh
# Installs packages of the system through apt-get, on Debian and its relatives, with sudo if need be;
# elsewhere it says what is missing and fails. No service that a package brings gets started.
#
# usage: install_packages.sh PURPOSE PACKAGE...
set -eu

purpose=${1:?usage: install_packages.sh PURPOSE PACKAGE...}
shift

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing, but needed $purpose: $*" >&2
    echo "The names are Debian's. Install the like of them with this system's package manager." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1; then
    sudo="sudo"
else
    echo "Missing, but needed $purpose, and only root can install them: $*" >&2
    exit 1
fi
echo "Installing: $*"

# A package starts its service unless policy-rc.d(8) forbids it with 101. A policy that is here
# already stays; ours is for this installation alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$sudo rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
fi

# Some of the machine's sources may be out of reach; what counts is whether the packages install.
$sudo apt-get update -qq || true
# Passed through env, because sudo keeps none of our variables.
$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" </dev/null
