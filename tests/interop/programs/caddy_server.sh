#!/bin/sh
# caddy (Go's crypto/tls) as a server, with a plain one behind it; see ../README.md.
set -eu
: "${TLS_PORT:?is the port}"

client_auth=""
[ -z "${TLS_CA:-}" ] || client_auth="client_auth {
            mode require_and_verify
            trusted_ca_cert_file $TLS_CA
        }"
cat >"$TLS_FOLDER/Caddyfile" <<END
{
    admin off
    auto_https disable_redirects
}
https://localhost:$TLS_PORT {
    bind 127.0.0.1
    tls $TLS_CERT $TLS_KEY {
        protocols tls$TLS_VERSION tls$TLS_VERSION
        $client_auth
    }
    reverse_proxy 127.0.0.1:$TLS_UPSTREAM
}
END
export HOME="$TLS_FOLDER"
exec caddy run --config "$TLS_FOLDER/Caddyfile" --adapter caddyfile
