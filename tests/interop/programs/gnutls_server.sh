#!/bin/sh
# gnutls-serv as a server that echoes; see ../README.md for what it is told.
set -eu
: "${TLS_PORT:?is the port}"

case $TLS_VERSION in
1.3) priority="NORMAL:-VERS-ALL:+VERS-TLS1.3" ;;
*) priority="NORMAL:-VERS-ALL:+VERS-TLS1.2" ;;
esac
set -- --port "$TLS_PORT" --x509certfile "$TLS_CERT" --x509keyfile "$TLS_KEY" --echo --crlf \
    --priority "$priority"
if [ -n "${TLS_CA:-}" ]; then
    set -- "$@" --require-client-cert --verify-client-cert --x509cafile "$TLS_CA"
else
    set -- "$@" --disable-client-cert
fi
exec gnutls-serv "$@"
