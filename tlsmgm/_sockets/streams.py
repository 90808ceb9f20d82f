"""A TLS socket as a file: lines, buffers and text come from :mod:`io`."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, cast

from tlsmgm._sockets.channel import Channel

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["open_stream"]


class _Stream(io.RawIOBase):
    """Reads and writes without a buffer, as :class:`socket.SocketIO` does.

    Args:
        owner: the socket, which lives as long as its files do.
        channel: what it shares with them.
        mode: ``"r"``, ``"w"`` or ``"rw"``.
    """

    def __init__(self, owner: object, channel: Channel, mode: str) -> None:
        super().__init__()
        self._owner = owner
        self._channel = channel
        self._mode = mode
        self._has_timed_out = False

    def readable(self) -> bool:
        """Whether it was opened for that."""
        self._check_open()
        return "r" in self._mode

    def writable(self) -> bool:
        """Whether it was opened for that."""
        self._check_open()
        return "w" in self._mode

    def fileno(self) -> int:
        """The descriptor of the socket."""
        self._check_open()
        return self._channel.sock.fileno()

    @property
    def mode(self) -> str:
        """How it was opened."""
        return self._mode + "b"

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Wait for data; None where the socket does not block, and there is none."""
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        if self._has_timed_out:  # a buffer above may have lost what it had got until then
            raise OSError("cannot read from a file that has timed out")
        try:
            room = memoryview(buffer)
            return self._channel.recv_into(room, room.nbytes)
        except BlockingIOError:
            return None
        except TimeoutError:
            self._has_timed_out = True
            raise

    def write(self, data: ReadableBuffer) -> int | None:
        """Send some of the data; None where the socket does not block, and has no room."""
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        try:
            return self._channel.send(data)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Close the file; the socket, too, if it was closed, and this is its last file."""
        if not self.closed:
            super().close()
            self._channel.leave()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


def open_stream(owner: object, channel: Channel, mode: str, buffering: int | None) -> IO[bytes]:
    """Make a binary file; see ``TLSSocket.makefile()``.

    Args:
        owner: the socket.
        channel: what it shares with its files.
        mode: of ``r``, ``w`` and ``b``.
        buffering: bytes; 0 is none, None or -1 the usual number.
    """
    if not set(mode) <= set("rwb"):
        raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
    if buffering == 0 and "b" not in mode:
        raise ValueError("unbuffered streams must be binary")
    ways = "".join(way for way in "rw" if way in mode) or "r"
    channel.share()  # which may fail, and what is half made would be closed
    raw = _Stream(owner, channel, ways)
    size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
    made: Any
    if size == 0:
        made = raw
    elif ways == "rw":
        made = io.BufferedRWPair(raw, raw, size)
    else:
        made = io.BufferedReader(raw, size) if ways == "r" else io.BufferedWriter(raw, size)
    return cast(IO[bytes], made)
