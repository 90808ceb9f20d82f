"""A connection over a socket: its handshake, and its end.

How it carries data, and for how many threads, is :mod:`tlsmgm._core.line`'s matter.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import socket
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from tlsmgm._core.line import Line
from tlsmgm._core.waiting import Deadline
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

__all__ = ["Channel", "Patience"]

#: Seconds in which a server's first bytes must have come when its client has closed.
_LAST_WORDS: Final = 1.0


class Patience(NamedTuple):
    """How long a manager lets things take, in seconds.

    Attributes:
        handshake: a whole handshake.
        goodbye: getting rid of what waits, when a socket is closed.
    """

    handshake: float
    goodbye: float


class Channel(Line):
    """What a TLS socket and its files share.

    Args:
        sock: connected; from now on it does not block.
        connection: whose bytes it carries.
        patience: of the manager.
        release: closes the socket.
        is_fresh: whether the handshake has not begun.

    Attributes:
        timeout: seconds that a call may take; None: as long as it takes; 0: no call waits.
        lock: is held around each use of the connection.
    """

    def __new__(
        cls,
        sock: socket.socket,
        connection: Connection,
        patience: Patience,
        release: Callable[[], object],
        is_fresh: bool,
    ) -> Channel:
        """Give the line what it needs."""
        return super().__new__(cls, connection, sock.fileno(), release, is_fresh)

    def __init__(
        self,
        sock: socket.socket,
        connection: Connection,
        patience: Patience,
        release: Callable[[], object],
        is_fresh: bool,
    ) -> None:
        self.timeout = sock.gettimeout() if is_fresh else None
        sock.setblocking(False)
        self.sock = sock
        self.connection = connection
        self._patience = patience
        self._handshake_end = math.inf
        self._users = 1  # the socket, and the files that it has made

    # --- the handshake ---------------------------------------------------------------------

    def do_handshake(self) -> None:
        """Go on with the handshake, until it is complete."""
        if not self.is_fresh:
            return
        if self._handshake_end == math.inf:
            self._handshake_end = time.monotonic() + self._patience.handshake
        reason = f"the handshake took longer than {self._patience.handshake:g} seconds"
        deadline = Deadline(self.timeout, self._handshake_end, reason)
        deadline.left()  # what comes too late is not even looked at
        self.until(self.wire.handshake, deadline)
        self.is_fresh = False

    def pending(self) -> int:
        """How many bytes can be had without the socket."""
        return 0 if self.is_fresh else self.until(self.wire.look_ahead)

    # --- the end ---------------------------------------------------------------------------

    def shutdown(self, how: int) -> None:
        """Shut down one way or both; see ``TLSSocket.shutdown()``."""
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if how != socket.SHUT_WR:
            self.wire.is_deaf = True
        if how != socket.SHUT_RD and self._can_say_goodbye():
            with contextlib.suppress(TLSError):
                self.until(self.wire.say_goodbye)
        with self.lock:
            self.check_open()
            self.sock.shutdown(how)

    def unwrap(self) -> socket.socket:
        """Say goodbye and hear the peer's; see ``TLSSocket.unwrap()``."""
        if self.is_fresh:
            raise ValueError("there is no TLS to be ended, for its handshake is not complete")
        deadline = self.turn_begins()
        try:
            self.until(self.wire.finish, deadline)
        finally:
            self.turn.release()
        plain = socket.socket(fileno=self.detach())
        plain.settimeout(self.timeout)
        return plain

    @property
    def behind(self) -> bytes:
        """What was received of that which stands behind the peer's close_notify."""
        with self.lock:
            return self.wire.behind

    def detach(self) -> int:
        """Give the descriptor away, without a word to the peer."""
        with self.lock:
            self.check_open()
            self.is_closing = True
            self.sock.settimeout(self.timeout)
            descriptor = self.sock.detach()
            self.release()
        return descriptor

    def share(self) -> None:
        """One more uses this."""
        with self.lock:
            self.check_open()
            self._users += 1

    def leave(self) -> None:
        """One fewer uses this; the last one closes it."""
        with self.lock:
            self._users -= 1
            if self._users > 0:
                return
        self.close()

    def tear(self) -> None:
        """Say no goodbye in the end: what the peer has got is not the whole of it."""
        self.is_torn = True

    def close(self) -> None:
        """Say goodbye, if all was sent that was to be sent, and close the socket."""
        try:
            if self._can_say_goodbye():
                with contextlib.suppress(OSError, TLSError):
                    self.until(
                        self.wire.say_goodbye, Deadline(self._at_most(self._patience.goodbye))
                    )
                    self.until(self._hear_out, Deadline(self._at_most(_LAST_WORDS)))
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self.lock:
            if self.is_closing:
                return
            self.is_closing = True
            if self.wire.has_failed:
                self.wire.drop(self.sock)
            if self.waiting == 0:
                self.release()
                return
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)  # wakes those who wait; the last one releases

    def _hear_out(self) -> bool:
        may_send_tickets = self.connection.version == "TLSv1.3" and not self.connection.is_server
        self.wire.has_heard |= not may_send_tickets
        return self.wire.hear_out()

    def _at_most(self, seconds: float) -> float:
        return seconds if self.timeout is None else min(self.timeout, seconds)

    def _can_say_goodbye(self) -> bool:
        """Whether the peer may take what it has got for the whole."""
        is_whole = not (self.is_torn or self.owed or self.turn.locked())
        is_there = not self.is_fresh and not self.is_closing
        return is_whole and is_there and not self.wire.has_failed
