#!/bin/sh
# caddy (Go's crypto/tls) as a client: it stands before us as a proxy; see ../README.md.
set -eu
: "${TLS_PORT:?is the port}"

plain=$("$TLS_TOOLS/venv/bin/python" -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
identity=""
[ -z "${TLS_CERT:-}" ] || identity="tls_client_auth $TLS_CERT $TLS_KEY"
cat >"$TLS_FOLDER/Caddyfile" <<END
{
    admin off
    auto_https off
    log {
        output file $TLS_FOLDER/log
    }
}
http://:$plain {
    bind 127.0.0.1
    reverse_proxy https://127.0.0.1:$TLS_PORT {
        transport http {
            tls_server_name localhost
            tls_trusted_ca_certs $TLS_CA
            $identity
            keepalive off
            versions 1.1
        }
    }
}
END
export HOME="$TLS_FOLDER"
caddy run --config "$TLS_FOLDER/Caddyfile" --adapter caddyfile >"$TLS_FOLDER/out" 2>&1 &
exec "$TLS_TOOLS/venv/bin/python" "$TLS_PEERS/caddy_driver.py" "$plain"
