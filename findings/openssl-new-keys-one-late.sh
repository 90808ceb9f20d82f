#!/usr/bin/env bash
# A peer that only reads, over OpenSSL, answers a request for new keys when the next request comes: always one behind.
#
# Versions:      pyOpenSSL 26.4.0 on cryptography 50.0.2 (OpenSSL 4.0.3), ssl of Python 3.11.7 (OpenSSL 3.0.19), and beside them
#                tlslite-ng 0.8.2; who asks is openssl s_client 3.0.19.
# One guesses:   who gets a KeyUpdate with update_requested in TLS 1.3 answers while it reads it, as tlslite-ng (and GnuTLS, and
#                wolfSSL) do; or, since RFC 8446 section 4.6.3 asks for the answer only before the next data, with that alone.
# What happens:  OpenSSL notes that it owes an answer, and says it before its next data, or when a further request takes it into
#                its handshake code: the first request of a log collector's client is answered when the second one arrives, and
#                the last one never. Data that come in between bring no answer.
# Output seen:   answers behind a request, data, a second request: "tlslite-ng: 1 1 2", "ssl: 0 0 1", "pyOpenSSL: 0 0 1".
# Date:          30 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

if ! {
    python3 -m venv venv &&
        venv/bin/pip -q --disable-pip-version-check install pyOpenSSL==26.4.0 cryptography==50.0.2 tlslite-ng==0.8.2
} >&2; then
    echo "could not install pyOpenSSL 26.4.0, cryptography 50.0.2 and tlslite-ng 0.8.2" >&2
    exit 2
fi
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null

cat > ask.py <<'PYTHON'
import contextlib
import socket
import ssl
import subprocess
import threading
import time

from OpenSSL import SSL
from tlslite.api import TLSConnection, X509CertChain, parsePEMKey


def tlslite(raw):
    chain = X509CertChain()
    chain.parsePemList(open("cert.pem").read())
    connection = TLSConnection(raw)
    connection.handshakeServer(certChain=chain, privateKey=parsePEMKey(open("key.pem").read(), private=True))
    while connection.read(max=100, min=1):
        pass


def python(raw):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    connection = context.wrap_socket(raw, server_side=True)
    while connection.recv(100):
        pass


def pyopenssl(raw):
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file("cert.pem")
    context.use_privatekey_file("key.pem")
    connection = SSL.Connection(context, raw)
    connection.set_accept_state()
    while connection.recv(100):
        pass


def serve(listener, read_all):
    with contextlib.suppress(SSL.Error, ssl.SSLError, OSError):  # how it ends is no matter
        read_all(listener.accept()[0])


def answers(read_all):
    lines = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, read_all), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", address, "-tls1_3", "-msg"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
        )
        reader = threading.Thread(target=lambda: lines.extend(client.stdout), daemon=True)
        reader.start()
        while not any(b"Verify return code" in line for line in lines):
            time.sleep(0.05)
        found = []
        for words in (b"K\n", b"data\n", b"K\n"):
            client.stdin.write(words)
            time.sleep(1.5)
            found.append(sum(line.startswith(b"<<<") and b"KeyUpdate" in line for line in lines))
        client.kill()
    return " ".join(map(str, found))


for name, read_all in (("tlslite-ng", tlslite), ("ssl", python), ("pyOpenSSL", pyopenssl)):
    print(f"{name}: {answers(read_all)}")
PYTHON

seen=$(timeout 120 venv/bin/python ask.py)
expected="tlslite-ng: 1 1 2
ssl: 0 0 1
pyOpenSSL: 0 0 1"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
