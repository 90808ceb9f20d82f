#!/usr/bin/env bash
# gnutls-cli --recordsize 512 sends an eighth of what stands on its standard input, and exits with 0.
#
# Versions:      gnutls-bin 3.7.9-2+deb12u7 (Debian 12).
# One guesses:   --recordsize limits the size of a record: the upload is cut into more records, and arrives whole.
# What happens:  of each 4 KB that the client reads it sends one record of the size asked for, and the rest is dropped:
#                gnutls_record_send() writes short when the record size is limited (its documentation says that it may).
#                Nothing is printed, and the exit status is 0.
# Output seen:   "100000 bytes, by default: 100000 arrived, exit 0", "100000 bytes, --recordsize 512: 12800 arrived, exit 0".
# Date:          28 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

PATH=$PATH:$work/unpacked/usr/bin
if ! command -v gnutls-cli > /dev/null; then
    # Unpacked, not installed: its libraries come with libgnutls30, libgnutls-dane0 and their dependencies.
    { apt-get download gnutls-bin && dpkg -x gnutls-bin_*.deb unpacked && gnutls-cli --version; } > download.log 2>&1 || {
        cat download.log >&2
        echo "no gnutls-cli here: install gnutls-bin" >&2
        exit 2
    }
fi
version=$(gnutls-cli --version | sed -n '1s/.* //p')
[ "$version" = 3.7.9 ] || echo "note: gnutls-cli was 3.7.9 when this was seen, here it is $version" >&2
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null

cat > upload.py <<'PYTHON'
import socket
import ssl
import subprocess
import threading

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain("cert.pem", "key.pem")


def count(listener, arrived):
    with CONTEXT.wrap_socket(listener.accept()[0], server_side=True) as peer:
        arrived.append(sum(len(block) for block in iter(lambda: peer.recv(65536), b"")))


def upload(size, options):
    arrived = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=count, args=(listener, arrived))
        server.start()
        command = ["gnutls-cli", "--x509cafile", "cert.pem", "--verify-hostname", "localhost", *options]
        command += ["-p", str(listener.getsockname()[1]), "127.0.0.1"]
        with open("upload", "wb+") as file:  # a pipe would make the sizes of its reads depend on timing
            file.write(bytes(size))
            file.seek(0)
            ran = subprocess.run(command, stdin=file, capture_output=True, timeout=60)
        server.join(20)
    print(f"{size} bytes, {' '.join(options) or 'by default'}: {arrived[0]} arrived, exit {ran.returncode}")


for size in (500, 100_000):
    for options in ([], ["--recordsize", "512"]):
        upload(size, options)
PYTHON

seen=$(python3 upload.py)
expected="500 bytes, by default: 500 arrived, exit 0
500 bytes, --recordsize 512: 500 arrived, exit 0
100000 bytes, by default: 100000 arrived, exit 0
100000 bytes, --recordsize 512: 12800 arrived, exit 0"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
