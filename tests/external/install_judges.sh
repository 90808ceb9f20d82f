#!/bin/sh
# Installs the outside judges that this machine lacks: Debian's testssl.sh, nginx to compare with, and
# Python packages in an environment of their own, because what they need must not decide what we get.
#
# usage: install_judges.sh PYTHON
set -eu

python=${1:?usage: install_judges.sh PYTHON}
here=$(cd "$(dirname "$0")" && pwd)
tools="$here/../../build/judges"
missing=""

command -v testssl >/dev/null 2>&1 || command -v testssl.sh >/dev/null 2>&1 ||
    missing="$missing testssl.sh procps bsdextrautils"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null 2>&1 || missing="$missing nginx"
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing="$missing libnginx-mod-stream"

# shellcheck disable=SC2086 # one word for each package
[ -z "$missing" ] || "$here/../../wheels/install_packages.sh" "to judge tlsmgm" $missing

if ! cmp -s "$here/requirements.txt" "$tools/.installed"; then
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$tools/.installed"
fi
