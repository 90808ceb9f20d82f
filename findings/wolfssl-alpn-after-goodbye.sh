#!/usr/bin/env bash
# wolfSSL forgets what was agreed on by ALPN once both ends have said goodbye.
#
# Versions:      libwolfssl35 5.5.4-2+deb12u3 (Debian 12).
# One guesses:   what a connection has negotiated can be asked for as long as its object is there, as with OpenSSL, for
#                instance by a log that is written at the end.
# What happens:  wolfSSL_shutdown() makes its object ready for another connection when the peer's close_notify has come and
#                its own has been sent. wolfSSL_ALPN_GetProtocol() succeeds before, also between the two goodbyes, and fails
#                from then on; version and cipher suite are still told. Nothing is lost where only one end says goodbye.
# Output seen:   "after the handshake: h2, TLSv1.2, ECDHE-ECDSA-AES256-GCM-SHA384", "after one goodbye: h2, ...",
#                "after both goodbyes: none, TLSv1.2, ...".
# Date:          29 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Unpacked, not installed.
{ apt-get download libwolfssl35 && dpkg -x libwolfssl35_*.deb unpacked; } > download.log 2>&1 || {
    cat download.log >&2
    echo "Debian's package libwolfssl35 could not be had" >&2
    exit 2
}
library=$(find unpacked -name 'libwolfssl.so.35' | head -n 1)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 30 \
    -subj /CN=localhost 2> /dev/null

cat > goodbye.py <<'PYTHON'
import ctypes
import socket
import sys
import threading

PEM = 1
pointer = ctypes.c_void_p
library = ctypes.CDLL(sys.argv[1])
for name in ("wolfTLSv1_2_server_method", "wolfTLSv1_2_client_method", "wolfSSL_CTX_new", "wolfSSL_new"):
    getattr(library, name).restype = pointer
for name in ("wolfSSL_CTX_new", "wolfSSL_new", "wolfSSL_accept", "wolfSSL_connect", "wolfSSL_shutdown"):
    getattr(library, name).argtypes = [pointer]
for name in ("wolfSSL_get_version", "wolfSSL_get_cipher_name"):
    getattr(library, name).argtypes, getattr(library, name).restype = [pointer], ctypes.c_char_p
library.wolfSSL_CTX_use_PrivateKey_file.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
library.wolfSSL_CTX_use_certificate_file.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
library.wolfSSL_CTX_set_verify.argtypes = [pointer, ctypes.c_int, pointer]
library.wolfSSL_set_fd.argtypes = [pointer, ctypes.c_int]
library.wolfSSL_set_alpn_protos.argtypes = [pointer, ctypes.c_char_p, ctypes.c_uint]
library.wolfSSL_ALPN_GetProtocol.argtypes = [pointer, ctypes.POINTER(pointer), ctypes.POINTER(ctypes.c_ushort)]
library.wolfSSL_Init()
servers = library.wolfSSL_CTX_new(library.wolfTLSv1_2_server_method())
clients = library.wolfSSL_CTX_new(library.wolfTLSv1_2_client_method())
assert library.wolfSSL_CTX_use_certificate_file(servers, b"cert.pem", PEM) == 1
assert library.wolfSSL_CTX_use_PrivateKey_file(servers, b"key.pem", PEM) == 1
library.wolfSSL_CTX_set_verify(clients, 0, None)


def tell(when, end):
    data, size = pointer(), ctypes.c_ushort()
    agreed = "none"
    if library.wolfSSL_ALPN_GetProtocol(end, ctypes.byref(data), ctypes.byref(size)) == 1:
        agreed = ctypes.string_at(data.value, size.value).decode()
    version, cipher = library.wolfSSL_get_version(end), library.wolfSSL_get_cipher_name(end)
    print(f"{when}: {agreed}, {version.decode()}, {cipher.decode()}")


here, there = socket.socketpair()
server, client = library.wolfSSL_new(servers), library.wolfSSL_new(clients)
for end, sock in ((server, here), (client, there)):
    assert library.wolfSSL_set_alpn_protos(end, b"\x02h2", 3) == 0
    library.wolfSSL_set_fd(end, sock.fileno())
thread = threading.Thread(target=library.wolfSSL_accept, args=[server])
thread.start()
assert library.wolfSSL_connect(client) == 1
thread.join()
tell("after the handshake", server)
library.wolfSSL_shutdown(server)
tell("after one goodbye", server)
library.wolfSSL_shutdown(client)
library.wolfSSL_shutdown(server)  # reads the client's
tell("after both goodbyes", server)
PYTHON
timeout 60 python3 goodbye.py "$library" > seen.txt || exit 2
cat seen.txt
facts="TLSv1.2, ECDHE-ECDSA-AES256-GCM-SHA384"
printf '%s\n' "after the handshake: h2, $facts" "after one goodbye: h2, $facts" "after both goodbyes: none, $facts" > expected.txt
if ! diff expected.txt seen.txt; then
    echo "changed: the protocol was gone after both goodbyes, and nothing else; the lines above say what is now" >&2
    exit 1
fi
