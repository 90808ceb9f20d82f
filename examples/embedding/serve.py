"""An echo server for the domains of a configuration, one thread for each client.

Usage: ``python serve.py CONFIG ADDRESS PORT [LIBRARY]``
"""

import socket
import struct
import sys
import threading

from echo_tls import Echo

import tlsmgm

config, address, port, *library = sys.argv[1:]
manager = tlsmgm.TLSManager.from_config(config, *library)

#: Seconds that a client may be silent. A timeout of Python's would make the socket non-blocking.
PATIENCE = struct.pack("ll", 30, 0)


def serve(client: socket.socket) -> None:
    """Echo what one client sends."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, PATIENCE)
    with client:
        echo = Echo(manager, client.fileno(), client.getsockname()[:2])
        try:
            echo.run()
        except (tlsmgm.TLSError, ConnectionError) as error:
            print(f"refused or lost: {error}", flush=True)
        else:
            print(f"{echo.echoed} bytes over TLS {echo.version}", flush=True)


with socket.create_server((address, int(port))) as listener:
    print("listening on", listener.getsockname(), flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
