"""The sockets that the proxy listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tlsmgm._domains.words import os_reason
from tlsmgm._service.addresses import Target
from tlsmgm._serving.interfaces import interface_addresses
from tlsmgm.errors import ConfigError

__all__ = ["Listener", "bind", "close_listeners"]

_BACKLOG: Final = 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket.

    Args:
        target: its address, with the port that the system chose.
        sock: the socket.
    """

    target: Target
    sock: socket.socket


def bind(targets: Iterable[Target]) -> list[Listener]:
    """Listen on all addresses, or on none.

    Args:
        targets: the name of a host or an interface stands for all of its addresses, ``*`` for all
            of the machine, IPv6 included.

    Returns:
        The sockets, in order.

    Raises:
        ConfigError: one of them cannot be had; those before it are closed again.
    """
    listeners: list[Listener] = []
    try:
        for target in targets:
            for family, address in _resolve(target):
                sock = _listen(target, family, address)
                host, port = sock.getsockname()[:2]
                listeners.append(Listener(Target(target.is_tls, host, port), sock))
    except ConfigError:
        close_listeners(listeners)
        raise
    return listeners


def close_listeners(listeners: Iterable[Listener]) -> None:
    """Close sockets.

    Args:
        listeners: of :func:`bind`.
    """
    for listener in listeners:
        listener.sock.close()


def _resolve(target: Target) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    if target.host == "*":
        if socket.has_dualstack_ipv6():
            return [(socket.AF_INET6, ("", target.port))]
        return [(socket.AF_INET, ("", target.port))]
    addresses = interface_addresses(target.host)  # comes before hosts, as in OpenSIPS
    if addresses == []:
        raise ConfigError(f"cannot listen on {target}: the interface has no address")
    try:
        found = [
            item
            for host in addresses or [target.host]
            for item in socket.getaddrinfo(
                host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        ]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot listen on {target}: {os_reason(error)}") from None
    return list(dict.fromkeys((item[0], item[4]) for item in found))  # type: ignore[misc]


def _listen(target: Target, family: int, address: tuple[str, int]) -> socket.socket:
    sock = None
    try:
        # asyncio sets TCP_NODELAY only on sockets that say which protocol they have; without it a
        # small answer waits for the client's delayed acknowledgement, 40 ms.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            only = int(target.host != "*")
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise ConfigError(f"cannot listen on {target}: {os_reason(error)}") from None
    return sock
