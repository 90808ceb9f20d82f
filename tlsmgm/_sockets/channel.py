"""A connection over a socket, for as many threads as there are.

A connection belongs to one thread at a time, so a lock is around each of its steps; and since the
socket never blocks, nothing waits under that lock.  Who has to wait does so without it, and tries
again.  Another lock gives turns to those who send, so that what one call sends leaves in one piece.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from tlsmgm._native.connection import Connection
from tlsmgm._sockets.waiting import Deadline, wait
from tlsmgm._sockets.wire import PIECE, Wait, Wire
from tlsmgm.errors import TLSError, WantWriteError

__all__ = ["Channel", "Patience"]

#: Seconds in which a server's first bytes must have come when its client has closed.
_LAST_WORDS: Final = 1.0

_T = TypeVar("_T")


class Patience(NamedTuple):
    """How long a manager lets things take, in seconds.

    Attributes:
        handshake: a whole handshake.
        goodbye: getting rid of what waits, when a socket is closed.
    """

    handshake: float
    goodbye: float


class Channel:
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
        self.lock = threading.RLock()
        self._wire = Wire(sock, connection, is_fresh)
        self._patience = patience
        self._release = release
        self._turn = threading.Lock()
        self._handshake_end = math.inf if is_fresh else None
        self._owed = b""  # encrypted, and not yet told to have been sent
        self._is_torn = False  # something that was to be sent was not
        self._users = 1  # the socket, and the files that it has made
        self._waiting = 0  # threads that wait for the descriptor
        self._is_closing = False

    # --- the handshake ---------------------------------------------------------------------

    def do_handshake(self) -> None:
        """Go on with the handshake, until it is complete."""
        end = self._handshake_end
        if end is None:
            return
        if end == math.inf:
            end = self._handshake_end = time.monotonic() + self._patience.handshake
        reason = f"the handshake took longer than {self._patience.handshake:g} seconds"
        deadline = Deadline(self.timeout, end, reason)
        deadline.left()  # what comes too late is not even looked at
        self._until(self._wire.handshake, deadline)
        self._handshake_end = None

    # --- data ------------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """Wait for data; see ``TLSSocket.recv()``."""
        if self._handshake_end is not None:
            self.do_handshake()
        return self._until(lambda: self._wire.read(size))

    def recv_into(self, buffer: memoryview) -> int:
        """Wait for data; see ``TLSSocket.recv_into()``."""
        if self._handshake_end is not None:
            self.do_handshake()
        return self._until(lambda: self._wire.read_into(buffer))

    def pending(self) -> int:
        """How many bytes can be had without the socket."""
        return 0 if self._handshake_end is not None else self._until(self._wire.look_ahead)

    def send(self, data: memoryview) -> int:
        """Send some of the data; see ``TLSSocket.send()``."""
        if self._handshake_end is not None:
            self.do_handshake()
        deadline = self._take_turn()
        try:
            if self._owed:
                self._check_repeated(data)
            piece = data[: len(self._owed) or PIECE]
            self._until(lambda: self._send_piece(piece), deadline)
        finally:
            self._turn.release()
        return len(piece)

    def _send_piece(self, piece: memoryview) -> Wait | None:
        """Encrypt, once everything older has left; what does not leave at once is owed."""
        if not self._owed:
            wanted = self._wire.send()
            if wanted is not None:
                return wanted
            self._wire.encrypt(piece)
        wanted = self._wire.send()
        self._owed = b"" if wanted is None else self._owed or bytes(piece)
        return wanted

    def sendall(self, data: memoryview) -> None:
        """Send all of the data; see ``TLSSocket.sendall()``."""
        if self._handshake_end is not None:
            self.do_handshake()
        rest: memoryview | None = data

        def go_on() -> Wait | None:
            nonlocal rest
            while (wanted := self._wire.send()) is None and rest is not None:
                piece, rest = rest[:PIECE], rest[PIECE:] or None
                self._wire.encrypt(piece)
            return wanted

        deadline = self._take_turn()
        try:
            if self._owed:
                self._check_repeated(data)
                rest, self._owed = data[len(self._owed) :], b""
            try:
                self._until(go_on, deadline)
            except BaseException:
                self._is_torn = True
                raise
        finally:
            self._turn.release()

    def _check_repeated(self, data: memoryview) -> None:
        if data[: len(self._owed)] != self._owed:
            raise ValueError("a send() that had to wait is repeated with the same data")

    # --- the end ---------------------------------------------------------------------------

    def shutdown(self, how: int) -> None:
        """Shut down one way or both; see ``TLSSocket.shutdown()``."""
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if how != socket.SHUT_WR:
            self._wire.is_deaf = True
        if how != socket.SHUT_RD and self._can_say_goodbye():
            with contextlib.suppress(TLSError):
                self._until(self._say_goodbye)
        with self.lock:
            self._check_open()
            self.sock.shutdown(how)

    def unwrap(self) -> socket.socket:
        """Say goodbye and hear the peer's; see ``TLSSocket.unwrap()``."""
        if self._handshake_end is not None:
            raise ValueError("there is no TLS to be ended, for its handshake is not complete")
        deadline = self._take_turn()
        try:
            self._until(self._wire.finish, deadline)
        finally:
            self._turn.release()
        plain = socket.socket(fileno=self.detach())
        plain.settimeout(self.timeout)
        return plain

    @property
    def behind(self) -> bytes:
        """What was received of that which stands behind the peer's close_notify."""
        with self.lock:
            return self._wire.behind

    def detach(self) -> int:
        """Give the descriptor away, without a word to the peer."""
        with self.lock:
            self._check_open()
            self._is_closing = True
            self.sock.settimeout(self.timeout)
            descriptor = self.sock.detach()
            self._release()
        return descriptor

    def share(self) -> None:
        """One more uses this."""
        with self.lock:
            self._check_open()
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
        self._is_torn = True

    def close(self) -> None:
        """Say goodbye, if all was sent that was to be sent, and close the socket."""
        try:
            if self._can_say_goodbye():
                with contextlib.suppress(OSError, TLSError):
                    self._until(self._say_goodbye, Deadline(self._at_most(self._patience.goodbye)))
                    self._until(self._hear_out, Deadline(self._at_most(_LAST_WORDS)))
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self.lock:
            if self._is_closing:
                return
            self._is_closing = True
            if self._wire.has_failed:
                self._wire.drop()
            if self._waiting == 0:
                self._release()
                return
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)  # wakes those who wait; the last one releases

    def _hear_out(self) -> Wait | None:
        may_send_tickets = self.connection.version == "TLSv1.3" and not self.connection.is_server
        self._wire.has_heard |= not may_send_tickets
        return self._wire.hear_out()

    def _at_most(self, seconds: float) -> float:
        return seconds if self.timeout is None else min(self.timeout, seconds)

    def _can_say_goodbye(self) -> bool:
        """Whether the peer may take what it has got for the whole."""
        is_whole = not (self._is_torn or self._owed or self._turn.locked())
        is_there = self._handshake_end is None and not self._is_closing
        return is_whole and is_there and not self._wire.has_failed

    def _say_goodbye(self) -> Wait | None:
        self._wire.say_goodbye()
        return self._wire.send()

    # --- waiting ---------------------------------------------------------------------------

    def _take_turn(self) -> Deadline | None:
        """Keep others from sending in between, until the turn is released.

        Returns:
            Until when the call may wait; None: it has not waited so far.
        """
        if self._turn.acquire(blocking=False):
            return None
        deadline = Deadline(self.timeout)
        left = deadline.left()
        if not deadline.waits:
            raise WantWriteError
        if not self._turn.acquire(timeout=-1 if left == math.inf else left):
            raise TimeoutError("timed out")
        return deadline

    def _until(self, step: Callable[[], _T | Wait], deadline: Deadline | None = None) -> _T:
        """Repeat a step until it is done, and wait in between."""
        while True:
            with self.lock:
                self._check_open()
                try:
                    found = step()
                except TLSError:
                    self._wire.last_words()
                    raise
                if not isinstance(found, Wait):
                    return found
                if deadline is None:
                    deadline = Deadline(self.timeout)
                self._waiting += 1
                descriptor = self.sock.fileno()
            try:
                wait(descriptor, found.wanted, deadline)
            finally:
                with self.lock:
                    self._waiting -= 1
                    if self._is_closing and self._waiting == 0:
                        self._release()

    def _check_open(self) -> None:
        if self._is_closing:
            raise OSError(errno.EBADF, "the socket was closed")
