"""A storm of newcomers: whoever is nearly in does not wait until all of them were served."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.listeners import ANYWHERE, port_of
from tests.support.managers import client_domain, manager_of, server_domain
from tests.support.pki import Authority
from tests.support.proxy import TIMEOUT
from tlsmgm import Connection, Listener, TLSManager

#: So many that their signatures take far longer than what a worker grants newcomers at a time.
NEWCOMERS = 16

#: Of the PROXY protocol; a ClientHello comes along with it.
HEADER = b"PROXY TCP4 127.0.0.1 127.0.0.1 5060 5061\r\n"

#: From the headers of Linux; Python's socket has no name for it.
SO_TIMESTAMPNS = 35


@pytest.fixture(scope="module")
def slow_identity() -> dict[str, bytes]:
    """A certificate whose signatures take long."""
    return Authority().issue(names=["dom1.test"], kind="rsa4096").fields()


@pytest.fixture
def stamps() -> Iterator[None]:
    """The system notes when bytes come, which it begins to do some time after it was asked."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as here,
        server.accept()[0] as there,
    ):
        here.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        notes: list[tuple[int, int, bytes]] = []
        while not notes:
            there.sendall(b"x")
            _, notes, _, _ = here.recvmsg(1, socket.CMSG_SPACE(16))
        yield


class Client:
    """A client whose flights leave when the test says so.

    Args:
        manager: has its domain.
        listener: is called.
        header: comes before the first flight.
    """

    def __init__(self, manager: TLSManager, listener: Listener, header: bytes) -> None:
        self._header = header
        self.connection: Connection = manager.client_connection("client", "dom1.test")
        self.connection.decrypt(b"")
        self.sock = socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def send(self) -> None:
        """Send what is due."""
        self.sock.sendall(self._header + self.connection.drain())
        self._header = b""

    def receive(self) -> tuple[int, int]:
        """Receive something; returns when the system had it, in seconds and nanoseconds."""
        wire, notes, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(16))
        assert wire
        self.connection.decrypt(wire)
        [stamp] = [data for _, kind, data in notes if kind == SO_TIMESTAMPNS]
        seconds, nanoseconds = struct.unpack("=qq", stamp)
        return seconds, nanoseconds


@pytest.mark.skipif(sys.platform != "linux", reason="needs to know when bytes have come")
@pytest.mark.parametrize("header", [b"", HEADER], ids=["bare", "header"])
def test_who_is_nearly_in_goes_first(
    library: str, slow_identity: dict[str, bytes], stamps: None, header: bytes
) -> None:
    del stamps
    manager = manager_of(
        library, server_domain("dom1", **slow_identity), client_domain(verify_cert=False)
    )
    senders = "127.0.0.1" if header else None
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        manager.listen(
            ANYWHERE,
            f"tcp:127.0.0.1:{silent.getsockname()[1]}",
            proxy_header_from=senders,
        ) as listener,
    ):
        first = Client(manager, listener, header)
        first.send()
        while not first.connection.handshake_complete:
            first.receive()
        newcomers = [Client(manager, listener, header) for _ in range(NEWCOMERS)]
        while listener.statistics()["connections_open"] <= NEWCOMERS:
            time.sleep(0)  # all are accepted before any of them has said a word
        listener._inside.engine.hold()
        for one in newcomers:
            one.send()
        first.send()
        listener._inside.engine.release()
        in_at = first.receive()  # its session ticket
        assert in_at < max(one.receive() for one in newcomers)
        for one in (first, *newcomers):
            one.sock.close()
