"""Sockets of Python's own ``ssl``, which are closed whatever happens to them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import traceback
from typing import Any


def wrap(context: ssl.SSLContext, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
    """Do what ``context.wrap_socket()`` does, and leave nothing open when that fails.

    Where the peer has reset the connection before it is wrapped, ``ssl`` has taken the descriptor
    already, and forgets the object that it has made; the ResourceWarning then comes at any time.

    Args:
        context: of a server or a client.
        sock: is closed in any case.
        options: of ``wrap_socket()``.

    Returns:
        The new socket.
    """
    try:
        return context.wrap_socket(sock, **options)
    except BaseException as error:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            made = frame.f_locals.get("self")
            if isinstance(made, ssl.SSLSocket):
                with contextlib.suppress(OSError):
                    made.close()
        sock.close()
        raise
