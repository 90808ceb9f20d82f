"""Two connections in memory, and the bytes between them.

A pair carries bytes whole, in pieces, or changed on the way; it remembers how each side ended::

    pair = ConnectionPair(client, server)
    pair.handshake()                 # both sides complete, or the first error is raised
    pair.send(pair.client, b"ping")  # all of it arrives, whatever waits on the way
    pair = failing_pair(...)         # pair.client_error and pair.server_error say how it ended
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.managers import LOCAL, client_domain, method_of, server_domain
from tlsmgm import Connection, Domain, Session, TLSManager

#: From the bytes that were sent to the bytes that arrive.
Hook = Callable[[bytes], bytes]

_ROUNDS = 10_000


@dataclass
class Side:
    """One end, and what became of it."""

    end: Any
    hook: Hook | None = None
    complete: bool = False
    closed: bool = False
    error: Exception | None = None
    inbox: bytearray = field(default_factory=bytearray)

    def advance(self) -> None:
        """Handshake, then read, as far as the wire bytes reach; an error is kept, not raised."""
        if self.error is not None or self.closed:
            return
        try:
            if not self.complete:
                self.complete = bool(self.end.handshake())
            while self.complete and (data := self.end.read(65536)) is not None:
                self.inbox += data
                if not data:
                    self.closed = True
                    return
        except Exception as error:
            self.error = error

    def take_inbox(self) -> bytes:
        """Return what has been read and forget it."""
        data = bytes(self.inbox)
        self.inbox.clear()
        return data


class ConnectionPair:
    """A client and a server; both have ``feed``, ``drain``, ``handshake``, ``read``, ``write``.

    Args:
        client: one end.
        server: the other end.
        piece: most bytes that one ``feed()`` gets; None carries all at once.
        to_server: changes what the client sent.
        to_client: changes what the server sent.
    """

    def __init__(
        self,
        client: Any,
        server: Any,
        *,
        piece: int | None = None,
        to_server: Hook | None = None,
        to_client: Hook | None = None,
    ) -> None:
        self.client, self.server = client, server
        self.client_side = Side(client, to_server)
        self.server_side = Side(server, to_client)
        self.piece = piece
        self.errors: list[Exception] = []  # in the order in which they came

    @property
    def client_error(self) -> Exception | None:
        """What ended the client, or None."""
        return self.client_side.error

    @property
    def server_error(self) -> Exception | None:
        """What ended the server, or None."""
        return self.server_side.error

    def pump(self) -> Self:
        """Carry bytes until both sides are silent; errors are kept in the sides."""
        for _ in range(_ROUNDS):
            moved = self._turn(self.client_side, self.server_side)
            moved += self._turn(self.server_side, self.client_side)
            if not moved:
                return self
        raise AssertionError(f"{self.client!r} and {self.server!r} never fall silent")

    def _turn(self, here: Side, there: Side) -> int:
        self._advance(here)
        data = here.end.drain()
        count = len(data)
        if here.hook is not None and data:
            data = here.hook(data)
        self._deliver(data, there)
        return count

    def _deliver(self, data: bytes, there: Side) -> None:
        size = self.piece or len(data) or 1
        for at in range(0, len(data), size):
            there.end.feed(data[at : at + size])
            if self.piece is not None:
                self._advance(there)

    def _advance(self, side: Side) -> None:
        before = side.error
        side.advance()
        if side.error is not None and before is None:
            self.errors.append(side.error)

    def handshake(self) -> Self:
        """Complete the handshake on both sides; raise the first error of either."""
        self.pump()
        if self.errors:
            raise self.errors[0]
        assert self.client_side.complete, f"{self.client!r} is stuck"
        assert self.server_side.complete, f"{self.server!r} is stuck"
        return self

    def send(self, sender: Any, data: bytes) -> bytes:
        """Send data and return what the other side read; respects the sender's back-pressure."""
        there = self.server_side if sender is self.client else self.client_side
        view = memoryview(data)
        while view:
            count = sender.write(view)
            view = view[count:]
            self.pump()
            assert count or not view, "neither room nor progress"
        return there.take_inbox()

    def echo(self, data: bytes = b"ping") -> None:
        """Send data both ways and see it arrive."""
        assert self.send(self.client, data) == data
        assert self.send(self.server, data) == data


@dataclass(frozen=True)
class Managers:
    """A server's and a client's manager, perhaps over different libraries."""

    server: TLSManager
    client: TLSManager

    def connect(self, server_name: str | None = "dom1.test", **options: Any) -> ConnectionPair:
        """Return a pair after its handshake; the arguments are those of ``pair()``."""
        return self.pair(server_name, **options).handshake()

    def fail(self, server_name: str | None = "dom1.test", **options: Any) -> ConnectionPair:
        """Return a pair whose handshake failed on at least one side."""
        pair = self.pair(server_name, **options).pump()
        assert pair.errors, "the handshake succeeded"
        return pair

    def pair(
        self,
        server_name: str | None = "dom1.test",
        *,
        domain: str = "client",
        session: Session | None = None,
        local: tuple[str, int] = LOCAL,
        **options: Any,
    ) -> ConnectionPair:
        """Return a new pair before its handshake.

        Args:
            server_name: as for ``TLSManager.client_connection()``.
            domain: name of the client domain.
            session: a session to offer.
            local: address at which the server listens.
            options: of ``ConnectionPair``.
        """
        client = self.client.client_connection(domain, server_name=server_name, session=session)
        server = self.server.server_connection(local)
        return ConnectionPair(client, server, **options)


def manager(library: str, *domains: Domain) -> TLSManager:
    """Return a manager of exactly these domains."""
    made = TLSManager(library)
    made.add_domains(domains)
    return made


def managers(
    server_library: str,
    client_library: str,
    version: str | None = None,
    *,
    server: dict[str, Any] | None = None,
    client: dict[str, Any] | None = None,
) -> Managers:
    """Return managers of one server domain ``dom1`` and one client domain ``client``.

    Args:
        server_library: library of the server.
        client_library: library of the client.
        version: the only version, such as ``"TLSv1.3"``; None leaves it open.
        server: fields of the server's Domain; by default no certificate is asked for.
        client: fields of the client's Domain; by default the recorded root is trusted.
    """
    method = {} if version is None else {"method": method_of(version)}
    # One domain answers to every name, so that a test can ask for any.
    ours = {"match_sip_domain": "*"} | method | (server or {})
    return Managers(
        manager(server_library, server_domain("dom1", **ours)),
        manager(client_library, client_domain("client", **(method | (client or {})))),
    )


def session_of(pair: ConnectionPair) -> Session:
    """Return the client's session; ``handshake()`` has read what comes after it in TLS 1.3."""
    session = pair.client.session
    assert isinstance(session, Session), "the server gave no session"
    return session


def core_server(manager: TLSManager) -> Connection:
    """Return a server connection at the usual address."""
    return manager.server_connection(LOCAL)
