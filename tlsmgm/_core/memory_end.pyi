"""A connection between two buffers: the steps that ``ssl.SSLObject`` asks for.

What a step takes from one buffer and puts into the other is done here without a function of Python
in between: in a handshake these are called once each, and cost several times what they cost in a
loop, since the library has pushed them out of the processor's caches meanwhile.

:mod:`tlsmgm._adapters` makes classes of this.
"""

import ssl
from typing import Any

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.memory_bio import MemoryBIO

class End:
    """What each end has, over memory or over a socket; see ``tlsmgm._adapters.engine``.

    Args:
        context: whose connection it is.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the object of ``ssl`` that shows the connection to the program, or None.
        session: to offer, or None.
    """

    _context: Any
    server_side: bool
    server_hostname: str | None
    _owner: Any
    _session: Any
    _connection: Any
    _is_open: bool
    _shut: bool
    _maybe_more: bool
    _ahead: bytes
    def __init__(
        self,
        context: Any,
        is_server: bool,
        server_hostname: str | None,
        owner: object,
        session: object,
    ) -> None: ...
    def _start(self) -> Any: ...
    def _hold(self) -> None:
        """Keeps other threads from the connection, where several may be at it."""
    def _let_go(self) -> None:
        """Lets them have it again; only behind ``_hold()``."""
    def _established(self) -> None: ...

def wrap_bio(
    context: ssl.SSLContext,
    incoming: ssl.MemoryBIO | MemoryBIO,
    outgoing: ssl.MemoryBIO | MemoryBIO,
    server_side: bool = False,
    server_hostname: str | bytes | None = None,
    session: Any = None,
) -> ssl.SSLObject:
    """Make an ``ssl.SSLObject`` between two buffers, as ``ssl.SSLContext.wrap_bio()`` does.

    Args:
        context: that has the settings.
        incoming: holds what the peer sent.
        outgoing: takes what is for the peer.
        server_side: which side.
        server_hostname: that a client asks for and compares, or None.
        session: to offer, or None.
    """

def end_between(
    context: ssl.SSLContext,
    incoming: ssl.MemoryBIO | MemoryBIO,
    outgoing: ssl.MemoryBIO | MemoryBIO,
    is_server: bool,
    server_hostname: str | None,
    owner: object,
    session: object,
) -> Any:
    """Make the end of a connection between two buffers.

    Args:
        context: whose connection it is.
        incoming: holds what the peer sent; an ``ssl.MemoryBIO`` or one of ours.
        outgoing: takes what is for the peer; the same.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the object of ``ssl`` that shows the connection to the program, or None.
        session: to offer, or None.

    Raises:
        TypeError: a buffer is none.
    """

def do_handshake(end: End) -> None:
    """Go on with the handshake.

    Args:
        end: whose connection it is.

    Raises:
        ssl.SSLWantReadError: more bytes of the peer are needed.
        ssl.SSLError: it has failed.
    """

def read(end: End, size: int, buffer: WriteableBuffer | None = None) -> bytes | int:
    """Return data, or put it into a buffer and return how much.

    Args:
        end: whose connection it is.
        size: most bytes.
        buffer: for the data, or None.

    Raises:
        ValueError: the size is negative.
        ssl.SSLWantReadError: more bytes of the peer are needed.
        ssl.SSLError: the connection has failed, or ended without close_notify.
    """

def pending(end: End) -> int:
    """Return how many bytes of data are there already.

    Args:
        end: whose connection it is.
    """

def write(end: End, data: ReadableBuffer) -> int:
    """Encrypt data, all of it.

    Args:
        end: whose connection it is.
        data: any contiguous buffer of bytes.

    Raises:
        ssl.SSLWantReadError: the handshake needs more bytes of the peer.
        ssl.SSLError: the connection has failed, or we have said goodbye.
    """

def shutdown(end: End) -> None:
    """Say goodbye, and hear the peer's.

    Args:
        end: whose connection it is.

    Raises:
        ssl.SSLWantReadError: the peer's has not come yet.
        ssl.SSLError: the peer goes on sending data, or the connection has failed.
    """
