"""A connection between two ``ssl.MemoryBIO``: what is behind ``ssl.SSLObject``."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final, NoReturn

from tlsmgm._adapters.engine import Engine
from tlsmgm._adapters.errors import want_read
from tlsmgm._adapters.maker import Maker
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["MemoryEnd"]

#: Bytes that go through at once.
_PIECE: Final = 1 << 18


class MemoryEnd(Engine):
    """What ``wrap_bio()`` gives to an ``ssl.SSLObject``.

    Args:
        context: whose connection it is.
        incoming: holds what the peer sent; taken in pieces.
        outgoing: takes what is for the peer.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the ``ssl.SSLObject``.
        session: to offer, or None.
    """

    __slots__ = ("_incoming", "_outgoing")

    def __init__(
        self,
        context: Maker,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        is_server: bool,
        server_hostname: str | None,
        owner: object,
        session: object,
    ) -> None:
        super().__init__(context, is_server, server_hostname, owner, session)
        self._incoming = incoming
        self._outgoing = outgoing

    # --- wire ----------------------------------------------------------------------------

    def _take(self, connection: Connection) -> None:
        """Give the connection what has come, or a part of it."""
        incoming = self._incoming
        if incoming.pending:
            connection.feed(incoming.read(_PIECE))
        elif incoming.eof:
            connection.feed_eof()

    def _give(self, connection: Connection) -> None:
        wire = connection.drain()
        if wire:
            self._outgoing.write(wire)

    def _fail(self, connection: Connection, error: TLSError) -> NoReturn:
        self._give(connection)  # the alert
        raise self._as_stock(error) from None

    # --- handshake -----------------------------------------------------------------------

    def do_handshake(self) -> None:
        """Go on with the handshake.

        Raises:
            ssl.SSLWantReadError: more bytes of the peer are needed.
            ssl.SSLError: it has failed.
        """
        connection = self._connection or self._start()
        self._take(connection)
        try:
            done = connection.handshake()
        except TLSError as error:
            self._fail(connection, error)
        wire = connection.drain()
        if wire:
            self._outgoing.write(wire)
        if not done:
            want_read()
        if not self._is_open:
            self._established()
            self._maybe_more = True

    # --- data ----------------------------------------------------------------------------

    def read(self, size: int, buffer: Buffer | None = None) -> bytes | int:
        """Return data, or put it into a buffer and return how much.

        Args:
            size: most bytes.
            buffer: for the data, or None.

        Raises:
            ValueError: the size is negative.
            ssl.SSLWantReadError: more bytes of the peer are needed.
            ssl.SSLError: the connection has failed, or ended without close_notify.
        """
        if buffer is not None:
            return self._read_into(size, buffer)
        if size <= 0:
            if size < 0:
                raise ValueError("size should not be negative")
            return b""
        if not self._is_open:
            self.do_handshake()
        if self._ahead:
            return self._from_ahead(size)
        connection = self._connection
        assert connection is not None
        data = None
        try:
            if not self._maybe_more and 0 < self._incoming.pending <= size:
                data = connection.decrypt(self._incoming.read())
                if data is not None and len(data) > size:  # a record had begun before
                    data, self._ahead = data[:size], data[size:]
            while data is None:
                if not self._maybe_more:
                    self._take(connection)
                data = connection.read(size)
                self._maybe_more = False
                if data is None and not self._incoming.pending:
                    self._no_data(connection)
        except TLSError as error:
            self._fail(connection, error)
        if connection.output_pending:
            self._give(connection)
        if not data:
            return self._at_end()
        self._maybe_more = len(data) == size
        return data

    def _no_data(self, connection: Connection) -> NoReturn:
        """All that has come is read: there is more to come, or there is not."""
        if connection.output_pending:
            self._give(connection)
        if self._incoming.eof:
            connection.feed_eof()
            connection.read(1)  # raises
        want_read()

    def _read_into(self, size: int, buffer: Buffer) -> int:
        with memoryview(buffer) as view, view.cast("B") as room:
            if not 0 < size <= len(room):
                size = len(room)
            if size == 0:
                return 0
            if self._is_open and not self._ahead and self._connection is not None:
                return self._straight_into(self._connection, room[:size])
            data = self.read(size)
            assert isinstance(data, bytes)
            room[: len(data)] = data
            return len(data)

    def _straight_into(self, connection: Connection, room: memoryview) -> int:
        count = None
        try:
            while count is None:
                if not self._maybe_more:
                    self._take(connection)
                count = connection.read_into(room)
                self._maybe_more = False
                if count is None and not self._incoming.pending:
                    self._no_data(connection)
        except TLSError as error:
            self._fail(connection, error)
        if connection.output_pending:
            self._give(connection)
        if count == 0:
            self._at_end()
        self._maybe_more = count == len(room)
        return count

    def write(self, data: Buffer) -> int:
        """Encrypt data, all of it.

        Raises:
            ssl.SSLWantReadError: the handshake needs more bytes of the peer.
            ssl.SSLError: the connection has failed, or we have said goodbye.
        """
        if not self._is_open:
            self.do_handshake()
        connection = self._connection
        assert connection is not None
        if self._shut:
            self._refuse_write()
        size = len(data) if isinstance(data, bytes) else memoryview(data).nbytes
        try:
            if size <= _PIECE:
                self._outgoing.write(connection.encrypt(data))
            else:
                self._write_long(connection, data)
        except TLSError as error:
            self._fail(connection, error)
        return size

    def _write_long(self, connection: Connection, data: Buffer) -> None:
        """In pieces, which stay in the processor's cache on their way."""
        with memoryview(data) as whole, whole.cast("B") as view:
            for at in range(0, len(view), _PIECE):
                self._outgoing.write(connection.encrypt(view[at : at + _PIECE]))

    # --- end -----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Say goodbye, and hear the peer's.

        Raises:
            ssl.SSLWantReadError: the peer's has not come yet.
            ssl.SSLError: the peer goes on sending data, or the connection has failed.
        """
        done = self._say_goodbye()
        connection = self._connection
        assert connection is not None
        self._give(connection)
        if done:
            return
        data: bytes | None = self._ahead or None
        try:
            while data is None:
                self._take(connection)
                data = connection.read(1)
                if data is None and not self._incoming.pending:
                    self._no_data(connection)
        except TLSError as error:
            self._fail(connection, error)
        if data:
            self._refuse_data()
