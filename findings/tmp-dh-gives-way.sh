#!/usr/bin/env bash
# On OpenSSL 4.0 a server's own Diffie-Hellman parameters are used only for clients that offer no ffdhe group.
#
# Versions:      pyOpenSSL 26.4.0 with cryptography 50.0.2 (OpenSSL 4.0.3) as server; beside it pyOpenSSL 25.3.0 with
#                cryptography 46.0.3 (OpenSSL 3.5.4). Client: openssl s_client 3.0.19 of Debian 12. TLS 1.2.
# One guesses:   load_tmp_dh() decides what DHE suites use, and set_tmp_ecdh() has nothing to do with DHE. So it is with 3.5.4:
#                own parameters of 3072 bits stand in every handshake.
# What happens:  4.0.3 negotiates DHE of TLS 1.2 by RFC 7919. A client that offers ffdhe2048 gets 2048 bits though the server's
#                parameters have 3072. If the server names its curve with set_tmp_ecdh(), its list of groups holds no ffdhe group:
#                then each client that has DHE suites alone and offers an ffdhe group (s_client's default does) gets
#                alert 40, and the server says "no shared cipher". RFC 7919 asks for just that; it is new for a running configuration.
# Output seen:   "4.0.3 own curve, client X25519:ffdhe2048: no shared cipher", and so on: see the end of this file.
# Date:          28 November 2026, Debian 12, Python 3.11.7.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

client=$(openssl version | cut -d' ' -f2)
case $client in 3.0.*) ;; *) echo "note: s_client was 3.0.19 when this was seen, here it is $client" >&2 ;; esac
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null
openssl genpkey -genparam -algorithm DH -pkeyopt group:modp_3072 -out dh.pem

cat > dhe.py <<'PYTHON'
import re
import socket
import subprocess
import threading

from OpenSSL import SSL, crypto


def serve(listener, own_curve, verdicts):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_file("cert.pem")
    context.use_privatekey_file("key.pem")
    context.load_tmp_dh("dh.pem")
    if own_curve:
        context.set_tmp_ecdh(crypto.get_elliptic_curve("prime256v1"))
    context.set_cipher_list(b"DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    with listener.accept()[0] as raw:
        connection = SSL.Connection(context, raw)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            connection.shutdown()
        except SSL.Error as error:
            verdicts.append(error.args[0][0][2])


def handshake(own_curve, groups):
    """What the client calls the server's key, or why the server refused."""
    verdicts = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, own_curve, verdicts))
        server.start()
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}"]
        command += ["-cipher", "DHE-RSA-AES128-GCM-SHA256", *(["-groups", groups] if groups else [])]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        server.join(10)
    return verdicts[0] if verdicts else re.search("Temp Key: (.*)", ran.stdout)[1]


library = SSL.SSLeay_version(0).decode().split()[1]
for own_curve in (False, True):
    for groups in ("X25519", "X25519:ffdhe2048", None):
        label = "own curve" if own_curve else "no curve"
        print(f"{library} {label}, client {groups or 'by default'}: {handshake(own_curve, groups)}")
PYTHON

# with_packages NAME PACKAGE...: a virtual environment with these packages, and what the program prints in it.
with_packages() {
    local environment=$work/$1
    shift
    if ! { python3 -m venv "$environment" && "$environment/bin/pip" -q --disable-pip-version-check install "$@"; } >&2; then
        echo "could not install $*" >&2
        exit 2
    fi
    "$environment/bin/python" -W ignore dhe.py
}

seen=$(with_packages old pyOpenSSL==25.3.0 cryptography==46.0.3; with_packages new pyOpenSSL==26.4.0 cryptography==50.0.2)
expected="3.5.4 no curve, client X25519: DH, 3072 bits
3.5.4 no curve, client X25519:ffdhe2048: DH, 3072 bits
3.5.4 no curve, client by default: DH, 3072 bits
3.5.4 own curve, client X25519: DH, 3072 bits
3.5.4 own curve, client X25519:ffdhe2048: DH, 3072 bits
3.5.4 own curve, client by default: DH, 3072 bits
4.0.3 no curve, client X25519: DH, 3072 bits
4.0.3 no curve, client X25519:ffdhe2048: DH, 2048 bits
4.0.3 no curve, client by default: DH, 2048 bits
4.0.3 own curve, client X25519: DH, 3072 bits
4.0.3 own curve, client X25519:ffdhe2048: no shared cipher
4.0.3 own curve, client by default: no shared cipher"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
