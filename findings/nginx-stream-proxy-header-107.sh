#!/usr/bin/env bash
# nginx 1.22 resets stream connections whose PROXY protocol header is longer than 107 bytes, also in version 2.
#
# Versions:      nginx 1.22.1 (Debian 12: nginx and libnginx-mod-stream 1.22.1-9+deb12u11).
# One guesses:   "listen ... proxy_protocol" takes the same headers in http and in stream; 107 bytes is the limit of the text form
#                (version 1), while version 2 has a length field of 16 bits and TLVs (name, ALPN, TLS facts, certificate's CN).
# What happens:  stream reads at most 107 bytes of either version. A header of 108 bytes is "header is too large while reading
#                PROXY protocol" in the error log, and the client gets a TCP reset. http takes up to 1024. IPv6 addresses with the name of the
#                server and the TLS TLVs are soon past 107, and it is the client that chooses the length of the name.
# Output seen:   "stream 107: 192.0.2.7", "stream 108: reset", "http 1024: 192.0.2.7", "http 1025: reset".
# Date:          28 November 2026.
set -euo pipefail

module=/usr/lib/nginx/modules/ngx_stream_module.so
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server"; } 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"

PATH=$PATH:/usr/sbin
if ! command -v nginx > /dev/null || [ ! -e "$module" ]; then
    echo "no nginx with its stream module here: install nginx and libnginx-mod-stream" >&2
    exit 2
fi
version=$(nginx -v 2>&1 | sed 's,.*/,,')
[ "$version" = 1.22.1 ] || echo "note: nginx was 1.22.1 when this was seen, here it is $version" >&2

cat > nginx.conf <<NGINX
load_module $module;
daemon off;
pid $work/pid;
error_log $work/error.log;
events {}
stream {
    server { listen unix:$work/stream proxy_protocol; return "\$proxy_protocol_addr"; }
}
http {
    access_log off;
    client_body_temp_path $work/t1;
    proxy_temp_path $work/t2;
    fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4;
    scgi_temp_path $work/t5;
    server { listen unix:$work/http proxy_protocol; return 200 "\$proxy_protocol_addr"; }
}
NGINX

cat > header.py <<'PYTHON'
import socket
import struct


def header(length):
    """A version 2 header of that many bytes: IPv4 addresses, and one NOOP TLV that fills it up."""
    addresses = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.8") + struct.pack("!HH", 50000, 443)
    filling = length - 16 - len(addresses) - 3
    body = addresses + struct.pack("!BH", 4, filling) + bytes(filling)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(body)) + body


def answer(path, length, request):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path)
        try:
            client.sendall(header(length) + request)
            return b"".join(iter(lambda: client.recv(4096), b"")).decode().split("\r\n")[-1] or "closed"
        except (BrokenPipeError, ConnectionResetError):
            return "reset"


for path, request in (("stream", b""), ("http", b"GET / HTTP/1.0\r\n\r\n")):
    for length in (107, 108, 1024, 1025):
        print(f"{path} {length}: {answer(path, length, request)}")
PYTHON

nginx -c "$work/nginx.conf" -e "$work/error.log" &
server=$!
for _ in $(seq 100); do
    [ -S http ] && break
    sleep 0.1
done
# A master that runs as root hands the sockets to workers of another user, which need no access to this folder.
seen=$(python3 header.py)
expected="stream 107: 192.0.2.7
stream 108: reset
stream 1024: reset
stream 1025: reset
http 107: 192.0.2.7
http 108: 192.0.2.7
http 1024: 192.0.2.7
http 1025: reset"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
grep -q 'header is too large while reading PROXY protocol' error.log || {
    echo "The behaviour has changed: the error log no longer says that the header is too large." >&2
    exit 1
}
