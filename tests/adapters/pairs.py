"""Two ends in memory, carried to each other."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import Any

Buffers = tuple[Callable[[], Any], Callable[[], Any]]


class Pair:
    """A client and a server over memory.

    Args:
        client: context.
        server: context.
        name: of the server, or None.
        session: to offer.
        buffers: who makes those that an end reads from, and those that it writes to.
    """

    def __init__(
        self,
        client: ssl.SSLContext,
        server: ssl.SSLContext,
        name: str | None = "dom1.test",
        session: Any = None,
        buffers: Buffers = (ssl.MemoryBIO, ssl.MemoryBIO),
    ) -> None:
        incoming, outgoing = buffers
        self.to_client, self.from_client = incoming(), outgoing()
        self.to_server, self.from_server = incoming(), outgoing()
        self.client = client.wrap_bio(
            self.to_client, self.from_client, server_hostname=name, session=session
        )
        self.server = server.wrap_bio(self.to_server, self.from_server, server_side=True)

    def carry(self) -> None:
        """Carry what waits, both ways."""
        self.to_server.write(self.from_client.read())
        self.to_client.write(self.from_server.read())

    def shake(self) -> list[ssl.SSLError]:
        """Do the handshake; return what failed."""
        failed: list[ssl.SSLError] = []
        for _ in range(5):
            for end in (self.client, self.server):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    failed.append(error)
                self.carry()
            if failed:
                break
        with contextlib.suppress(ssl.SSLError):
            self.server.do_handshake() if failed else None
        return failed

    def shake_server(self) -> None:
        """Give the server a ClientHello, and let whatever it says be raised."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.client.do_handshake()
        self.carry()
        self.server.do_handshake()

    def connected(self) -> Pair:
        """Do the handshake, which must not fail."""
        assert self.shake() == []
        return self
