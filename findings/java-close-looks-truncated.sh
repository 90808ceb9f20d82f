#!/usr/bin/env bash
# The orderly close of a Java peer in TLS 1.3 is "Unexpected EOF" to pyOpenSSL, as if the stream had been cut off.
#
# Versions:      OpenJDK 17.0.15 (Debian openjdk-17-jdk-headless) as server; pyOpenSSL 26.4.0 with cryptography 50.0.2
#                (OpenSSL 4.0.3) as client, beside it pyOpenSSL 23.3.0 with cryptography 41.0.7 (OpenSSL 3.1.4).
# One guesses:   SSLSocket.close() sends close_notify, and recv() raises ZeroReturnError.
# What happens:  in TLS 1.3 Java sends the warning user_canceled first, then close_notify (RFC 8446 6.1: the one should follow the
#                other). OpenSSL 3.1.4 passes over the warning. 4.0.3 reads close_notify (get_shutdown() has RECEIVED_SHUTDOWN), but SSL_get_error() says
#                SSL_ERROR_SYSCALL with nothing in the queue, which pyOpenSSL calls SysCallError(-1, 'Unexpected EOF'). TLS 1.2 is not
#                affected: Java sends close_notify alone there. OpenSSL 3.2.2, 3.3.2, 3.4.1 and 3.5.4 (cryptography 42.0.8, 43.0.3, 44.0.3,
#                46.0.3) were seen to do as 4.0.3, with a scripted peer that sends the same two alerts. The change of
#                SSL_get_error() has been known since 2024 (openssl/openssl, issue 25254); that any Java peer brings it about is the surprise.
# Output seen:   "4.0.3 TLSv1.3: b'answer', SysCallError(-1, 'Unexpected EOF'), close_notify received: True"; see the end of this file.
# Date:          28 November 2026, Debian 12, Python 3.11.7.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"

command -v java > /dev/null || { echo "no java here: install openjdk-17-jdk-headless" >&2; exit 2; }
runtime=$(java -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')
case $runtime in 17.*) ;; *) echo "note: Java was 17.0.15 when this was seen, here it is $runtime" >&2 ;; esac

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -days 2 2> /dev/null
openssl pkcs12 -export -in cert.pem -inkey key.pem -out server.p12 -passout pass:changeit

cat > Answer.java <<'JAVA'
import java.io.File;
import java.net.InetAddress;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

class Answer {
    public static void main(String[] arguments) throws Exception {
        char[] password = "changeit".toCharArray();
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(KeyStore.getInstance(new File("server.p12"), password), password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket listener =
            (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 5, InetAddress.getByName("127.0.0.1"));
        System.out.println(listener.getLocalPort());
        for (int served = 0; served < 4; served++) {
            try (SSLSocket socket = (SSLSocket) listener.accept()) {
                socket.getOutputStream().write("answer".getBytes());
            }
        }
    }
}
JAVA

cat > read_to_end.py <<'PYTHON'
import socket
import sys

from OpenSSL import SSL

for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(version)
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as raw:
        connection = SSL.Connection(context, raw)
        connection.set_connect_state()
        connection.do_handshake()
        data = connection.recv(100)
        try:
            end = connection.recv(100)
        except SSL.Error as error:
            end = error
        notified = bool(connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN)
        library = SSL.SSLeay_version(0).decode().split()[1]
        print(f"{library} {connection.get_protocol_version_name()}: {data}, {end!r}, close_notify received: {notified}")
PYTHON

# with_packages NAME PACKAGE...: a virtual environment with these packages, and what the program prints in it.
with_packages() {
    local environment=$work/$1
    shift
    if ! { python3 -m venv "$environment" && "$environment/bin/pip" -q --disable-pip-version-check install "$@"; } >&2; then
        echo "could not install $*" >&2
        exit 2
    fi
    timeout 60 "$environment/bin/python" -W ignore read_to_end.py "$port"
}

java Answer.java > port 2> java.err &
server=$!
for _ in $(seq 120); do
    [ -s port ] && break
    sleep 0.5
done
port=$(cat port)
[ -n "$port" ] || { echo "the Java server did not start:" >&2; cat java.err >&2; exit 2; }

seen=$(with_packages old pyOpenSSL==23.3.0 cryptography==41.0.7; with_packages new pyOpenSSL==26.4.0 cryptography==50.0.2)
expected="3.1.4 TLSv1.2: b'answer', ZeroReturnError(), close_notify received: True
3.1.4 TLSv1.3: b'answer', ZeroReturnError(), close_notify received: True
4.0.3 TLSv1.2: b'answer', ZeroReturnError(), close_notify received: True
4.0.3 TLSv1.3: b'answer', SysCallError(-1, 'Unexpected EOF'), close_notify received: True"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
