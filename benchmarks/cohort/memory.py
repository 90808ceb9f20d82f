"""TLS in memory: the face that every library gets, so that one driver can time them all.

An entrant makes ends of connections. An end takes and gives wire bytes in three ways, and each
of them is one call, so that all pay the same for being wrapped::

    step(wire)  -> complete, wire     the handshake
    seal(data)  -> wire               application data to send
    open(wire)  -> data               application data that came

What a driver times is the server's calls alone, by the CPU clock of the thread; making the end is
the first of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

from benchmarks.cohort.setting import Facts, Identity, Setting

__all__ = ["READ_SIZE", "Accept", "ClientEnd", "Connect", "End", "Entrant", "handshake"]

#: Bytes that an end asks its library for at a time.
READ_SIZE: Final = 65536

#: A handshake takes two or three flights of the server, and one more with HelloRetryRequest.
_FLIGHTS: Final = 6


class End(Protocol):
    """One end of a connection, in memory."""

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake.

        Args:
            wire: what the other end sent.

        Returns:
            Whether the handshake is complete, and what to send to the other end.
        """

    def seal(self, data: bytes) -> bytes:
        """Send application data; all of it is taken.

        Args:
            data: what to send.

        Returns:
            Wire bytes for the other end.
        """

    def open(self, wire: bytes) -> bytes:
        """Take application data, and tickets on the way.

        Args:
            wire: what the other end sent.

        Returns:
            The data that is complete.
        """

    def facts(self) -> Facts:
        """Say what was negotiated; the handshake must be complete."""

    def close(self) -> None:
        """Let go of everything; the end is of no use any more."""


class ClientEnd(End, Protocol):
    """The end that begins: its first ``step`` takes nothing."""

    def session(self) -> object | None:
        """Return what the entrant's ``Connect`` takes to resume; None if no ticket came."""


#: Begins a connection on the server's side.
Accept = Callable[[], End]

#: Begins a connection on the client's side; takes a session to offer, or None.
Connect = Callable[[object | None], ClientEnd]


class Entrant(ABC):
    """A way of doing TLS from Python.

    Attributes:
        name: for tables.
        library: name and version of the TLS library.
        resumes: whether its servers take the sessions that they have given.
    """

    name: str
    library: str
    resumes: bool = True

    @abstractmethod
    def server(self, identity: Identity, setting: Setting) -> Accept:
        """Make what servers share, and return what begins a connection.

        Args:
            identity: certificate and key; the CA of clients for mutual TLS.
            setting: what is pinned. What the library's Python names cannot pin on a server, the
                client pins; ``check_facts`` proves it.

        Raises:
            Absent: the library cannot do what is pinned.
        """

    @abstractmethod
    def client(self, identity: Identity, setting: Setting) -> Connect:
        """Make what clients share, and return what begins a connection.

        Clients do not verify the server, because it is the server's cost that is compared.

        Args:
            identity: has the client's certificate and key, shown if the setting is mutual.
            setting: what is pinned.

        Raises:
            Absent: the library cannot do what is pinned.
        """


def handshake(client: ClientEnd, server: End) -> None:
    """Complete a handshake on both ends, tickets included.

    Args:
        client: a new client.
        server: a new server.

    Raises:
        RuntimeError: the ends never come to an end. What the libraries raise goes through.
    """
    client_done, wire = client.step(b"")
    for _ in range(_FLIGHTS):
        server_done, answer = server.step(wire)
        if client_done:
            client.open(answer)  # tickets of TLS 1.3
            wire = b""
        else:
            client_done, wire = client.step(answer)
        if client_done and server_done:
            return
    raise RuntimeError(f"the handshake of {client!r} and {server!r} is stuck")
