#!/usr/bin/env bash
# gunicorn's sync and gthread workers give TLS clients tickets and take none back, for each connection has ticket keys of its own.
#
# Versions:      gunicorn 27.0.1, Python 3.11.7 (OpenSSL 3.0.19) at both ends, one worker.
# One guesses:   a client that offers the session of its last connection resumes, as it does with Python's ssl, whose contexts know
#                their own tickets; a certificate is read when the server starts, or is told to reload (SIGHUP).
# What happens:  these two workers make a new ssl.SSLContext for each connection. The keys of the tickets are in the context, so a
#                ticket is dead with the connection that brought it, in TLS 1.2 and 1.3: each connection costs a full handshake and
#                a look into both files, whose contents count from the next connection on. The asgi worker of the same
#                gunicorn has one context, resumes, and keeps its certificate.
# Output seen:   "sync, TLSv1.3: tickets with 3 of 3, resumed 0 of 2; new files: served at once", "gthread" and TLSv1.2 the same,
#                "asgi, TLSv1.3: tickets with 3 of 3, resumed 2 of 2; new files: not served".
# Date:          30 November 2026.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"

if ! { python3 -m venv venv && venv/bin/pip -q --disable-pip-version-check install gunicorn==27.0.1; } >&2; then
    echo "could not install gunicorn 27.0.1" >&2
    exit 2
fi
for name in old new; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem -days 2 \
        -subj /CN=localhost 2> /dev/null
done

cat > hello.py <<'PYTHON'
def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})
PYTHON

cat > visit.py <<'PYTHON'
import os
import shutil
import socket
import ssl
import sys

worker, port = sys.argv[1], int(sys.argv[2])


def put(name):
    for ending in (".key", ".pem"):
        shutil.copy(name + ending, "fresh")
        os.replace("fresh", "served" + ending)


def visit(version, session=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    # A session is good for the context that has it.
    context = session[0] if session else context
    raw = socket.create_connection(("127.0.0.1", port), 20)
    with context.wrap_socket(raw, session=session and session[1]) as connection:
        certificate = connection.getpeercert(binary_form=True)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while connection.recv(4096):
            pass
        return connection.session_reused, (context, connection.session), certificate


with open("new.pem") as file:
    new = ssl.PEM_cert_to_DER_cert(file.read())
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    session, tickets, resumed = None, 0, 0
    for _ in range(3):
        reused, session, _ = visit(version, session)
        tickets += session[1].has_ticket
        resumed += reused
    put("new")
    served = "served at once" if visit(version)[2] == new else "not served"
    put("old")
    name = version.name.replace("_", ".")
    print(f"{worker}, {name}: tickets with {tickets} of 3, resumed {resumed} of 2; new files: {served}")
PYTHON

for worker in sync gthread asgi; do
    application=wsgi
    [ $worker != asgi ] || application=asgi
    cp old.key served.key
    cp old.pem served.pem
    # gunicorn takes a port by itself, and names it in its log. It has a socket of its own below HOME.
    HOME=$work venv/bin/gunicorn --bind 127.0.0.1:0 --workers 1 --worker-class $worker --certfile served.pem --keyfile served.key \
        hello:$application > server.log 2>&1 &
    server=$!
    port=
    for _ in $(seq 200); do
        port=$(sed -n 's/.*Listening at: https:\/\/127\.0\.0\.1:\([0-9]*\).*/\1/p' server.log)
        [ -z "$port" ] || break
        sleep 0.1
    done
    timeout 120 python3 visit.py $worker "$port" >> seen || {
        cat server.log >&2
        exit 2
    }
    kill "$server" 2> /dev/null || true
    wait "$server" 2> /dev/null || true
    server=
done

seen=$(cat seen)
expected="sync, TLSv1.2: tickets with 3 of 3, resumed 0 of 2; new files: served at once
sync, TLSv1.3: tickets with 3 of 3, resumed 0 of 2; new files: served at once
gthread, TLSv1.2: tickets with 3 of 3, resumed 0 of 2; new files: served at once
gthread, TLSv1.3: tickets with 3 of 3, resumed 0 of 2; new files: served at once
asgi, TLSv1.2: tickets with 3 of 3, resumed 2 of 2; new files: not served
asgi, TLSv1.3: tickets with 3 of 3, resumed 2 of 2; new files: not served"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
