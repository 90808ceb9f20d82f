"""What ``ssl.SSLSocket`` calls of the end of its connection.

One reads while another writes, and waits without a lock; critical sections order the rest of it
where there is no interpreter lock, and are left while somebody waits.
"""

import socket

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.socket_end import SocketSteps

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
    """Encrypt and send data, all of it.

    Args:
        end: whose connection it is.
        data: any contiguous buffer of bytes.

    Returns:
        How many bytes there were.

    Raises:
        ssl.SSLWantWriteError: the socket takes no more; call again with the same data.
        ssl.SSLWantReadError: the handshake needs more bytes of the peer.
        ssl.SSLError: the connection has failed, or we have said goodbye.
        TimeoutError: it takes longer than the socket's timeout; call again with the same data.
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
