"""A connection between two buffers: what is behind ``ssl.SSLObject``."""

from __future__ import annotations

from tlsmgm._adapters.engine import Engine
from tlsmgm._core import memory_end

__all__ = ["MemoryEnd"]


class MemoryEnd(Engine):
    """What ``wrap_bio()`` gives to an ``ssl.SSLObject``; its methods are in Cython."""

    __slots__ = ()

    do_handshake = memory_end.do_handshake
    pending = memory_end.pending
    read = memory_end.read
    write = memory_end.write
    shutdown = memory_end.shutdown
