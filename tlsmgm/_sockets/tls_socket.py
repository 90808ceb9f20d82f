"""TLS over a socket, for threads: what ``TLSManager.wrap_socket()`` returns."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
import warnings
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, Self

from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._native.connection import Connection
from tlsmgm._serving.limits import DEFAULT_HANDSHAKE_TIMEOUT, DEFAULT_SEND_TIMEOUT
from tlsmgm._sockets.channel import Channel, Patience
from tlsmgm._sockets.ends import take_over
from tlsmgm._sockets.forks import belongs_to_this_process
from tlsmgm._sockets.streams import open_stream

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["TLSSocket", "wrap"]


class TLSSocket:
    """A connection with its socket, to be used like a :class:`socket.socket`.

    Made by :meth:`TLSManager.wrap_socket`, or of a listener's connection by :meth:`from_accepted`.
    Timeouts, ``makefile()`` and errors are those of sockets; what TLS has against the peer is a
    :class:`TLSError`, and an end without close_notify a :class:`TruncatedError`.

    Any thread may call any method at any time.  One that waits to receive keeps none from sending,
    and what one call of ``sendall()`` sends is never mixed with that of another.

    Where the socket does not block, ``WantReadError`` and ``WantWriteError``, which are
    :class:`BlockingIOError`, say what it has to be ready for.  A selector knows nothing of data
    that was decrypted already: call ``recv()`` until it raises, or ask ``pending()``.

    It belongs to the process that has made it.  In a forked one it is closed, in silence: calls
    raise OSError, and the connection of the parent goes on.

    A block of ``with`` that ends by an exception closes the socket without close_notify, so that
    the peer does not take a part for the whole.

    Attributes:
        connection: what was negotiated, who the peer is, and ``expand()``.  While other threads
            use the socket, look at it within :meth:`hold`.
    """

    __slots__ = ("__weakref__", "_channel", "_is_closed", "_is_unwrapped", "connection")

    connection: Connection

    def __init__(self, channel: Channel) -> None:
        self._is_closed = False
        self._is_unwrapped = False
        self._channel = channel
        self.connection = channel.connection
        belongs_to_this_process(channel)

    @classmethod
    def from_accepted(cls, connection: AcceptedConnection) -> TLSSocket:
        """Carry on with a connection of a listener, whose handshake is done, in a thread.

        Nothing that the client has sent is lost.  The place among the listener's limits is given
        back when the socket is closed.

        Args:
            connection: belongs to the new socket, which blocks.

        Raises:
            ValueError: it was closed, or sent on.
        """
        if connection.sock is None:
            raise ValueError("the connection was closed, or sent on")
        patience = Patience(DEFAULT_HANDSHAKE_TIMEOUT, DEFAULT_SEND_TIMEOUT)
        return cls(Channel(connection.sock, connection, patience, connection.close, False))

    # --- data ----------------------------------------------------------------------------------

    def do_handshake(self) -> None:
        """Do the handshake, or go on with it; ``recv()`` and ``send()`` do so as well.

        Beside the timeout of the socket, the manager's ``handshake_timeout`` counts, from the first
        call on, however the bytes of the peer drip.

        Raises:
            TimeoutError: the time is up.
            HandshakeError: the handshake has failed; an alert was sent.
            TLSError: as ``Connection.handshake()``.
        """
        self._open.do_handshake()

    def recv(self, size: int) -> bytes:
        """Wait for data.

        Args:
            size: most bytes to return.

        Returns:
            Data; ``b""`` once the peer has sent close_notify.

        Raises:
            TimeoutError: nothing has come in time.
            WantReadError: the socket does not block, and nothing has come.
            TruncatedError: the transport has ended without close_notify; data may be missing.
            TLSError: the connection has failed.
            OSError: the network has, or the socket was closed.
        """
        if size < 0:
            raise ValueError("negative size")
        return self._open.recv(size) if size else b""

    def recv_into(self, buffer: WriteableBuffer, size: int = 0) -> int:
        """As ``recv()``, into a buffer.

        Args:
            buffer: any that can be written.
            size: most bytes; 0: as many as the buffer has.

        Returns:
            How many bytes; 0 once the peer has sent close_notify.
        """
        view = memoryview(buffer)
        if view.readonly:
            raise TypeError("recv_into() needs a buffer that can be written")
        if not 0 <= size <= view.nbytes:
            raise ValueError("the buffer is smaller than that, or the size negative")
        size = size or view.nbytes
        return self._open.recv_into(view, size) if size else 0

    def send(self, data: ReadableBuffer) -> int:
        """Send data, or the first part of it.

        When this raises TimeoutError or WantWriteError, a part may be on its way: call it again
        with the same data.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            How many bytes were sent.

        Raises:
            TimeoutError: there was no room in time.
            WantWriteError: the socket does not block, and there is no room.
            ValueError: the call before this one had to wait, and had other data.
            BrokenPipeError: close_notify was sent, or the peer has gone.
            TLSError: the connection has failed.
            OSError: the network has, or the socket was closed.
        """
        return self._open.send(data)

    def sendall(self, data: ReadableBuffer) -> None:
        """Send all of the data, within the timeout.

        If this fails, nobody knows how much was sent, and the socket is closed without
        close_notify.

        Args:
            data: any contiguous buffer of bytes.

        Raises:
            OSError: as ``send()``.
            TLSError: the connection has failed.
        """
        self._open.sendall(data)

    def read(self, size: int = 65536) -> bytes:
        """As ``recv()``."""
        return self.recv(size)

    def write(self, data: ReadableBuffer) -> int:
        """As ``send()``."""
        return self.send(data)

    def pending(self) -> int:
        """How many bytes ``recv()`` can return without the socket: they are decrypted already.

        Raises:
            TLSError: the connection has failed.
        """
        return self._open.pending()

    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Make a file of it, as :meth:`socket.socket.makefile` does.

        The connection ends when the socket and all of its files are closed.

        Args:
            mode: of ``r``, ``w`` and ``b``.
            buffering: bytes; 0 is none, for binary modes.
            encoding: of text.
            errors: what is done about text that cannot be coded.
            newline: how lines of text end.
        """
        binary = open_stream(self, self._open, mode, buffering)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding, errors, newline)

    # --- times ---------------------------------------------------------------------------------

    @property
    def timeout(self) -> float | None:
        """Seconds that a call may take; None: as long as it takes; 0: no call waits."""
        return self._channel.timeout

    def gettimeout(self) -> float | None:
        """As ``timeout``."""
        return self._channel.timeout

    def settimeout(self, timeout: float | None) -> None:
        """Set the timeout of the calls that follow.

        Args:
            timeout: seconds that a call may take, all of its waiting together; None: as long as it
                takes; 0: no call waits.

        Raises:
            ValueError: it is below 0, or no number.
        """
        if timeout is not None and not timeout >= 0:  # nor is NaN
            raise ValueError("timeout value out of range")
        self._channel.timeout = timeout

    def setblocking(self, blocking: bool) -> None:
        """Set the timeout to None, or to 0."""
        self._channel.timeout = None if blocking else 0.0

    def getblocking(self) -> bool:
        """Whether calls wait."""
        return self._channel.timeout != 0

    # --- the end -------------------------------------------------------------------------------

    def shutdown(self, how: int) -> None:
        """End one direction, or both.

        Args:
            how: ``socket.SHUT_WR`` sends close_notify and ends our direction of the transport, and
                the peer can still send; ``SHUT_RD`` has ``recv()`` return ``b""``, also where it
                waits in another thread; ``SHUT_RDWR`` does both.

        Raises:
            OSError: as that of sockets.
        """
        self._open.shutdown(how)

    def unwrap(self) -> socket.socket:
        """End TLS on both sides by close_notify, and go on without it.

        Nothing is read beyond the peer's close_notify.  What was read before, along with it, is in
        :attr:`behind`; of a listener's connection, it is lost.

        Returns:
            The plain socket, with the timeout of this one, which is closed then.

        Raises:
            ValueError: the handshake is not complete, or the peer has sent data that nobody has
                read; read until ``b""`` comes.
            TruncatedError: the peer has gone without close_notify.
            OSError: as ``recv()`` and ``send()``; call it again after a timeout.
        """
        plain = self._open.unwrap()
        self._is_closed = self._is_unwrapped = True
        return plain

    @property
    def behind(self) -> bytes:
        """What the peer has sent behind its close_notify, as far as it came along with that."""
        return self._channel.behind

    def detach(self) -> int:
        """Give the descriptor away, without a word to the peer."""
        descriptor = self._open.detach()
        self._is_closed = True
        return descriptor

    def close(self) -> None:
        """Send close_notify, and close the socket, once its files are closed, too.

        There is no close_notify where something that was to be sent was not: then the peer sees
        that the end is missing.  Another thread that waits for the socket gets OSError.

        This waits for room no longer than the timeout and the manager's ``send_timeout``.  A client
        of TLS 1.3 that has heard nothing since its handshake then waits for the server's first
        bytes, a second at most: tickets that came later would have the server reset.
        """
        if not self._is_closed:
            self._is_closed = True
            self._channel.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._channel.tear()
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_is_closed", True) and not self._channel.is_forgotten:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._channel.tear()
            self.close()

    # --- the socket ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def hold(self) -> Iterator[Connection]:
        """Keep other threads from using the connection, for as long as the block lasts.

        Yields:
            The connection.  Do nothing with it that takes long.
        """
        with self._channel.lock:
            yield self.connection

    def fileno(self) -> int:
        """The descriptor; -1 after the end."""
        return -1 if self._is_closed else self._channel.sock.fileno()

    def getpeername(self) -> Any:
        """Address of the peer."""
        return self._open.sock.getpeername()

    def getsockname(self) -> Any:
        """Address of our end."""
        return self._open.sock.getsockname()

    @property
    def family(self) -> int:
        """The family of its addresses."""
        return self._channel.sock.family

    @property
    def type(self) -> int:
        """``socket.SOCK_STREAM``."""
        return self._channel.sock.type

    @property
    def proto(self) -> int:
        """The protocol below TLS."""
        return self._channel.sock.proto

    def getsockopt(self, level: int, option: int, size: int | None = None) -> Any:
        """See :meth:`socket.socket.getsockopt`."""
        get = self._open.sock.getsockopt
        return get(level, option) if size is None else get(level, option, size)

    def setsockopt(self, level: int, option: int, value: int | ReadableBuffer) -> None:
        """See :meth:`socket.socket.setsockopt`."""
        self._open.sock.setsockopt(level, option, value)

    @property
    def _open(self) -> Channel:
        """The channel, for calls that need the socket."""
        if self._is_unwrapped:
            raise OSError(errno.EBADF, "TLS has ended; use the socket that unwrap() returned")
        if self._is_closed:
            raise OSError(errno.EBADF, "the socket was closed")
        return self._channel

    def __repr__(self) -> str:
        """Descriptor, side, library and state; no secrets."""
        with self.hold() as connection:
            return f"<TLSSocket fd={self.fileno()} {connection!r}>"


def wrap(
    sock: socket.socket, connection: Connection, patience: Patience, do_handshake: bool
) -> TLSSocket:
    """Make a TLS socket; see ``TLSManager.wrap_socket()``.

    Args:
        sock: is emptied.
        connection: has seen no byte yet.
        patience: of the manager.
        do_handshake: whether to do it now.
    """
    taken = take_over(sock)
    made = TLSSocket(Channel(taken, connection, patience, taken.close, True))
    if do_handshake:
        try:
            made.do_handshake()
        except BaseException:
            made.close()
            raise
    return made
