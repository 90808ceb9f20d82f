#!/usr/bin/env bash
# python-mbedtls says "nothing there" while decrypted bytes wait, and counts the record around the data as data sent.
#
# Versions:      python-mbedtls 2.10.1 (Mbed TLS 2.28.8 inside), Python 3.11, client and server in one process, over its memory buffers.
# One guesses:   TLSWrappedBuffer.read(n) returns up to n bytes, and b"" when there are none; write(data) returns how much of the data it
#                took. That is how the methods of Python's ssl with these names behave, and PEP 543, which it follows.
# What happens:  read(4) of a record with ten bytes returns four; the next one returns b"", however long it is, because the buffer of
#                *encrypted* bytes is empty. The other six come when the next record does, in front of its data: who waits for the end
#                of a message waits for ever. Reads of 16,384 bytes, the most that a record holds, leave nothing behind. And write() of
#                ten bytes returns 31, so a loop that goes on behind what was "taken" leaves out bytes.
# Output seen:   "write(10 bytes) returned 31", "reads of 4: b'0123' b'' b''", "after the next record: b'4567' b'89ab' b''",
#                "then one of 16384: b''", "and after a third record: b'cdefghijABCDEFGHIJ' b''".
# Date:          29 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

{ python3 -m venv venv && venv/bin/pip install --quiet python-mbedtls==2.10.1; } > pip.log 2>&1 || {
    cat pip.log >&2
    echo "cannot install python-mbedtls 2.10.1" >&2
    exit 2
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null
cat > try.py <<'END'
from mbedtls import pk, tls, x509

key = pk.ECC.from_PEM(open("key.pem").read())
identity = ((x509.CRT.from_file("cert.pem"),), key)
server = tls.ServerContext(tls.TLSConfiguration(certificate_chain=identity, validate_certificates=False)).wrap_buffers()
client = tls.ClientContext(tls.TLSConfiguration(validate_certificates=False)).wrap_buffers("localhost")
over = tls.HandshakeStep.HANDSHAKE_OVER


def move(sender, receiver):
    while data := sender.peek_outgoing(16384):
        receiver.receive_from_network(data)
        sender.consume_outgoing(len(data))


while not (client._handshake_state is over and server._handshake_state is over):
    for one, other in ((client, server), (server, client)):
        if one._handshake_state is not over:
            try:
                one.do_handshake()
            except (tls.WantReadError, tls.WantWriteError):
                pass
        move(one, other)

written = server.write(b"0123456789")
move(server, client)
first = [repr(client.read(4)) for _ in range(3)]
server.write(b"abcdefghij")
move(server, client)
then = [repr(client.read(4)) for _ in range(3)]
print(f"write(10 bytes) returned {written}")
print(f"reads of 4: {' '.join(first)}")
print(f"after the next record: {' '.join(then)}")
print(f"then one of 16384: {client.read(16384)!r}")
server.write(b"ABCDEFGHIJ")
move(server, client)
print(f"and after a third record: {client.read(16384)!r} {client.read(16384)!r}")
END
timeout 30 venv/bin/python try.py | tee seen
seen=$(cat seen)
expected="write(10 bytes) returned 31
reads of 4: b'0123' b'' b''
after the next record: b'4567' b'89ab' b''
then one of 16384: b''
and after a third record: b'cdefghijABCDEFGHIJ' b''"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
