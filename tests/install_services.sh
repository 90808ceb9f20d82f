#!/bin/sh
# Installs the services that the tests talk to and this machine lacks. Does nothing if all is there.
# The tests run services of their own, in temporary folders; none of the system's is started.
#
# usage: install_services.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
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
# The C core must compile with another C library, too.
need musl-tools musl-gcc
need shellcheck shellcheck
# Receivers of PROXY protocol headers.
need haproxy haproxy
need nginx-light nginx
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing="$missing libnginx-mod-stream"
[ -x /usr/lib/dovecot/imap-login ] || missing="$missing dovecot-imapd"
need postfix postfix postconf
# A SIP server that a reset ends.
need sip-tester sipp

# shellcheck disable=SC2086 # one word for each package
[ -z "$missing" ] || exec "$here/../wheels/install_packages.sh" "to test tlsmgm" $missing
