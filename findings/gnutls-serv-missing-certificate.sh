#!/usr/bin/env bash
# A GnuTLS server that requires a certificate tells a TLS 1.2 client without one "decode_error".
#
# Versions:      gnutls-bin 3.7.9-2+deb12u7 as server, openssl s_client 3.0.19 as client (Debian 12).
# One guesses:   handshake_failure (40), which RFC 5246 section 7.4.6 names for a client that sends no certificate; OpenSSL sends it.
# What happens:  the alert is 50, decode_error, which RFC 5246 keeps for messages that cannot be read. Who looks for a broken
#                encoder finds nothing: the certificate is missing, no more. In TLS 1.3 it is certificate_required (116).
# Output seen:   "gnutls-serv TLS 1.2: alert 50", "gnutls-serv TLS 1.3: alert 116"; "openssl s_server TLS 1.2: alert 40".
# Date:          28 November 2026.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"

PATH=$PATH:$work/unpacked/usr/bin
if ! command -v gnutls-serv > /dev/null; then
    # Unpacked, not installed: its libraries come with libgnutls30, libgnutls-dane0 and their dependencies.
    { apt-get download gnutls-bin && dpkg -x gnutls-bin_*.deb unpacked && gnutls-serv --version; } > download.log 2>&1 || {
        cat download.log >&2
        echo "no gnutls-serv here: install gnutls-bin" >&2
        exit 2
    }
fi
version=$(gnutls-serv --version | sed -n '1s/.* //p')
[ "$version" = 3.7.9 ] || echo "note: gnutls-serv was 3.7.9 when this was seen, here it is $version" >&2
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

# alert_from NAME VERSION COMMAND...: the number of the alert that this server sends to a client without a certificate.
alert_from() {
    local name=$1 version=$2 said
    shift 2
    "$@" > server.log 2>&1 < /dev/null &
    server=$!
    for _ in $(seq 100); do
        # s_client reads after its handshake, since in TLS 1.3 the alert comes only then.
        said=$(sleep 2 | timeout 20 openssl s_client -connect "127.0.0.1:$port" "-tls${version/./_}" 2>&1 || true)
        case $said in *"onnection refused"*) ;; *) break ;; esac
    done
    kill "$server" 2> /dev/null || true
    wait "$server" 2> /dev/null || true
    server=
    echo "$name TLS $version: $(grep -o 'alert number [0-9]*' <<< "$said" | sed 's/number //' || echo none)"
}

# gnutls-serv cannot be bound to one address: it listens on all of them for the seconds that this takes.
gnutls=(gnutls-serv --echo --require-client-cert -p "$port"
    --x509certfile cert.pem --x509keyfile key.pem --x509cafile cert.pem)
openssl=(openssl s_server -accept "127.0.0.1:$port" -www -cert cert.pem -key key.pem -CAfile cert.pem -Verify 1)
for tls in 1.2 1.3; do
    alert_from gnutls-serv $tls "${gnutls[@]}"
    alert_from "openssl s_server" $tls "${openssl[@]}"
done > seen
seen=$(cat seen)
expected="gnutls-serv TLS 1.2: alert 50
openssl s_server TLS 1.2: alert 40
gnutls-serv TLS 1.3: alert 116
openssl s_server TLS 1.3: alert 116"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
