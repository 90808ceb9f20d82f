#!/usr/bin/env bash
# Deno's node:tls gives TLS sessions to "session" listeners that no server has sent, and resumes none of them.
#
# Versions:      PyPI deno 2.9.8, against openssl s_server and s_client 3.0.19 (Debian 12).
# One guesses:   "session" comes with each ticket that the server sends, as in Node.js, and tls.connect({session}) resumes what it
#                gave; a program that counts the events, or keeps the buffers for later, learns what the server does.
# What happens:  in TLS 1.3 there are two events, whether the server sends 0 tickets or 4. What they hold is a line of text with
#                the server's name and port, made by Deno; nothing of a ticket is in it. Offered again it is taken without a
#                word, and the next connection is a new one, as isSessionReused() says.
# Output seen:   "0 tickets sent: Deno has 2 sessions, then New", "4 tickets sent: Deno has 2 sessions, then New", each time
#                "deno-tls13-session-ticket-1:localhost:PORT" and -2; "4 tickets sent: s_client, then Reused".
# Date:          30 November 2026.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"

if ! { python3 -m venv venv && venv/bin/pip -q --disable-pip-version-check install deno==2.9.8; } >&2; then
    echo "could not install deno 2.9.8" >&2
    exit 2
fi
export DENO_DIR=$work/deno DENO_NO_UPDATE_CHECK=1 NO_COLOR=1

# Deno takes no certificate of an authority for a server's own, so there are two.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj "/CN=some CA" \
    -days 2 2> /dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=localhost 2> /dev/null
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 \
    -extfile <(echo subjectAltName=DNS:localhost) 2> /dev/null
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

# The page of s_server -www says whether the connection that asks for it is resumed.
cat > twice.mjs <<'END'
import fs from 'node:fs';
import tls from 'node:tls';

const port = Number(process.argv[2]);

function connect(session) {
  return new Promise((resolve, reject) => {
    const sessions = [];
    let page = '';
    let says;
    const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: fs.readFileSync('ca.pem'), session });
    socket.on('secureConnect', () => { says = socket.isSessionReused(); });
    socket.on('session', (one) => sessions.push(one));
    socket.on('data', (data) => { page += data; });
    socket.on('error', reject);
    socket.on('close', () => resolve({ sessions, how: page.match(/^(New|Reused),/m)[1], says }));
    socket.write('GET / HTTP/1.0\r\n\r\n');
  });
}

const first = await connect();
const second = await connect(first.sessions[0]);
console.log(`Deno has ${first.sessions.length} sessions, then ${second.how}, isSessionReused() ${second.says}`);
for (const one of first.sessions) {
  console.log('    ' + one.toString('latin1').replace(/[^ -~]/g, '.').slice(0, 60).replace(String(port), 'PORT'));
}
process.exit();
END

# serve TICKETS
serve() {
    openssl s_server -accept "127.0.0.1:$port" -tls1_3 -www -num_tickets "$1" -cert cert.pem -key key.pem > server.log 2>&1 \
        < /dev/null &
    server=$!
    for _ in $(seq 100); do
        ! grep -q ACCEPT server.log || return 0
        sleep 0.1
    done
    cat server.log >&2
    exit 2
}

stop() {
    kill "$server" 2> /dev/null || true
    wait "$server" 2> /dev/null || true
    server=
}

for tickets in 0 4; do
    serve "$tickets"
    said=$(timeout 60 venv/bin/deno run --allow-net --allow-read twice.mjs "$port") || exit 2
    echo "$tickets tickets sent: $said" >> seen
    stop
done
serve 4
for session in "-sess_out session.pem" "-sess_in session.pem"; do
    # shellcheck disable=SC2086
    how=$( (sleep 1; printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1) | timeout 20 openssl s_client -connect "127.0.0.1:$port" \
        -tls1_3 -ign_eof $session 2> /dev/null | grep -aoE '^(New|Reused)' | head -n 1 || true)
done
echo "4 tickets sent: s_client, then $how" >> seen
stop

seen=$(cat seen)
expected="0 tickets sent: Deno has 2 sessions, then New, isSessionReused() false
    deno-tls13-session-ticket-1:localhost:PORT
    deno-tls13-session-ticket-2:localhost:PORT
4 tickets sent: Deno has 2 sessions, then New, isSessionReused() false
    deno-tls13-session-ticket-1:localhost:PORT
    deno-tls13-session-ticket-2:localhost:PORT
4 tickets sent: s_client, then Reused"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
