"""Connections: bytes in, bytes out, and a TLS library in between."""

from collections.abc import Callable
from typing import Protocol, Self, overload, type_check_only

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.beginning import Beginning
from tlsmgm._core.context import Context
from tlsmgm._core.selector import Selector
from tlsmgm._core.session import Session

@type_check_only
class _SessionKeeper(Protocol):
    """Who takes the sessions of a client's connection, to offer them again."""

    def keep(self, session: Session, version: str | None) -> None:
        """Take a session that the server has given; the version is that of its connection."""
    def give_up(self) -> None:
        """Forget the session that was offered: the handshake has failed."""

class Given:
    """A connection that the engine has made, on its way to a :class:`Connection`."""

class Connection(Beginning):
    """One TLS connection without I/O.

    Feed it what the peer sent, carry what ``drain()`` gives to the peer, and read and write in
    between. Made by ``TLSManager.server_connection()`` and ``client_connection()``.

    Args:
        context: the context of a client, or of a server that answers whatever name is sent.
        selector: instead of a context: chooses the server's context by address and name.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
        hello_limit: server: bytes of the largest ClientHello that is read; 0: as the selector says.
        server_name: client: bytes of the name to send (RFC 6066 section 3), or None.
        verify_name: client: bytes of the host name or IP address to check, or None.
        session: client: a session to offer, or None.
        keeper: client: takes the session that the server gives, see :mod:`tlsmgm._native.sessions`.
        chooser: instead of a context or selector: a function that is given the name and the ALPN
            list of the ClientHello, bytes or None each, and returns the Context that answers. What
            it raises ends the handshake, with the ``alert`` of the exception if it has one.
        given: instead of everything else: a connection that the engine has made.

    A connection belongs to one thread at a time; a second one that enters gets RuntimeError.
    A peer whose TLS records bring no data, ``records_without_data`` of them in a row, has its
    connection ended by ProtocolError: answers to KeyUpdate cost more than it costs to ask for them.
    0 is no bound but the library's.

    ``ended`` may be read by any thread: nothing more can be sent, for the peer or we have closed,
    the transport has ended, or the connection has failed, as far as the calls so far have shown.
    """

    @overload
    def __new__(cls, *, given: Given) -> Self: ...
    @overload
    def __new__(
        cls,
        context: Context,
        *,
        server_name: bytes | None = None,
        verify_name: bytes | None = None,
        session: Session | None = None,
        keeper: _SessionKeeper | None = None,
    ) -> Self: ...
    @overload
    def __new__(
        cls, *, selector: Selector, address: bytes, port: int = 0, hello_limit: int = 0
    ) -> Self: ...
    @overload
    def __new__(
        cls, *, chooser: Callable[[bytes | None, bytes | None], Context], hello_limit: int = 0
    ) -> Self: ...
    records_without_data: int
    """TLS records in a row that may bring no data once data may flow; 0: no bound."""

    # Wire bytes.
    def feed(self, data: ReadableBuffer) -> None:
        """Takes bytes that the peer sent.

        Args:
            data: any contiguous buffer of bytes. A ``bytes`` object is kept until it is read,
                anything else is copied.

        Raises:
            NoMemoryError: more than 4 MiB wait unread; read the connection before feeding it.
        """
    def feed_eof(self) -> None:
        """Tells that the transport has ended; what was fed before can still be read."""
    def drain(self) -> bytes:
        """All bytes that wait for the peer; also after an error, when they hold the alert."""
    @property
    def output_pending(self) -> int:
        """How many bytes wait for ``drain()``."""

    # Both at once.
    def decrypt(self, wire: ReadableBuffer) -> bytes | None:
        """``feed()`` and ``read()`` in one call: for data that comes as it does from a socket.

        Args:
            wire: bytes that the peer sent, as ``feed()`` takes them; may be empty.

        Returns:
            All data that is whole now, as ``bytes``; None when there is none yet, perhaps because
            of the handshake, for which something may wait in ``drain()``; ``b""`` once the peer
            has closed with close_notify. Behind data, the next call tells that, and what fails.

        Raises:
            NoMemoryError: as ``feed()``.
            TruncatedError: as ``read()``.
            TLSError: as ``handshake()``.
        """
    def encrypt(self, data: ReadableBuffer) -> bytes:
        """``write()`` and ``drain()`` in one call, however long data is.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            ``bytes`` for the peer: what waited before, and all of data in records.

        Raises:
            ValueError: the handshake is not complete, or shutdown() was called.
            TLSError: the connection has failed.
        """

    # The TLS connection.
    def handshake(self) -> bool:
        """Goes on with the handshake.

        Returns:
            True once it is complete, False when more bytes of the peer are needed.

        Raises:
            NoDomainError: no server domain answers (alert 112 waits in ``drain()``).
            VerificationError: the peer's certificate was refused.
            AlertError: the peer refused us.
            ProtocolError: the peer broke the protocol.
            TruncatedError: the transport ended before the handshake did.
        """
    def read(self, size: int = 65536) -> bytes | None:
        """Application data.

        Args:
            size: most bytes to return.

        Returns:
            ``bytes``; None when more wire bytes are needed; ``b""`` once the peer has closed
            with close_notify.

        Raises:
            TruncatedError: the transport ended without close_notify (RFC 8446 section 6.1).
            TLSError: as ``handshake()``.
        """
    def read_into(self, buffer: WriteableBuffer) -> int | None:
        """As ``read()``, into a writable buffer; returns the count, 0 when the peer closed."""
    def write(self, data: ReadableBuffer) -> int:
        """Encrypts application data.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            How many bytes were taken; fewer than given, perhaps 0, when 256 KiB of output or more
            wait for ``drain()``.

        Raises:
            ValueError: the handshake is not complete, or shutdown() was called.
            TLSError: the connection has failed.
        """
    def shutdown(self) -> bool:
        """Sends close_notify, once; reading goes on until the peer's own arrives.

        Returns:
            True when the peer has closed, too.
        """
