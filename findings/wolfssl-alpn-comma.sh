#!/usr/bin/env bash
# wolfSSL agrees by ALPN on a protocol that nobody has named, where a name has a comma in it.
#
# Versions:      libwolfssl35 5.5.4-2+deb12u3 (Debian 12).
# One guesses:   wolfSSL_set_alpn_protos() takes the wire form, each name behind its length (RFC 7301 section 3.1), so a name
#                may have any bytes: with "a,b" at both ends the two agree on "a,b".
# What happens:  the call succeeds at both ends, and both say that they have agreed on "a". The list is kept as text with
#                commas between the names, and the name's own comma becomes one of them. Other bytes, such as a blank or
#                0xE9, come through whole.
# Output seen:   "h2: agreed on h2", "a b: agreed on a b", "a,b: agreed on a".
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

cat > agree.py <<'PYTHON'
import ctypes
import socket
import sys
import threading

PEM = 1
pointer = ctypes.c_void_p
library = ctypes.CDLL(sys.argv[1])
for name in ("wolfTLSv1_2_server_method", "wolfTLSv1_2_client_method", "wolfSSL_CTX_new", "wolfSSL_new"):
    getattr(library, name).restype = pointer
library.wolfSSL_CTX_new.argtypes = library.wolfSSL_new.argtypes = [pointer]
library.wolfSSL_accept.argtypes = library.wolfSSL_connect.argtypes = [pointer]
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


def agree(name):
    wire = bytes([len(name)]) + name
    here, there = socket.socketpair()
    server, client = library.wolfSSL_new(servers), library.wolfSSL_new(clients)
    for end, sock in ((server, here), (client, there)):
        assert library.wolfSSL_set_alpn_protos(end, wire, len(wire)) == 0
        library.wolfSSL_set_fd(end, sock.fileno())
    thread = threading.Thread(target=library.wolfSSL_accept, args=[server])
    thread.start()
    assert library.wolfSSL_connect(client) == 1
    thread.join()
    data, size = pointer(), ctypes.c_ushort()
    assert library.wolfSSL_ALPN_GetProtocol(client, ctypes.byref(data), ctypes.byref(size)) == 1
    return ctypes.string_at(data.value, size.value)


for name in (b"h2", b"a b", b"a,b"):
    print(f"{name.decode()}: agreed on {agree(name).decode()}")
PYTHON
timeout 60 python3 agree.py "$library" > seen.txt || exit 2
cat seen.txt
printf '%s\n' "h2: agreed on h2" "a b: agreed on a b" "a,b: agreed on a" > expected.txt
if ! diff expected.txt seen.txt; then
    echo "changed: a name with a comma was cut at the comma at both ends; the lines above say what is agreed on now" >&2
    exit 1
fi
