#!/bin/sh
# Botan's tls_server, which echoes and asks for no certificate; see ../README.md for what it is told.
set -eu
: "${TLS_PORT:?is the port}"

exec botan tls_server "$TLS_CERT" "$TLS_KEY" --port="$TLS_PORT"
