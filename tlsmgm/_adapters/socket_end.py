"""A connection over a socket: what is behind ``ssl.SSLSocket``."""

from __future__ import annotations

from tlsmgm._adapters.engine import Engine
from tlsmgm._adapters.errors import refuse
from tlsmgm._core import socket_end

__all__ = ["SocketEnd"]


class SocketEnd(Engine, socket_end.SocketSteps):
    """What ``wrap_socket()`` gives to an ``ssl.SSLSocket``; its methods are in Cython."""

    __slots__ = ()

    do_handshake = socket_end.do_handshake
    pending = socket_end.pending
    read = socket_end.read
    write = socket_end.write
    shutdown = socket_end.shutdown

    _refuse = staticmethod(refuse)

    @property
    def local(self) -> tuple[str, int] | None:
        """Address and port of our end, for whoever chooses a domain by it."""
        name = self._socket().getsockname()
        return name[:2] if isinstance(name, tuple) else None
