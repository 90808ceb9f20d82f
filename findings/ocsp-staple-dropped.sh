#!/usr/bin/env bash
# A server on OpenSSL 4.0 that hands over an OCSP response about another certificate staples nothing, and nobody is told.
#
# Versions:      pyOpenSSL 26.4.0 with cryptography 50.0.2 (OpenSSL 4.0.3); beside it pyOpenSSL 25.3.0 with
#                cryptography 46.0.3 (OpenSSL 3.5.4).
# One guesses:   the bytes that the server's OCSP callback returns are sent as they are (so does 3.5.4), or the handshake fails,
#                or an error is reported.
# What happens:  4.0.3 reads the response. If it is not about the certificate in use, or is no OCSP response at all, the
#                handshake goes on without a staple. The server's call succeeds; the client sees what it would see if the server
#                had no response. A stale file thus turns stapling off in silence.
# Output seen:   "4.0.3 TLS 1.3 right: as handed over", "... foreign: 0 bytes", "... garbage: 0 bytes", TLS 1.2 alike;
#                "3.5.4 ...: as handed over" throughout.
# Date:          28 November 2026, Debian 12, Python 3.11.7.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/staple.py" <<'PYTHON'
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from OpenSSL import SSL, crypto

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
AUTHORITY_KEY = ec.generate_private_key(ec.SECP256R1())
SERVER_KEY = ec.generate_private_key(ec.SECP256R1())


def named(common_name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def issue(common_name, key):
    builder = x509.CertificateBuilder(named("authority"), named(common_name), key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY).sign(AUTHORITY_KEY, hashes.SHA256())


AUTHORITY = issue("authority", AUTHORITY_KEY)
SERVER = issue("server.example", SERVER_KEY)


def response_about(certificate):
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate, AUTHORITY, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, NOW, NOW + DAY, None, None
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, AUTHORITY).sign(AUTHORITY_KEY, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def pump(source, sink):
    try:
        sink.bio_write(source.bio_read(65536))
    except SSL.WantReadError:
        pass


def seen_by_client(staple, version):
    received = []
    serving = SSL.Context(SSL.TLS_METHOD)
    serving.set_max_proto_version(version)
    serving.use_certificate(crypto.X509.from_cryptography(SERVER))
    serving.use_privatekey(crypto.PKey.from_cryptography_key(SERVER_KEY))
    serving.set_ocsp_server_callback(lambda connection, data: staple)
    asking = SSL.Context(SSL.TLS_METHOD)
    asking.set_ocsp_client_callback(lambda connection, data, extra: received.append(data) or True)
    server, client = SSL.Connection(serving, None), SSL.Connection(asking, None)
    server.set_accept_state()
    client.set_connect_state()
    client.request_ocsp()
    unfinished = [client, server]
    for _ in range(10):
        for end, peer in ((client, server), (server, client)):
            try:
                if end in unfinished:
                    end.do_handshake()
                    unfinished.remove(end)
            except SSL.WantReadError:
                pass
            pump(end, peer)
    if unfinished:
        return "no handshake"
    return "as handed over" if received == [staple] else f"{len(received[0])} bytes"


library = SSL.SSLeay_version(0).decode().split()[1]
staples = {"right": response_about(SERVER), "foreign": response_about(AUTHORITY), "garbage": b"no OCSP response"}
for label, version in (("TLS 1.2", SSL.TLS1_2_VERSION), ("TLS 1.3", SSL.TLS1_3_VERSION)):
    for kind, staple in staples.items():
        print(f"{library} {label} {kind}: {seen_by_client(staple, version)}")
PYTHON

# with_packages NAME PACKAGE...: a virtual environment with these packages, and what the program prints in it.
with_packages() {
    local environment=$work/$1
    shift
    if ! { python3 -m venv "$environment" && "$environment/bin/pip" -q --disable-pip-version-check install "$@"; } >&2; then
        echo "could not install $*" >&2
        exit 2
    fi
    "$environment/bin/python" -W ignore "$work/staple.py"
}

seen=$(with_packages old pyOpenSSL==25.3.0 cryptography==46.0.3; with_packages new pyOpenSSL==26.4.0 cryptography==50.0.2)
expected="3.5.4 TLS 1.2 right: as handed over
3.5.4 TLS 1.2 foreign: as handed over
3.5.4 TLS 1.2 garbage: as handed over
3.5.4 TLS 1.3 right: as handed over
3.5.4 TLS 1.3 foreign: as handed over
3.5.4 TLS 1.3 garbage: as handed over
4.0.3 TLS 1.2 right: as handed over
4.0.3 TLS 1.2 foreign: 0 bytes
4.0.3 TLS 1.2 garbage: 0 bytes
4.0.3 TLS 1.3 right: as handed over
4.0.3 TLS 1.3 foreign: 0 bytes
4.0.3 TLS 1.3 garbage: 0 bytes"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
