"""A connection over a socket: the steps that ``ssl.SSLSocket`` asks for.

It takes no more from the socket than what it can hand out: records are read to their end and no
further, unless the program asks for so much that all that comes fits.  So whoever waits with
``select()`` finds that there is something to read whenever there is, as with OpenSSL.

One thread may read while another one writes.  Who has to wait tries first, and waits only where
the socket says so; one that blocks does the waiting itself.

A server's tickets of TLS 1.3 go out with its first data, or its goodbye: a client that hangs up
without reading would reset the connection over them, and what it has sent might be lost.

:mod:`tlsmgm._adapters` makes a class of this.
"""

import socket
from typing import Any

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.memory_end import End

class SocketSteps(End):
    """A connection and its socket.

    Args:
        context: whose connection it is.
        sock: connected; it is not kept alive.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the ``ssl.SSLSocket``.
        session: to offer, or None.
    """

    def __init__(
        self,
        context: Any,
        sock: socket.socket,
        is_server: bool,
        server_hostname: str | None,
        owner: object,
        session: object,
    ) -> None: ...
    def _socket(self) -> socket.socket: ...

def do_handshake(end: SocketSteps) -> None:
    """Go on with the handshake.

    Args:
        end: whose connection it is.

    Raises:
        ssl.SSLWantReadError: the socket has no more, and does not wait.
        ssl.SSLWantWriteError: the socket takes no more, and does not wait.
        ssl.SSLError: it has failed.
        TimeoutError: it takes longer than the socket's timeout.
    """

def read(end: SocketSteps, size: int, buffer: WriteableBuffer | None = None) -> bytes | int:
    """Return data, or put it into a buffer and return how much.

    Args:
        end: whose connection it is.
        size: most bytes.
        buffer: for the data, or None.

    Raises:
        ValueError: the size is negative.
        ssl.SSLWantReadError: the socket has no more, and does not wait.
        ssl.SSLError: the connection has failed, or ended without close_notify.
        TimeoutError: nothing has come within the socket's timeout.
    """

def pending(end: SocketSteps) -> int:
    """Return how many bytes of data are there already.

    Args:
        end: whose connection it is.
    """

def write(end: SocketSteps, data: ReadableBuffer) -> int:
    """Encrypt and send data, perhaps a part of it.

    Args:
        end: whose connection it is.
        data: any contiguous buffer of bytes.

    Returns:
        How many bytes were sent.

    Raises:
        ssl.SSLWantWriteError: the socket takes no more; call again with the same data.
        ssl.SSLWantReadError: the handshake needs more bytes of the peer.
        ssl.SSLError: the connection has failed, or we have said goodbye.
        TimeoutError: it takes longer than the socket's timeout.
    """

def shutdown(end: SocketSteps) -> socket.socket:
    """Say goodbye, and wait for the peer's.

    Args:
        end: whose connection it is.

    Returns:
        The socket.

    Raises:
        ssl.SSLWantReadError: the peer's has not come yet, and the socket does not wait.
        ssl.SSLError: the peer goes on sending data, or the connection has failed.
        TimeoutError: the peer's has not come within the socket's timeout.
    """
