"""How data reaches a protocol: as bytes, or in a buffer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

__all__ = ["AnyProtocol", "receiver_of"]

#: What may stand above a transport.
AnyProtocol: TypeAlias = asyncio.Protocol | asyncio.BufferedProtocol


def receiver_of(protocol: asyncio.BaseProtocol) -> Callable[[memoryview], int] | None:
    """Return what takes data for a protocol, and says how much; None: ``data_received()`` does.

    Args:
        protocol: an ``asyncio.Protocol`` or an ``asyncio.BufferedProtocol``.
    """
    if isinstance(protocol, asyncio.BufferedProtocol):
        return partial(_fill, protocol)
    assert isinstance(protocol, asyncio.Protocol) or hasattr(protocol, "data_received")
    return None


def _fill(protocol: asyncio.BufferedProtocol, data: memoryview) -> int:
    """Copy data into a buffer that the protocol gives, as much as it has room for."""
    with memoryview(protocol.get_buffer(len(data))) as given, given.cast("B") as room:
        count = min(len(room), len(data))
        if count == 0:
            raise RuntimeError("get_buffer() returned an empty buffer")
        room[:count] = data[:count]
    protocol.buffer_updated(count)
    return count
