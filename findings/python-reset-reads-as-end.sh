#!/usr/bin/env bash
# Python 3.11's ssl module reports a TCP reset of the peer as the end of the stream, not as ConnectionResetError.
#
# Versions:      /usr/bin/python3 3.11.2 of Debian 12, OpenSSL 3.0.19.
# One guesses:   recv() on a TLS socket raises ConnectionResetError when the peer has reset the connection, as recv() on a plain
#                socket does. suppress_ragged_eofs is about a missing close_notify, that is about FIN.
# What happens:  the reset becomes SSLEOFError inside, which suppress_ragged_eofs (True by default) turns into b"". A caller cannot
#                tell it from a FIN, nor from an orderly end. With suppress_ragged_eofs=False it is SSLEOFError, whose errno is 8, not 104.
#                The same was seen with Python 3.10.13, 3.11.7 and 3.12.1; 3.8.18, 3.9.18 and 3.13.0 raise ConnectionResetError.
# Output seen:   "TLSv1_3 FIN: b''", "TLSv1_3 reset: b''", "TLSv1_3 reset, not suppressed: SSLEOFError", TLS 1.2 alike,
#                "no TLS reset: ConnectionResetError".
# Date:          28 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python=/usr/bin/python3
[ -x $python ] || { echo "no $python here: install python3" >&2; exit 2; }
version=$($python -c 'import platform; print(platform.python_version())')
[ "$version" = 3.11.2 ] || echo "note: $python was 3.11.2 when this was seen, here it is $version" >&2
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null

cat > reset.py <<'PYTHON'
import socket
import ssl
import struct
import threading

SERVING = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
SERVING.load_cert_chain("cert.pem", "key.pem")
AT_ONCE = struct.pack("ii", 1, 0)


def serve(listener, over_tls, reset, greeted):
    peer = listener.accept()[0]
    if over_tls:
        peer = SERVING.wrap_socket(peer, server_side=True)
    peer.send(b"hello")
    greeted.wait(10)
    # Detached, so that the socket is closed without a close_notify.
    with socket.socket(fileno=peer.detach()) as raw:
        if reset:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)


def end_of_stream(version, reset, suppressed=True):
    greeted = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, version is not None, reset, greeted))
        server.start()
        client = socket.create_connection(listener.getsockname())
        client.settimeout(20)
        if version is not None:
            context = ssl.create_default_context(cafile="cert.pem")
            context.check_hostname = False
            context.minimum_version = context.maximum_version = version
            client = context.wrap_socket(client, suppress_ragged_eofs=suppressed)
        assert client.recv(10) == b"hello"
        greeted.set()
        server.join()
        with client:
            try:
                return client.recv(10)
            except OSError as error:
                return type(error).__name__


for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    print(f"{version.name} FIN: {end_of_stream(version, False)}")
    print(f"{version.name} reset: {end_of_stream(version, True)}")
    print(f"{version.name} reset, not suppressed: {end_of_stream(version, True, suppressed=False)}")
print(f"no TLS FIN: {end_of_stream(None, False)}")
print(f"no TLS reset: {end_of_stream(None, True)}")
PYTHON

seen=$($python reset.py)
expected="TLSv1_2 FIN: b''
TLSv1_2 reset: b''
TLSv1_2 reset, not suppressed: SSLEOFError
TLSv1_3 FIN: b''
TLSv1_3 reset: b''
TLSv1_3 reset, not suppressed: SSLEOFError
no TLS FIN: b''
no TLS reset: ConnectionResetError"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
