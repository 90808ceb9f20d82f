#!/bin/sh
# gnutls-cli as a client; see ../README.md for what it is told.
set -u
: "${TLS_PORT:?is the port}"

case $TLS_VERSION in
1.3) priority="NORMAL:-VERS-ALL:+VERS-TLS1.3" ;;
*) priority="NORMAL:-VERS-ALL:+VERS-TLS1.2" ;;
esac
set -- --port "$TLS_PORT" --x509cafile "$TLS_CA" --priority "$priority" --logfile "$TLS_FOLDER/log"
[ -z "${TLS_CERT:-}" ] || set -- "$@" --x509certfile "$TLS_CERT" --x509keyfile "$TLS_KEY"
# With -r the first connection is closed at once, and what is read goes over the second.
[ "$TLS_TIMES" = 1 ] || set -- "$@" --resume --waitresumption

# The end of its input is the end of our direction: until the answer is there, there must be none.
{
    cat "$TLS_REQUEST"
    if [ "$TLS_UNTIL" = trailer ]; then
        n=0
        while [ $n -lt 100 ] && ! grep -q "^hello interop-end" "$TLS_ANSWER" 2>/dev/null; do
            sleep 0.05
            n=$((n + 1))
            kill -0 $$ 2>/dev/null || break
            [ ! -e "$TLS_FOLDER/over" ] || break
        done
    else
        while [ ! -e "$TLS_FOLDER/over" ]; do sleep 0.05; done
    fi
} | {
    gnutls-cli "$@" localhost >"$TLS_ANSWER" 2>"$TLS_FOLDER/errors"
    echo $? >"$TLS_FOLDER/status"
    touch "$TLS_FOLDER/over"
}
if [ "$(cat "$TLS_FOLDER/status")" = 0 ]; then
    echo "end: close_notify"
else
    words=$(cat "$TLS_FOLDER/errors" "$TLS_FOLDER/log" | grep -E '^\*\*\* |Status: ' | tr '\n' ' ')
    echo "error: $words"
fi
