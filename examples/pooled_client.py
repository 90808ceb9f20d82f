"""An HTTP/1.1 client that keeps its connections, each for one address, TLS domain and name.

Usage: ``python pooled_client.py CA HOST PORT NAME...``. Asks the server for ``/`` under each name
in turn, and tells which connection was used: one that was already there, or a new one.
"""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass

import tlsmgm

TIMEOUT = 10.0  # seconds of silence
MAX_HEAD = 65536  # bytes


@dataclass
class Channel:
    """A socket, and the connection that makes sense of its bytes."""

    sock: socket.socket
    conn: tlsmgm.Connection

    def handshake(self) -> None:
        """Do the handshake; an alert is sent before an error goes up."""
        try:
            while not self.conn.handshake():
                self._flush()
                self._pull()
        finally:
            self._flush()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.conn.write(rest) :]
            self._flush()

    def receive(self) -> bytes:
        """Wait for data; there is always some, or an error."""
        while (data := self.conn.read()) is None:
            self._flush()
            self._pull()
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def is_usable(self) -> bool:
        """Feed what has come since the last answer, without waiting; the pool judges it."""
        self.sock.setblocking(False)
        try:
            self._pull()
        except BlockingIOError:
            pass  # nothing has come, as it should be
        except OSError:
            return False
        finally:
            self.sock.settimeout(TIMEOUT)
        return True

    def close(self) -> None:
        """Say goodbye, if anybody listens."""
        try:
            self.conn.shutdown()
            self._flush()
        except (OSError, tlsmgm.TLSError):
            pass  # it was over already
        finally:
            self.sock.close()

    def _flush(self) -> None:
        while data := self.conn.drain():
            self.sock.sendall(data)

    def _pull(self) -> None:
        data = self.sock.recv(65536)
        if data:
            self.conn.feed(data)
        else:
            self.conn.feed_eof()


class Client:
    """Asks servers, over connections that it keeps.

    Args:
        manager: has the client domains.
    """

    def __init__(self, manager: tlsmgm.TLSManager) -> None:
        self._manager = manager
        self.pool: tlsmgm.ConnectionPool[Channel] = tlsmgm.ConnectionPool(
            manager,
            connection_of=lambda channel: channel.conn,
            close=Channel.close,
            is_usable=Channel.is_usable,
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
        channel = self.pool.take(destination, domain, name)
        reused = channel is not None
        if channel is None:
            channel = self._connect(destination, domain, name)
        try:
            status, keep = exchange(channel, name)
        except BaseException:
            channel.close()
            raise
        if keep:
            self.pool.put(channel, destination, domain, name)
        else:
            channel.close()
        return status, reused

    def _connect(self, destination: tuple[str, int], domain: tlsmgm.Domain, name: str) -> Channel:
        sock = socket.create_connection(destination, TIMEOUT)
        channel = Channel(sock, self._manager.client_connection(domain, server_name=name))
        try:
            channel.handshake()
        except BaseException:
            sock.close()
            raise
        return channel


def exchange(channel: Channel, name: str) -> tuple[int, bool]:
    """Send a request and read the whole answer.

    Returns:
        The status, and whether the connection is good for another request (RFC 9112 section 9.3).
    """
    channel.send(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode("ascii"))
    data = b""
    while b"\r\n\r\n" not in data:
        data += channel.receive()
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
        missing -= len(channel.receive())
    keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    return int(status), keep and missing == 0


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
