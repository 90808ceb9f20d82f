"""A connection over a socket: what is behind ``ssl.SSLSocket``."""

from __future__ import annotations

from tlsmgm._adapters.engine import Engine
from tlsmgm._adapters.errors import refuse
from tlsmgm._core import socket_calls
from tlsmgm._core.socket_end import SocketSteps

__all__ = ["SocketEnd"]


class SocketEnd(Engine, SocketSteps):
    """What ``wrap_socket()`` gives to an ``ssl.SSLSocket``; its methods are in Cython."""

    __slots__ = ()

    do_handshake = socket_calls.do_handshake
    pending = socket_calls.pending
    read = socket_calls.read
    write = socket_calls.write
    shutdown = socket_calls.shutdown

    _refuse = staticmethod(refuse)

    @property
    def local(self) -> tuple[str, int] | None:
        """Address and port of our end, for whoever chooses a domain by it."""
        name = self._socket().getsockname()
        return name[:2] if isinstance(name, tuple) else None
