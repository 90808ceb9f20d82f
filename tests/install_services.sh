#!/bin/sh
# Installs the services that the tests talk to and this machine lacks: through apt-get on Debian and
# its relatives, with sudo if need be. Elsewhere it says what is missing. Does nothing if all is
# there. The tests run services of their own, in temporary folders; none of the system's is started.
#
# usage: install_services.sh
set -eu

missing=""

# need PACKAGE COMMAND...: the package is wanted if one of the commands is nowhere.
need() {
    package=$1
    shift
    for command in "$@"; do
        if ! is_there "$command"; then
            missing="$missing $package"
            return
        fi
    done
}

# Debian keeps PostgreSQL's programs in a directory for each version.
is_there() {
    command -v "$1" >/dev/null 2>&1 && return
    for path in "/usr/sbin/$1" "/usr/local/sbin/$1" /usr/lib/postgresql/*/bin/"$1"; do
        [ ! -x "$path" ] || return 0
    done
    return 1
}

need postgresql initdb postgres
need mariadb-server mariadb-install-db mariadbd
need valgrind valgrind

if [ -z "$missing" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "These services are needed to test tlsmgm and are missing:$missing" >&2
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
# shellcheck disable=SC2086 # one word for each package
$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing </dev/null
