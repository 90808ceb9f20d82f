#!/bin/sh
# Botan's tls_client, which has no certificates to show; see ../README.md for what it is told.
set -u
: "${TLS_PORT:?is the port}"

set -- --port="$TLS_PORT" --skip-system-cert-store --trusted-cas="$TLS_CA" --tls1.2
[ "$TLS_TIMES" = 1 ] || set -- "$@" --session-db="$TLS_FOLDER/sessions" --session-db-pass=interop

# one: run it once. The end of its input would be the end of the connection, so that comes last.
one() {
    rm -f "$TLS_FOLDER/over"
    : >"$TLS_ANSWER"
    {
        cat "$TLS_REQUEST"
        while [ ! -e "$TLS_FOLDER/over" ]; do
            sleep 0.05
            [ "$TLS_UNTIL" = end ] || ! grep -q "^hello interop-end" "$TLS_ANSWER" || break
        done
    } | {
        stdbuf -o0 botan tls_client localhost "$@" >"$TLS_ANSWER" 2>"$TLS_FOLDER/errors"
        echo $? >"$TLS_FOLDER/status"
        touch "$TLS_FOLDER/over"
    }
}

n=0
while [ "$n" -lt "$TLS_TIMES" ]; do
    one "$@"
    n=$((n + 1))
done
words=$(grep -ah -iE 'alert|cannot|exception|error' "$TLS_ANSWER" "$TLS_FOLDER/errors" | tr '\n' ' ')
if [ "$(cat "$TLS_FOLDER/status")" = 0 ]; then
    echo "end: ${words:-status 0}"
else
    echo "error: ${words:-status $(cat "$TLS_FOLDER/status")}"
fi
