"""What endpoints need of the sockets below their transports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

__all__ = ["arm", "disarm", "reset", "socket_address"]

_AT_ONCE = struct.pack("ii", 1, 0)
_NORMALLY = struct.pack("ii", 0, 0)


def arm(transport: asyncio.Transport) -> None:
    """Let the system reset a connection whenever it is closed, even because the process has died.

    Args:
        transport: of a TCP connection.
    """
    _set_linger(transport, _AT_ONCE)


def disarm(transport: asyncio.Transport) -> None:
    """Let the system deliver what is written and end with FIN, as it does by itself.

    Args:
        transport: of a TCP connection.
    """
    _set_linger(transport, _NORMALLY)


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that nothing of it is left, neither here nor in the system.

    Args:
        transport: of a TCP connection.
    """
    arm(transport)
    transport.abort()


def socket_address(written: object) -> tuple[str, int]:
    """Read a socket name.

    Args:
        written: as the system gives it; sockets that died early have none.

    Returns:
        Host and port, or nothing and 0.
    """
    if isinstance(written, tuple) and len(written) >= 2:
        return str(written[0]), int(written[1])
    return "", 0


def _set_linger(transport: asyncio.Transport, value: bytes) -> None:
    sock = transport.get_extra_info("socket")
    # The peer may have ended it before, and transports of tests have no socket.
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, value)
