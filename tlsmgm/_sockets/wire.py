"""Steps of a connection over a socket that does not block: no step waits, and none is locked here.

A step does what can be done now.  Where the socket must be ready first, it returns a :class:`Wait`
that says for what, and is called again.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from tlsmgm._native.connection import Connection
from tlsmgm._sockets.framing import Framing
from tlsmgm._sockets.waiting import READ, WRITE

__all__ = ["PIECE", "Wait", "Wire"]

#: Bytes that are received at once, and bytes that are encrypted at once: four records.
PIECE: Final = 65536

#: Bytes that may wait before nothing more is read.  Senders keep one piece waiting at most, so the
#: rest are answers to the peer, such as to KeyUpdate.
_MOST_UNSENT: Final = 2 * PIECE

#: How often a step receives at most.
_MOST_LOOKS: Final = 16

#: How often what a peer goes on sending is received, before its connection is closed.
_LAST_LOOKS: Final = 8

_T = TypeVar("_T", bytes, int)


class Wait:
    """A step cannot go on.

    Args:
        wanted: what the socket must be ready for, READ, WRITE or both.
    """

    __slots__ = ("wanted",)

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted


_FOR_READ: Final = Wait(READ)
_FOR_WRITE: Final = Wait(WRITE)
_FOR_EITHER: Final = Wait(READ | WRITE)


class Wire:
    """A connection, its socket, and what is on its way between the two.

    Args:
        sock: connected, and not blocking.
        connection: whose bytes it carries.
        is_fresh: whether nothing was received so far.

    Attributes:
        has_failed: whether TLS or the way to the peer has failed.
        is_shut: whether our close_notify was made, so that nothing more can be sent.
        is_deaf: whether the program wants nothing more of the peer.
        has_heard: whether anything has come since the handshake.
    """

    def __init__(self, sock: socket.socket, connection: Connection, is_fresh: bool) -> None:
        self.sock = sock
        self.connection = connection
        self.has_failed = False
        self.is_shut = False
        self.is_deaf = False
        self.has_heard = not is_fresh
        self._unsent: deque[memoryview] = deque()
        self._send_error: OSError | None = None
        self._framing = Framing(is_fresh)
        self._held: memoryview = memoryview(b"")  # received, not fed: see framing
        self._ahead = b""  # decrypted before anybody asked
        self._is_over = False  # the peer's close_notify was read

    # --- to the peer -----------------------------------------------------------------------

    def flush(self) -> bool:
        """Send what waits, in the order in which it was made; whether all of it is gone.

        An error of the socket is kept for who sends data: who reads may still find out more.
        """
        if self.connection.output_pending:
            self._unsent.append(memoryview(self.connection.drain()))
        while self._unsent:
            first = self._unsent[0]
            try:
                count = self.sock.send(first)
            except BlockingIOError:
                return False
            except OSError as error:
                self._unsent.clear()
                self._send_error = error
                self.has_failed = True
                return True
            if count < len(first):
                self._unsent[0] = first[count:]
            else:
                self._unsent.popleft()
        return True

    def send(self) -> Wait | None:
        """Send what waits, for somebody who wants to know that it is gone.

        Raises:
            OSError: it will never be.
        """
        if not self.flush():
            return _FOR_WRITE
        if self._send_error is not None:
            raise type(self._send_error)(*self._send_error.args)
        return None

    def encrypt(self, data: memoryview) -> None:
        """Make records of data, which ``send()`` sends; none of no data.

        Raises:
            BrokenPipeError: close_notify was sent.
        """
        if self.is_shut:
            raise BrokenPipeError(errno.EPIPE, "nothing can be sent behind close_notify")
        if data:
            self._unsent.append(memoryview(self.connection.encrypt(data)))

    # --- both ways -------------------------------------------------------------------------

    def handshake(self) -> Wait | None:
        """Go on with the handshake; None: it is complete, and everything was sent."""
        looks = 0
        while not self.connection.handshake():
            wanted = self._receive(PIECE, looks) if self.flush() else _FOR_WRITE
            if wanted is not None:
                return wanted
            looks += 1
        return None if self.flush() else _FOR_WRITE

    def say_goodbye(self) -> None:
        """Make our close_notify, once; what was encrypted before goes first."""
        if not self.is_shut:
            self.is_shut = True
            self.connection.shutdown()

    def last_words(self) -> None:
        """Send the alert of a connection that has failed, if there is room for it."""
        self.has_failed = True
        self.flush()

    # --- from the peer ---------------------------------------------------------------------

    def read(self, size: int) -> bytes | Wait:
        """Take data that the peer has sent; ``b""`` once it has said goodbye."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        size = min(size, PIECE)  # no more is there at once, so no more memory is needed
        return self._take(lambda: self.connection.read(size)) or b""

    def read_into(self, buffer: memoryview) -> int | Wait:
        """As ``read()``; returns the count."""
        if self._ahead:
            data = self.read(len(buffer))
            assert isinstance(data, bytes)
            buffer[: len(data)] = data
            return len(data)
        return self._take(lambda: self.connection.read_into(buffer)) or 0

    def _take(self, take: Callable[[], _T | None], size: int = PIECE) -> _T | Wait | None:
        """Read from the connection, and feed it until it gives something; None: it is over."""
        looks = 0
        while not self._is_over:
            data = take()
            if data is not None:
                self._is_over = not data
                self.flush()
                return data
            if self.is_deaf:
                return None
            wanted = self._receive(size, looks)
            if wanted is not None:
                return wanted
            looks += 1
        return None

    def look_ahead(self) -> int:
        """How many bytes can be had without the socket; at least one, if there are any."""
        while not self._ahead and not self._is_over:
            data = self.connection.read(PIECE)
            if data is None:
                if not self._held:
                    break
                self._feed(self._held)
            else:
                self._ahead = data
                self._is_over = not data
        self.flush()
        return len(self._ahead)

    def finish(self) -> Wait | None:
        """Say goodbye and hear the peer's, without a byte of what it sends behind; None: done.

        Raises:
            ValueError: the peer has sent data that nobody has read.
        """
        if self.look_ahead():
            raise _unread()
        self.say_goodbye()
        wanted = self.send()
        if wanted is not None:
            return wanted
        data = self._take(lambda: self.connection.read(PIECE), size=1)
        if isinstance(data, Wait):
            return data
        if data:
            self._ahead = data
            raise _unread()
        return None

    def hear_out(self) -> Wait | None:
        """Before the socket is closed, read what the peer has sent, and nobody will.

        Bytes that are left unread, or come later, make the system reset the peer, which may then
        lose what we have sent last.  A server of TLS 1.3 sends tickets behind the handshake, so its
        client waits for the first bytes.
        """
        for _ in range(_LAST_LOOKS):
            data = self._take(lambda: self.connection.read(PIECE))
            if isinstance(data, Wait):
                return None if self.has_heard else data
            if not data:
                break
        return None

    def drop(self) -> None:
        """The same for a connection that has failed, so that the peer can read its alert."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            for _ in range(_LAST_LOOKS):
                if not self.sock.recv(PIECE):
                    break

    @property
    def behind(self) -> bytes:
        """What the peer has sent behind its close_notify, as far as it was received."""
        return bytes(self._held) if self._is_over else b""

    def _receive(self, size: int, looks: int) -> Wait | None:
        """Feed the connection; None: go on.

        Args:
            size: bytes at most; fewer than PIECE: not beyond the record that has begun.
            looks: how often this step has received already.  Where that brings no data for long,
                others and the clock have a turn.
        """
        is_clear = self.flush()
        if self._held:
            self._feed(self._held)
            return None
        if looks >= _MOST_LOOKS:
            return _FOR_READ
        if not is_clear and sum(map(len, self._unsent)) > _MOST_UNSENT:
            return _FOR_WRITE
        if size < PIECE:
            size = self._framing.missing(PIECE)
        try:
            data = self.sock.recv(size)
        except BlockingIOError:
            return _FOR_READ if is_clear else _FOR_EITHER
        if data:
            self._feed(data)
        else:
            self.connection.feed_eof()
        return None

    def _feed(self, data: bytes | memoryview) -> None:
        self.has_heard = self.connection.handshake_complete
        count = self._framing.advance(data)
        if count == len(data):
            self._held = memoryview(b"")
            self.connection.feed(data)
        else:
            view = memoryview(data)
            self._held = view[count:]
            self.connection.feed(view[:count])


def _unread() -> ValueError:
    return ValueError("the peer has sent data: read until nothing comes, before you unwrap()")
