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
    def _hold(self) -> None:
        """Waits while another thread is in a step of the connection; nobody else is, from then on."""
    def _let_go(self) -> None:
        """Lets others have the connection again; only behind ``_hold()``."""
    def _socket(self) -> socket.socket: ...
