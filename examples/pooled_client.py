"""An HTTP/1.1 client that keeps its connections, each for one address, TLS domain and name.

Usage: ``python pooled_client.py CA HOST PORT NAME...``. Asks the server for ``/`` under each name
in turn, and tells which connection was used: one that was already there, or a new one.
"""

from __future__ import annotations

import argparse
import socket

import tlsmgm

TIMEOUT = 10.0  # seconds of silence
MAX_HEAD = 65536  # bytes


def is_usable(tls: tlsmgm.TLSSocket) -> bool:
    """Look, without waiting, at what has come since the last answer: there should be nothing."""
    tls.setblocking(False)
    try:
        tls.recv(1)
    except tlsmgm.WantReadError:
        return True
    except (OSError, tlsmgm.TLSError):
        pass  # it was over already
    finally:
        tls.settimeout(TIMEOUT)
    return False


class Client:
    """Asks servers, over connections that it keeps.

    Args:
        manager: has the client domains.
    """

    def __init__(self, manager: tlsmgm.TLSManager) -> None:
        self._manager = manager
        self.pool: tlsmgm.ConnectionPool[tlsmgm.TLSSocket] = tlsmgm.ConnectionPool(
            manager,
            connection_of=lambda tls: tls.connection,
            close=tlsmgm.TLSSocket.close,
            is_usable=is_usable,
        )

    def get(self, destination: tuple[str, int], name: str) -> tuple[int, bool]:
        """Ask for ``/``.

        A kept connection can still end just before the request is sent. Whether it may then be
        sent again, over a new one, is for the program to know (RFC 9112 section 9.3.1).

        Args:
            destination: address and port of the server.
            name: the server's.

        Returns:
            The status of the answer, and whether the connection was there already.

        Raises:
            ConnectionError: the server closed too early.
            OSError: the network failed.
            tlsmgm.TLSError: there is no domain for this destination, or TLS failed.
        """
        domain = self._manager.find_client_domain(*destination)
        if domain is None:
            raise tlsmgm.ConfigError("no client domain for {}:{}".format(*destination))
        tls = self.pool.take(destination, domain, name)
        reused = tls is not None
        if tls is None:
            sock = socket.create_connection(destination, TIMEOUT)
            tls = self._manager.wrap_socket(sock, domain=domain, server_name=name)
        try:
            status, keep = exchange(tls, name)
        except BaseException:
            tls.close()
            raise
        if keep:
            self.pool.put(tls, destination, domain, name)
        else:
            tls.close()
        return status, reused


def exchange(tls: tlsmgm.TLSSocket, name: str) -> tuple[int, bool]:
    """Send a request and read the whole answer.

    Returns:
        The status, and whether the connection is good for another request (RFC 9112 section 9.3).
    """
    tls.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode("ascii"))
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(tls)
        if len(data) > MAX_HEAD:
            raise ConnectionError("the answer does not begin like HTTP")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    fields = {key.lower(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    size = fields.get("content-length")
    if size is None:  # the end of this body is a matter for a real HTTP client
        return int(status), False
    missing = int(size) - len(body)
    while missing > 0:
        missing -= len(receive(tls))
    keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    return int(status), keep and missing == 0


def receive(tls: tlsmgm.TLSSocket) -> bytes:
    """Wait for data; there is always some, or an error."""
    data = tls.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def main() -> None:
    """Ask for each name in turn, and print how it went."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ca", help="PEM file of the CAs to trust")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("name", nargs="+", help="name of the server, as its certificate has it")
    parser.add_argument("--library", default="auto")
    options = parser.parse_args()
    manager = tlsmgm.TLSManager(options.library)
    manager.add_domain(tlsmgm.Domain("out", kind="client", ca_list=options.ca))
    # The pool wants an address: what a name leads to may be another host next time.
    address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0][4][0]
    client = Client(manager)
    with client.pool:
        for name in options.name:
            status, reused = client.get((str(address), options.port), name)
            print(f"{name}: {status}, {'reused' if reused else 'new'} connection", flush=True)


if __name__ == "__main__":
    main()
