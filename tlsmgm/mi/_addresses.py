"""Sockets bound to the addresses of an endpoint."""

from __future__ import annotations

import socket

__all__ = ["bind_all"]


def bind_all(host: str, port: int, kind: socket.SocketKind) -> list[socket.socket]:
    """Bind a socket to each address of a host.

    Args:
        host: name or address; ``*`` is every address of the machine.
        port: 0 lets the system choose, the same one for all.
        kind: stream or datagram.

    Returns:
        The sockets; none of them blocks.

    Raises:
        OSError: one of the addresses cannot be had; then none is.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _resolve(host, port, kind):
            sock = socket.socket(family, kind)
            sockets.append(sock)
            sock.setblocking(False)
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address[0], port or address[1], *address[2:]))
            port = sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _resolve(
    host: str, port: int, kind: socket.SocketKind
) -> list[tuple[socket.AddressFamily, tuple[str, int, *tuple[int, ...]]]]:
    try:
        found = socket.getaddrinfo(
            None if host == "*" else host, port, type=kind, flags=socket.AI_PASSIVE
        )
    except UnicodeError as error:
        raise OSError(f"bad host name: {error}") from None
    pairs = dict.fromkeys((item[0], item[4]) for item in found)
    return list(pairs)  # type: ignore[arg-type]
