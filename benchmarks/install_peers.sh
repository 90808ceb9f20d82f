#!/bin/sh
# Installs the programs and packages that the benchmarks compare with and this machine lacks:
# servers, one of them also built with the OpenSSL of tlsmgm, into the cache of built libraries, and
# Python packages into the environment that is given. Only "make bench" calls it. What cannot be
# installed is left out of the comparison, and the report says so; so failing here is no reason to
# stop.
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

# One package after the other, so that one that this system does not have costs only itself.
for package in $missing; do
    "$here/../wheels/install_packages.sh" "to compare with" "$package" ||
        echo "$package cannot be installed and will be left out" >&2
done
PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" "$python" -m benchmarks.cohort.nginx_build ||
    echo "nginx with the OpenSSL of tlsmgm cannot be built and will be left out" >&2
"$python" -c 'import uvloop' 2>/dev/null || "$python" -m pip install --quiet uvloop ||
    echo "uvloop cannot be installed and will be left out" >&2
"$python" -c 'import OpenSSL' 2>/dev/null || "$python" -m pip install --quiet pyOpenSSL ||
    echo "pyOpenSSL cannot be installed and will be left out" >&2
"$here/cohort/install_wolfssl_py.sh" "$python" ||
    echo "wolfssl (PyPI) cannot be built and will be left out" >&2
