#!/bin/sh
# Installs the programs and packages that the benchmarks compare with and this machine lacks:
# servers through apt-get on Debian and its relatives, with sudo if need be, and Python packages into
# the environment that is given. Only "make bench" calls it. What cannot be installed is left out
# of the comparison, and the report says so; so failing here is no reason to stop.
#
# usage: install_peers.sh PYTHON
set -eu

python=${1:?usage: install_peers.sh PYTHON}
here=$(cd "$(dirname "$0")" && pwd)
missing=""

# need PACKAGE PATH...: the package is wanted if none of the files is there.
need() {
    package=$1
    shift
    for path in "$@"; do
        [ ! -e "$path" ] || return 0
    done
    missing="$missing $package"
}

need nginx /usr/sbin/nginx /usr/local/sbin/nginx
need libnginx-mod-stream /usr/lib/nginx/modules/ngx_stream_module.so
need haproxy /usr/sbin/haproxy /usr/local/sbin/haproxy
need stunnel4 /usr/bin/stunnel /usr/bin/stunnel4 /usr/local/bin/stunnel
need hitch /usr/sbin/hitch /usr/local/sbin/hitch

install_programs() {
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "These servers are missing and will be left out:$missing" >&2
        echo "The names are Debian's. Install the like of them with this system's package manager." >&2
        return 1
    fi
    if [ "$(id -u)" -eq 0 ]; then
        sudo=""
    elif command -v sudo >/dev/null 2>&1; then
        sudo="sudo"
    else
        echo "These servers are missing, and only root can install them:$missing" >&2
        return 1
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
    # Passed through env, because sudo keeps none of our variables. One package after the other, so
    # that one that this system does not have costs only itself.
    for package in $missing; do
        $sudo env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package" </dev/null ||
            echo "$package cannot be installed and will be left out" >&2
    done
}

[ -z "$missing" ] || install_programs || true
"$python" -c 'import uvloop' 2>/dev/null || "$python" -m pip install --quiet uvloop ||
    echo "uvloop cannot be installed and will be left out" >&2
"$python" -c 'import OpenSSL' 2>/dev/null || "$python" -m pip install --quiet pyOpenSSL ||
    echo "pyOpenSSL cannot be installed and will be left out" >&2
"$here/cohort/install_wolfssl_py.sh" "$python" ||
    echo "wolfssl (PyPI) cannot be built and will be left out" >&2
