"""A wire for as many threads as there are: a lock, who waits and until when, whose turn it is.

A connection belongs to one thread at a time, so a lock is around each of its steps; and since the
socket never blocks, nothing waits under that lock.  Who has to wait does so without it, and tries
again.  Another lock gives turns to those who send, so that what one call sends leaves in one piece.
"""

from collections.abc import Callable
from threading import Lock, RLock
from typing import Literal, Self, TypeVar

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.connection import Connection
from tlsmgm._core.waiting import Deadline
from tlsmgm._core.wire import Wire

_T = TypeVar("_T")

class Line:
    """A connection over a socket, with the calls that carry data.

    Args:
        connection: whose bytes it carries.
        descriptor: of the socket, which is connected, and does not block.
        release: closes the socket; called once, by whoever uses it last.
        is_fresh: whether the handshake has not begun.
    """

    def __new__(
        cls,
        connection: Connection,
        descriptor: int,
        release: Callable[[], object],
        is_fresh: bool,
    ) -> Self: ...
    timeout: float | None
    is_fresh: bool
    is_torn: bool
    is_closing: bool
    @property
    def is_forgotten(self) -> bool:
        """Whether this is a forked process, in which nobody may use it."""
    @property
    def wire(self) -> Wire:
        """The steps, for whoever has the lock."""
    @property
    def lock(self) -> RLock:
        """Is around each use of the connection."""
    @property
    def turn(self) -> Lock:
        """Of those who send."""
    @property
    def owed(self) -> bytes:
        """Data that was encrypted, and is not yet told to have been sent."""
    @property
    def release(self) -> Callable[[], object]:
        """Closes the socket."""
    @property
    def waiting(self) -> int:
        """How many threads wait for the descriptor."""
    def do_handshake(self) -> None:
        """Goes on with the handshake, until it is complete."""
    def recv(self, size: int) -> bytes:
        """Waits for data; see ``TLSSocket.recv()``."""
    def recv_into(self, buffer: WriteableBuffer, size: int) -> int:
        """Waits for data; see ``TLSSocket.recv_into()``."""
    def send(self, data: ReadableBuffer) -> int:
        """Sends some of the data; see ``TLSSocket.send()``."""
    def sendall(self, data: ReadableBuffer) -> None:
        """Sends all of the data; see ``TLSSocket.sendall()``."""
    def turn_begins(self) -> Deadline | None:
        """Keeps others from sending in between, until ``turn`` is released.

        Returns:
            Until when the call may wait; None: it has not waited so far.
        """
    def until(
        self, step: Callable[[], _T | Literal[False]], deadline: Deadline | None = None
    ) -> _T:
        """Repeats a step of the wire until it is done, and waits in between.

        Args:
            step: returns false where it has to wait.
            deadline: until when; None: as the timeout says.
        """
    def check_open(self) -> None:
        """Refuses where nobody may use the socket any more."""
    def forget(self) -> None:
        """In a forked process: from now on nobody uses it, and nothing is said to the peer.

        Another thread may have had the locks, which nobody in here would open.
        """
