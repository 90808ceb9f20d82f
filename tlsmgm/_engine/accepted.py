"""Connections that the program answers itself, or sends on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import warnings
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from tlsmgm._core.connection import Given
from tlsmgm._core.handover import Handover
from tlsmgm._core.plan import UpstreamAddress
from tlsmgm._domains.addresses import join_host_port
from tlsmgm._engine.upstreams import AnyUpstream
from tlsmgm._native.connection import Connection

__all__ = ["AcceptedConnection", "Owner", "accept"]


class Owner(Protocol):
    """The engine, as a connection sees it."""

    records_without_data: int

    def relay(self, connection: AcceptedConnection, upstream: AnyUpstream) -> None:
        """Send a connection on."""

    def leave(self) -> None:
        """Give a place back."""

    def needs_lookup(self, upstream: AnyUpstream) -> bool:
        """Whether the name of an upstream must be looked up, which may take long."""

    @property
    def is_forked(self) -> bool:
        """Whether this process is a child of the one in which it works."""


class AcceptedConnection(Connection):
    """A client's connection whose handshake is done; it belongs to the program.

    A :class:`~tlsmgm.Connection` with the socket below it: carry bytes between the two, or say
    where it goes.  What the client has sent already waits in ``read()``; what ``drain()`` gives is
    to be sent first.  It has a place among the listener's limits until it is closed.
    """

    __slots__ = ("_handover", "_is_lent", "_is_open", "_owner", "_sock")

    _handover: Handover
    _owner: Owner
    _is_lent: bool  # a transport has it
    _is_open: bool  # neither closed nor sent on
    _sock: socket.socket | None  # made when somebody asks for it

    def __new__(cls, given: Given) -> Self:
        """Made by a listener alone."""
        made: Self = super().__new__(cls, given=given)
        made._is_lent = made._is_open = False
        made._sock = None
        return made

    def __init__(self, given: Given) -> None:
        """See ``__new__()``."""

    @property
    def sock(self) -> socket.socket | None:
        """The TCP socket, not blocking; None once it was closed or sent on."""
        if self._sock is None and self._handover.fileno() >= 0:
            self._sock = _socket_of(self._handover)
        return self._sock

    def fileno(self) -> int:
        """The descriptor of the socket; -1 once it was closed or sent on."""
        return self._handover.fileno() if self._sock is None else self._sock.fileno()

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the client; None: it has none.

        Where the listener takes PROXY headers, the one in the header; the socket knows its sender.
        """
        return self._handover.client

    @property
    def local(self) -> tuple[str, int] | None:
        """Address and port that it came in at, or that the PROXY header names."""
        return self._handover.local

    async def relay(self, upstream: AnyUpstream) -> None:
        """Send it on, bytes that have been received included: the engine does the rest.

        Nothing of the connection may be used after that, and ``on_end`` hears how it has ended.

        Args:
            upstream: as for :meth:`tlsmgm.TLSManager.listen`; its name is looked up in a thread.

        Raises:
            ConfigError: the upstream cannot be resolved, or has no client domain; the connection is
                still there.
            ValueError: it has ended, or was sent on.
            RuntimeError: the listener is closed.
        """
        if self._owner.needs_lookup(upstream):
            await asyncio.to_thread(self.relay_now, upstream)
        else:
            self.relay_now(upstream)

    def relay_now(self, upstream: AnyUpstream) -> None:
        """Send it on, see :meth:`relay`; blocks where the name of the upstream is looked up."""
        if not self._is_open:
            raise ValueError("the connection was closed, or sent on")
        if self._is_lent:
            raise ValueError("the connection has a transport, and cannot be sent on")
        self._owner.relay(self, upstream)

    def _send_on(
        self,
        adopt: Callable[[Handover, Connection, Callable[[], int], Sequence[UpstreamAddress]], None],
        to: Sequence[UpstreamAddress],
    ) -> None:
        """Let the engine have everything; for the listener alone."""
        sock, self._sock, self._is_open = self.sock, None, False
        if sock is None:
            raise ValueError("the connection was closed, or sent on")
        if sock.fileno() < 0:
            self._owner.leave()
            raise ValueError("the socket was closed")
        try:
            adopt(self._handover, self, sock.detach, to)
        except BaseException:
            sock.close()  # unless the engine has it
            self._owner.leave()
            raise

    def _lend(self) -> None:
        """Leave the socket to a transport: from now on nothing but :meth:`_end` closes it.

        Who closed it under a transport that still watches it would have the next socket with the
        same descriptor heard by the wrong protocol.
        """
        self._is_lent = True

    def close(self) -> None:
        """Close the socket and give the place back; what was to be said was said before.

        Where a transport has the connection, nothing happens: that is to be closed.
        """
        if not self._is_lent:
            self._end()

    def _end(self) -> None:
        """As :meth:`close`, for whoever has the socket."""
        is_open, self._is_open = self._is_open, False
        if not is_open:
            return
        sock, self._sock = self._sock, None
        if sock is None:
            self._handover.close_socket()
        else:
            sock.close()
        self._owner.leave()

    def reject(self) -> None:
        """Reset the client, so that it cannot take this for a clean end.

        Clients in Python see ``ssl.SSLEOFError``, or ``b""`` unless they turn
        ``suppress_ragged_eofs`` off: their ``ssl`` calls every reset an end of file.  Where a
        transport has the connection, nothing happens: that is to be aborted.
        """
        if not self._is_lent:
            self._reset()

    def _reset(self) -> None:
        sock = self.sock if self._is_open else None
        if sock is not None and not self._owner.is_forked:  # there it is the parent's, too
            with contextlib.suppress(OSError):  # the client has gone
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._end()

    def __repr__(self) -> str:
        """State, domain and client."""
        state = "open" if self._is_open else "closed"
        domain = "-" if self.domain is None else self.domain.name
        client = "-" if self.client is None else join_host_port(*self.client)
        return f"<AcceptedConnection {state} {domain} {client}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._is_open:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._reset()


def accept(owner: Owner, handover: Handover) -> AcceptedConnection | None:
    """Make a connection of what the engine hands over.

    Args:
        owner: the engine.
        handover: of a client that speaks TLS.

    Returns:
        The connection; None: nobody knows its domain any more, and the client is reset.

    Raises:
        MemoryError: there is none; the client is reset, as after whatever else is raised.
    """
    try:
        made = _made_of(owner, handover)
    except BaseException:
        _leave(owner, handover)
        raise
    if made is None:
        _leave(owner, handover)
    return made


def _leave(owner: Owner, handover: Handover) -> None:
    handover.discard()
    owner.leave()


def _made_of(owner: Owner, handover: Handover) -> AcceptedConnection | None:
    """See :func:`accept`; after an exception nobody but the caller has to do anything."""
    make: Callable[..., AcceptedConnection] = AcceptedConnection
    made: AcceptedConnection | None = handover.take_connection(make)
    if made is None:
        return None
    made._handover = handover
    made._owner = owner
    made.records_without_data = owner.records_without_data
    made._is_open = True  # the last of all: from here on it gives its place back
    return made


def _socket_of(handover: Handover) -> socket.socket:
    """The socket of a handover, which has none from now on, except after an exception."""
    sock = socket.socket.__new__(socket.socket)
    descriptor = handover.take_socket()
    try:
        socket.socket.__init__(sock, fileno=descriptor)
    except BaseException:
        if sock.fileno() < 0:  # else it closes it
            handover.return_socket(descriptor)
        raise
    return sock
