#!/usr/bin/env bash
# A tlslite-ng client compresses its certificate in TLS 1.3 though the server's request did not offer compression.
#
# Versions:      tlslite-ng 0.8.2 as client; pyOpenSSL 26.4.0 with cryptography 50.0.2 (OpenSSL 4.0.3) as server.
# One guesses:   mutual TLS works with the default settings of both; certificate compression (RFC 8879) is used only if
#                the other side has said, in this handshake, that it can decompress. The wheels' OpenSSL does not say so.
# What happens:  the client answers the CertificateRequest with a CompressedCertificate; the server ends the handshake with
#                unexpected_message, an error that speaks neither of certificates nor of compression. TLS 1.2, or no certificate
#                asked for, or certificate_compression_send = [] in the client's settings: all is well.
# Output seen:   "TLS 1.3, asked, by default: unexpected message", "TLS 1.3, asked, compression off: certificate received".
# Date:          28 November 2026, Debian 12, Python 3.11.7. The same with cryptography 44.0.3 (OpenSSL 3.4.1).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null
if ! { python3 -m venv venv &&
    venv/bin/pip -q --disable-pip-version-check install tlslite-ng==0.8.2 pyOpenSSL==26.4.0 cryptography==50.0.2; } >&2; then
    echo "could not install tlslite-ng, pyOpenSSL and cryptography" >&2
    exit 2
fi

cat > mutual.py <<'PYTHON'
import socket
import threading

from OpenSSL import SSL
from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

CHAIN = X509CertChain()
with open("cert.pem") as certificate, open("key.pem") as key:
    CHAIN.parsePemList(certificate.read())
    KEY = parsePEMKey(key.read(), private=True)


def serve(listener, asked, verdicts):
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_file("cert.pem")
    context.use_privatekey_file("key.pem")
    if asked:
        context.set_verify(SSL.VERIFY_PEER, lambda *anything: True)
    with listener.accept()[0] as raw:
        connection = SSL.Connection(context, raw)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            verdicts.append("no certificate" if connection.get_peer_certificate() is None else "certificate received")
            connection.shutdown()
        except SSL.Error as error:
            verdicts.append(error.args[0][0][2])


def verdict(version, asked, compressing):
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = version
    if not compressing:
        settings.certificate_compression_send = []
    verdicts = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, asked, verdicts))
        server.start()
        with socket.create_connection(listener.getsockname()) as raw:
            raw.settimeout(20)
            connection = TLSConnection(raw)
            try:
                connection.handshakeClientCert(CHAIN, KEY, settings=settings)
                connection.read(1, 1)
            except Exception:  # what the client says depends on timing; the server's word is what counts
                pass
            server.join(20)
    return verdicts[0]


for name, version in (("TLS 1.2", (3, 3)), ("TLS 1.3", (3, 4))):
    print(f"{name}, not asked, by default: {verdict(version, False, True)}")
    print(f"{name}, asked, by default: {verdict(version, True, True)}")
    print(f"{name}, asked, compression off: {verdict(version, True, False)}")
PYTHON

seen=$(venv/bin/python -W ignore mutual.py)
expected="TLS 1.2, not asked, by default: no certificate
TLS 1.2, asked, by default: certificate received
TLS 1.2, asked, compression off: certificate received
TLS 1.3, not asked, by default: no certificate
TLS 1.3, asked, by default: unexpected message
TLS 1.3, asked, compression off: certificate received"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
