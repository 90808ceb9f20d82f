"""Listening sockets, as asyncio makes them: on all addresses of a host, or on none."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

__all__ = ["bind", "check_port"]

_REUSES_ADDRESSES: Final = os.name == "posix" and sys.platform != "cygwin"


def check_port(port: int | str | None) -> None:
    """See whether there is such a port: ``getaddrinfo()`` would take it modulo 65536.

    Args:
        port: as given; names of services are looked up later.

    Raises:
        OverflowError: there is none, as asyncio says it.
    """
    number = int(port) if isinstance(port, str) and port.isdecimal() else port
    if isinstance(number, int) and not 0 <= number <= 0xFFFF:
        raise OverflowError(f"port must be 0 to 65535, not {number}")


async def bind(
    host: str | Sequence[str] | None,
    port: int | None,
    *,
    family: int,
    flags: int,
    reuse_address: bool | None,
    reuse_port: bool,
) -> list[socket.socket]:
    """Return sockets that do not listen yet.

    Args:
        host: name or address, or several; None or ``""``: all addresses of the machine.
        port: TCP port; 0 or None lets the system choose.
        family: of ``getaddrinfo()``.
        flags: see there.
        reuse_address: None: as is usual on this system.
        reuse_port: others may listen on the same port.

    Raises:
        OSError: one of them cannot be had.
    """
    loop = asyncio.get_running_loop()
    hosts: Iterable[str | None]
    hosts = [host or None] if host is None or isinstance(host, str) else host
    infos: dict[Any, None] = {}
    for each in hosts:
        found = await loop.getaddrinfo(
            each, port or 0, family=family, type=socket.SOCK_STREAM, flags=flags
        )
        infos.update(dict.fromkeys(found))
    reuses = _REUSES_ADDRESSES if reuse_address is None else reuse_address
    socks: list[socket.socket] = []
    try:
        for info in infos:
            _open(socks, info, reuses, reuse_port)
    except BaseException:
        for sock in socks:
            sock.close()
        raise
    if not socks:
        raise OSError(f"could not bind on any address out of {list(infos)!r}")
    return socks


def _open(socks: list[socket.socket], info: Any, reuse_address: bool, reuse_port: bool) -> None:
    family, kind, proto, _, address = info
    try:
        sock = socket.socket(family, kind, proto)
    except OSError:  # a family that this machine does not have
        return
    socks.append(sock)
    if reuse_address:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setblocking(False)
    try:
        sock.bind(address)
    except OSError as error:
        text = (
            f"error while attempting to bind on address {address!r}: {str(error.strerror).lower()}"
        )
        raise OSError(error.errno, text) from None
