"""A connection over a socket: what is behind ``ssl.SSLSocket``.

It takes no more from the socket than what it can hand out: records are read to their end and no
further, unless the program asks for so much that all that comes fits.  So whoever waits with
``select()`` finds that there is something to read whenever there is, as with OpenSSL.

One thread may read while another one writes.

A server's tickets of TLS 1.3 go out with its first data, or its goodbye: a client that hangs up
without reading would reset the connection over them, and what it has sent might be lost.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
import ssl
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final, NoReturn

from tlsmgm._adapters.engine import Engine
from tlsmgm._adapters.errors import refuse, want_read, want_write
from tlsmgm._adapters.maker import Maker
from tlsmgm._core.waiting import READ, WRITE, is_ready
from tlsmgm.errors import AlertError, TLSError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SocketEnd"]

#: Who asks for so many bytes gets all that came: a record has no more.
_RECORD: Final = 16384
_HEADER: Final = 5

#: The most that a record may say of its length (RFC 5246 section 6.2.3).
_LENGTH_MAX: Final = _RECORD + 2048

#: Types of records, heartbeats among them, and the first byte of all versions.
_TYPES: Final = range(20, 25)
_MAJOR: Final = 3

#: A flag of recv(2) that Windows does not have; there the socket itself says whether it waits.
_DONT_WAIT: Final[int] = getattr(socket, "MSG_DONTWAIT", 0)

#: Bytes that are encrypted at once: for a socket that waits, and for one that does not.
_PIECE: Final = 1 << 18

#: Not those of ``ssl.SSLSocket``, which would come back here, nor those of gevent's sockets, which
#: wait themselves.
_receive = _socket.socket.recv
_send = _socket.socket.send


class _Records:
    """Where records begin and end on the wire (RFC 8446 section 5.1)."""

    __slots__ = ("_head", "astray", "left")

    def __init__(self) -> None:
        self.astray = False  # what came is no TLS, so no length in it means anything
        self._head = b""
        self.left = 0  # bytes of the present record that are still to come

    def wanted(self) -> int:
        """Return how many bytes the present header or record lacks."""
        return self.left or _HEADER - len(self._head)

    def follow(self, wire: bytes) -> bool:
        """Go on with what came; true if the connection has something to say to it.

        That is so where no record is left unfinished, and where it is none: then it ends.
        """
        at, size = self.left, len(wire)
        while at < size:
            head = self._head + wire[at : at + _HEADER - len(self._head)]
            at += len(head) - len(self._head)
            if len(head) < _HEADER:
                self._head, self.left = head, 0
                return False
            length = head[3] << 8 | head[4]
            if head[0] not in _TYPES or head[1] != _MAJOR or length > _LENGTH_MAX:
                self.astray = True
                return True
            self._head = b""
            at += length
        self.left = at - size
        return self.left == 0


class SocketEnd(Engine):
    """What ``wrap_socket()`` gives to an ``ssl.SSLSocket``.

    Args:
        context: whose connection it is.
        sock: connected; it is not kept alive.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the ``ssl.SSLSocket``.
        session: to offer, or None.
    """

    __slots__ = ("_keeps_tickets", "_lock", "_records", "_sealed", "_sending", "_sock", "_unsent")

    def __init__(
        self,
        context: Maker,
        sock: socket.socket,
        is_server: bool,
        server_hostname: str | None,
        owner: object,
        session: object,
    ) -> None:
        super().__init__(context, is_server, server_hostname, owner, session)
        self._sock = weakref.ref(sock)
        self._records = _Records()
        self._lock = threading.Lock()  # of the connection
        self._sending = threading.Lock()  # so that records leave in the order in which they came
        self._unsent = memoryview(b"")
        self._keeps_tickets = False  # until something is sent, see above
        self._sealed = 0  # bytes of data in there of which the program does not know yet

    @property
    def local(self) -> tuple[str, int] | None:
        """Address and port of our end, for whoever chooses a domain by it."""
        name = self._socket().getsockname()
        return name[:2] if isinstance(name, tuple) else None

    # --- the socket ----------------------------------------------------------------------

    def _socket(self) -> socket.socket:
        sock = self._sock()
        if sock is None:
            refuse("", "Underlying socket connection gone")
        if sock.fileno() < 0:
            refuse("", "Underlying socket has been closed.")
        return sock

    def _take(self, operation: str, deadline: float | None, size: int) -> bool:
        """Receive something, and give it to the connection; true if a record is whole."""
        if self._records.astray:  # and the library waits for more of it
            refuse("WRONG_VERSION_NUMBER", "wrong version number")
        sock = self._socket()
        if deadline is not None:
            _wait(sock, operation, deadline, for_writing=False)
        try:
            wire = _receive(sock, size if size >= _RECORD else self._records.wanted())
        except BlockingIOError:
            want_read()
        except TimeoutError:
            raise _timed_out(operation) from None
        with self._lock:
            assert self._connection is not None
            if wire:
                self._connection.feed(wire)
            else:
                self._connection.feed_eof()
        return self._records.follow(wire) or not wire or size >= _RECORD

    def _send_all(self, operation: str, deadline: float | None) -> None:
        """Send what waits; for who holds the lock of sending."""
        sock = self._socket()
        while self._unsent:
            if deadline is not None:
                _wait(sock, operation, deadline, for_writing=True)
            try:
                sent = _send(sock, self._unsent)
            except BlockingIOError:
                want_write()
            except TimeoutError:
                raise _timed_out(operation) from None
            except (ConnectionResetError, BrokenPipeError):
                self._raise_alert(sock)
                raise
            self._unsent = self._unsent[sent:]

    def _raise_alert(self, sock: socket.socket) -> None:
        """Raise the alert with which a peer has hung up, if it has sent one."""
        connection = self._connection
        try:
            with self._lock:
                assert connection is not None
                connection.feed(_receive(sock, _RECORD, _DONT_WAIT))
                if self._is_open:
                    self._ahead += connection.read(_RECORD) or b""
                else:
                    connection.handshake()
        except AlertError as error:
            raise self._as_stock(error) from None
        except (OSError, TLSError):
            return

    def _flush(self, operation: str, deadline: float | None) -> None:
        """Send what the connection has for the peer."""
        with self._sending:
            self._send_all(operation, deadline)
            with self._lock:
                assert self._connection is not None
                self._unsent = memoryview(self._connection.drain())
            self._send_all(operation, deadline)

    def _flush_if_free(self) -> None:
        """The same, unless another thread is sending: that takes it along, or the next one does."""
        if self._sending.acquire(blocking=False):
            try:
                if not self._unsent and self._connection is not None:
                    with self._lock:
                        self._unsent = memoryview(self._connection.drain())
                    with contextlib.suppress(OSError):
                        self._send_all("write", None)
            finally:
                self._sending.release()

    def _fail(self, error: TLSError) -> NoReturn:
        self._flush_if_free()  # the alert
        raise self._as_stock(error) from None

    # --- handshake -----------------------------------------------------------------------

    def do_handshake(self) -> None:
        """Go on with the handshake.

        Raises:
            ssl.SSLWantReadError: the socket has no more, and does not wait.
            ssl.SSLWantWriteError: the socket takes no more, and does not wait.
            ssl.SSLError: it has failed.
            TimeoutError: it takes longer than the socket's timeout.
        """
        deadline = self._deadline()
        connection = self._connection or self._start()
        while True:
            try:
                with self._lock:
                    done = connection.handshake()
            except TLSError as error:
                self._fail(error)
            if done and self.server_side and connection.version == "TLSv1.3":
                self._keeps_tickets = connection.output_pending > 0
                break
            if self._unsent or connection.output_pending:
                self._flush("handshake", deadline)
            if done:
                break
            while not self._take("handshake", deadline, 0):
                pass
        if not self._is_open:
            self._established()

    def _deadline(self) -> float | None:
        timeout = self._socket().gettimeout()
        return time.monotonic() + timeout if timeout else None

    # --- data ----------------------------------------------------------------------------

    def read(self, size: int, buffer: Buffer | None = None) -> bytes | int:
        """Return data, or put it into a buffer and return how much.

        Args:
            size: most bytes.
            buffer: for the data, or None.

        Raises:
            ValueError: the size is negative.
            ssl.SSLWantReadError: the socket has no more, and does not wait.
            ssl.SSLError: the connection has failed, or ended without close_notify.
            TimeoutError: nothing has come within the socket's timeout.
        """
        if buffer is None:
            if size <= 0:
                if size < 0:
                    raise ValueError("size should not be negative")
                return b""
            return self._read(size)
        with memoryview(buffer) as view, view.cast("B") as room:
            if not 0 < size <= len(room):
                size = len(room)
            if size == 0:
                return 0
            data = self._read(size)
            room[: len(data)] = data
            return len(data)

    def _read(self, size: int) -> bytes:
        if not self._is_open:
            self.do_handshake()
        if self._ahead:
            return self._from_ahead(size)
        deadline = self._deadline()
        connection = self._connection
        assert connection is not None
        while True:
            try:
                with self._lock:
                    data = connection.read(size)
                    has_output = connection.output_pending
            except TLSError as error:
                self._fail(error)
            if has_output and not self._keeps_tickets:
                self._flush_if_free()
            if data:
                self._maybe_more = len(data) == size
                return data
            if data is not None:
                return self._at_end()
            while not self._take("read", deadline, size):
                pass

    def pending(self) -> int:
        """Return how many bytes of data are there already."""
        with self._lock:
            return super().pending()

    def write(self, data: Buffer) -> int:
        """Encrypt and send data, perhaps a part of it.

        Returns:
            How many bytes were sent.

        Raises:
            ssl.SSLWantWriteError: the socket takes no more; call again with the same data.
            ssl.SSLWantReadError: the handshake needs more bytes of the peer.
            ssl.SSLError: the connection has failed, or we have said goodbye.
            TimeoutError: it takes longer than the socket's timeout.
        """
        if not self._is_open:
            self.do_handshake()
        timeout = self._socket().gettimeout()
        deadline = time.monotonic() + timeout if timeout else None
        if self._shut:
            self._refuse_write()
        with memoryview(data) as view, view.cast("B") as all_of_it, self._sending:
            self._send_all("write", deadline)
            done = self._acknowledge(len(all_of_it))
            while done < len(all_of_it):
                piece = all_of_it[done : done + (_RECORD if timeout == 0 else _PIECE)]
                self._seal(piece)
                try:
                    self._send_all("write", deadline)
                except ssl.SSLWantWriteError:
                    if done == 0:
                        raise
                    break
                self._sealed = 0
                done += len(piece)
            return done

    def _acknowledge(self, size: int) -> int:
        """Return how much of the data an earlier call has encrypted; that is sent now."""
        sealed, self._sealed = self._sealed, 0
        if size < sealed:
            refuse("BAD_WRITE_RETRY", "bad write retry")
        return sealed

    def _seal(self, piece: memoryview) -> None:
        assert self._connection is not None
        try:
            with self._lock:
                self._unsent = memoryview(self._connection.encrypt(piece))
        except TLSError as error:
            with contextlib.suppress(OSError):
                self._unsent = memoryview(self._connection.drain())
                self._send_all("write", None)
            raise self._as_stock(error) from None
        self._sealed = len(piece)
        self._keeps_tickets = False

    # --- end -----------------------------------------------------------------------------

    def shutdown(self) -> socket.socket:
        """Say goodbye, and wait for the peer's.

        Returns:
            The socket.

        Raises:
            ssl.SSLWantReadError: the peer's has not come yet, and the socket does not wait.
            ssl.SSLError: the peer goes on sending data, or the connection has failed.
            TimeoutError: the peer's has not come within the socket's timeout.
        """
        deadline = self._deadline()
        with self._lock:
            done = self._say_goodbye()
        self._flush("write", deadline)
        connection = self._connection
        assert connection is not None
        while not done:
            try:
                with self._lock:
                    data = self._ahead or connection.read(1)
            except TLSError as error:
                self._fail(error)
            if data:
                self._refuse_data()
            done = data is not None
            while not done and not self._take("read", deadline, 0):
                pass
        return self._socket()


def _wait(sock: socket.socket, operation: str, deadline: float, *, for_writing: bool) -> None:
    """Wait until a socket is ready, or raise TimeoutError."""
    left = deadline - time.monotonic()
    if left < 0 or not is_ready(sock.fileno(), WRITE if for_writing else READ, left):
        raise _timed_out(operation)


def _timed_out(operation: str) -> TimeoutError:
    return TimeoutError(f"The {operation} operation timed out")
