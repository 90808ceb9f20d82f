#!/usr/bin/env bash
# wrap_socket() of rtls returns before the last message of its handshake has left, so a peer that is to speak first says nothing.
#
# Versions:      rtls 2026.9.21 (rustls) on one side; the other is ssl of Python 3.11.7 (OpenSSL 3.0.19).
# One guesses:   when wrap_socket() or do_handshake() is back, this side's part of the handshake is done, as with ssl, whose place
#                rtls is made to take: one may wait with select() for the greeting of an SMTP server, or for a client's request.
# What happens:  the Finished of a TLS 1.3 client, and of a TLS 1.2 server, stays in rtls' own buffer until the next recv() or
#                send(). The peer's handshake is not over, so it sends nothing, and select() has nothing to tell. Programs that call
#                recv() at once do not notice. Where the peer's Finished is the last one (TLS 1.2 client, TLS 1.3 server) all is well.
# Output seen:   "TLSv1.3, rtls as client: nothing in 3 seconds, recv() brings the greeting", the same for TLSv1.2 as server;
#                "the greeting is there" in all other cases, and with ssl.
# Date:          30 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

if ! { python3 -m venv venv && venv/bin/pip -q --disable-pip-version-check install rtls==2026.9.21; } >&2; then
    echo "could not install rtls 2026.9.21" >&2
    exit 2
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost \
    -days 2 2> /dev/null

cat > wait.py <<'PYTHON'
import select
import socket
import ssl
import threading

import rtls


def context_of(module, version, server):
    context = module.SSLContext(module.PROTOCOL_TLS_SERVER if server else module.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = getattr(module.TLSVersion, version)
    if server:
        context.load_cert_chain("cert.pem", "key.pem")
        if module is ssl:
            context.num_tickets = 0  # so that the greeting is the first that comes
    else:
        context.check_hostname, context.verify_mode = False, module.CERT_NONE
    return context


def greet(raw, version, server):
    with context_of(ssl, version, server).wrap_socket(raw, server_side=server) as connection:
        connection.sendall(b"greeting")
        connection.recv(1)


def wait_for_greeting(module, version, server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours, theirs = socket.create_connection(listener.getsockname()), listener.accept()[0]
    peer = threading.Thread(target=greet, args=(theirs, version, not server))
    peer.start()
    with context_of(module, version, server).wrap_socket(ours, server_side=server) as connection:
        there = bool(select.select([connection], [], [], 3)[0])
        greeting = connection.recv(100).decode()
        connection.sendall(b"x")
    peer.join()
    return f"the {greeting} is there" if there else f"nothing in 3 seconds, recv() brings the {greeting}"


for version in ("TLSv1_2", "TLSv1_3"):
    for module in (ssl, rtls):
        for server in (False, True):
            role = f"{version.replace('_', '.')}, {module.__name__} as {'server' if server else 'client'}"
            print(f"{role}: {wait_for_greeting(module, version, server)}", flush=True)
PYTHON

timeout 120 venv/bin/python wait.py > seen || exit 2
seen=$(cat seen)
expected="TLSv1.2, ssl as client: the greeting is there
TLSv1.2, ssl as server: the greeting is there
TLSv1.2, rtls as client: the greeting is there
TLSv1.2, rtls as server: nothing in 3 seconds, recv() brings the greeting
TLSv1.3, ssl as client: the greeting is there
TLSv1.3, ssl as server: the greeting is there
TLSv1.3, rtls as client: nothing in 3 seconds, recv() brings the greeting
TLSv1.3, rtls as server: the greeting is there"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
