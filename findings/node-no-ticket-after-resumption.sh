#!/usr/bin/env bash
# A Node.js server gives no session ticket on a TLS 1.3 connection that resumes, so who uses each ticket once resumes every other time.
#
# Versions:      Node.js 20.20.2 (OpenSSL 3.0.19) and openssl s_server 3.0.19 as servers, openssl s_client 3.0.19 as client (Debian 12).
# One guesses:   a resumed connection brings a fresh ticket, as it does with s_server on the same library. RFC 8446 appendix C.4 wants
#                that: clients SHOULD NOT reuse a ticket for multiple connections.
# What happens:  Node sets a callback for its ticket keys (tls.Server's setTicketKeys(), in use by default) which tells OpenSSL that the
#                ticket is good as it is, and then OpenSSL does not renew it. A client that obeys C.4 has nothing left to offer and does
#                a full handshake at every second connection; one that is careless resumes each time, with one and the same ticket.
# Output seen:   "node: 2 tickets, then Reused with 0 tickets" and "s_server: 2 tickets, then Reused with 1 tickets".
# Date:          29 November 2026.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"

command -v node > /dev/null || {
    echo "no node here: install nodejs" >&2
    exit 2
}
version=$(node -p process.versions.node)
[ "$version" = 20.20.2 ] || echo "note: Node.js was 20.20.2 when this was seen, here it is $version" >&2
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > server.js <<'END'
const fs = require('fs');
const options = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem'), minVersion: 'TLSv1.3' };
require('tls').createServer(options, (socket) => socket.on('error', () => {})).listen(+process.argv[2], '127.0.0.1');
END

# connect OPTION...: one connection; says whether it was resumed, and how many tickets came.
connect() {
    local said
    for _ in $(seq 100); do
        said=$(sleep 1 | timeout 20 openssl s_client -connect "127.0.0.1:$port" -tls1_3 -msg "$@" 2>&1 || true)
        case $said in *"onnection refused"*) sleep 0.1 ;; *) break ;; esac
    done
    echo "$(grep -aoE '^(New|Reused),' <<< "$said" | tr -d ,) $(grep -ac '<<<.*NewSessionTicket' <<< "$said" || true)"
}

# tickets_of NAME COMMAND...: what this server gives to a new connection, and to one that resumes.
tickets_of() {
    local name=$1 first second
    shift
    "$@" > server.log 2>&1 < /dev/null &
    server=$!
    first=$(connect -sess_out session.pem)
    second=$(connect -sess_in session.pem)
    kill "$server" 2> /dev/null || true
    wait "$server" 2> /dev/null || true
    server=
    echo "$name: ${first#New } tickets, then ${second% *} with ${second#* } tickets"
}

{
    tickets_of node node server.js "$port"
    tickets_of s_server openssl s_server -accept "127.0.0.1:$port" -tls1_3 -www -cert cert.pem -key key.pem
} > seen
seen=$(cat seen)
expected="node: 2 tickets, then Reused with 0 tickets
s_server: 2 tickets, then Reused with 1 tickets"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
