#!/usr/bin/env bash
# A transport of uvloop is no asyncio.Transport, nor anything above that, so isinstance() takes it for something else.
#
# Versions:      uvloop 0.23.0, Python 3.11.7.
# One guesses:   protocols get an asyncio.Transport in connection_made(), as the documentation of asyncio has it, whatever the loop;
#                a library that tells an SSL or pipe transport from others by isinstance() works under uvloop as well.
# What happens:  TCPTransport, and the transport above it with ssl=, are classes of uvloop's own and derive from none of asyncio's: not
#                from Transport, not from ReadTransport or WriteTransport, not even from BaseTransport. They have the methods.
#                The server that create_server() returns is no asyncio.AbstractServer either.
# Output seen:   "asyncio: Transport True, BaseTransport True, server AbstractServer True",
#                "uvloop: Transport False, BaseTransport False, server AbstractServer False", the same with ssl=.
# Date:          29 November 2026.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

{ python3 -m venv env && env/bin/pip install --quiet uvloop==0.23.0; } > install.log 2>&1 || {
    cat install.log >&2
    echo "uvloop 0.23.0 could not be installed" >&2
    exit 2
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost \
    -days 2 2> /dev/null

cat > classes.py <<'PYTHON'
import asyncio
import ssl

import uvloop

SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
SERVER.load_cert_chain("cert.pem", "key.pem")
CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CLIENT.check_hostname, CLIENT.verify_mode = False, ssl.CERT_NONE


async def look(name, secure):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=SERVER if secure else None)
    port = server.sockets[0].getsockname()[1]
    transport, _ = await loop.create_connection(
        asyncio.Protocol, "127.0.0.1", port, ssl=CLIENT if secure else None
    )
    print(
        f"{name}{' with ssl=' if secure else ''}: Transport {isinstance(transport, asyncio.Transport)}, "
        f"BaseTransport {isinstance(transport, asyncio.BaseTransport)}, "
        f"server AbstractServer {isinstance(server, asyncio.AbstractServer)}"
    )
    transport.abort()
    server.close()


for secure in (False, True):
    asyncio.run(look("asyncio", secure))
    uvloop.run(look("uvloop", secure))
PYTHON

seen=$(env/bin/python classes.py)
expected="asyncio: Transport True, BaseTransport True, server AbstractServer True
uvloop: Transport False, BaseTransport False, server AbstractServer False
asyncio with ssl=: Transport True, BaseTransport True, server AbstractServer True
uvloop with ssl=: Transport False, BaseTransport False, server AbstractServer False"
echo "$seen"
if [ "$seen" != "$expected" ]; then
    echo "The behaviour has changed. It was:" >&2
    echo "$expected" >&2
    exit 1
fi
