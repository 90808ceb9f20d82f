"""Listening sockets: one for each address, and for each thread that accepts there."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tlsmgm._domains.words import os_reason
from tlsmgm._serving.interfaces import interface_addresses
from tlsmgm._serving.targets import Target
from tlsmgm.errors import ConfigError

__all__ = ["BoundSocket", "bind", "close_sockets"]

_BACKLOG: Final = 1024

#: Elsewhere SO_REUSEPORT gives all clients to one of the sockets.
_SPREADS: Final = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """An address that is listened on.

    Args:
        target: with the port that the system chose.
        socks: one for each worker; the system shares clients out among them.
        is_exclusive: no other process has these sockets, or will have them.
    """

    target: Target
    socks: tuple[socket.socket, ...]
    is_exclusive: bool = False

    def close(self) -> None:
        """Listen no longer."""
        for sock in self.socks:
            sock.close()


def bind(
    targets: Iterable[Target], workers: int = 1, *, is_exclusive: bool = False
) -> list[BoundSocket]:
    """Listen on all addresses, or on none.

    Args:
        targets: the name of a host or an interface stands for all of its addresses, ``*`` for all
            of the machine, IPv6 included.
        workers: threads that will accept, each on a socket of its own.
        is_exclusive: the process will not fork before somebody listens, nor share the sockets in
            another way. Then a drain loses nobody who has connected (Linux).

    Returns:
        The sockets, in order.

    Raises:
        ConfigError: one of them cannot be had; those before it are closed again.
    """
    bound: list[BoundSocket] = []
    seen: dict[tuple[str, int], Target] = {}
    try:
        for target in targets:
            for family, address in _resolve(target):
                _check_alone(target, address, seen)
                bound.append(_listen(target, family, address, workers, is_exclusive))
    except ConfigError:
        close_sockets(bound)
        raise
    return bound


def close_sockets(bound: Iterable[BoundSocket]) -> None:
    """Close sockets.

    Args:
        bound: of :func:`bind`.
    """
    for item in bound:
        item.close()


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


def _check_alone(
    target: Target, address: tuple[str, int], seen: dict[tuple[str, int], Target]
) -> None:
    """Say which of our own addresses is in the way; the system only says that something is."""
    before = seen.get(address)
    if address[1] and before is not None:  # with port 0 each gets one of its own
        what = "twice" if before == target else f"and on {before}, which is the same address"
        raise ConfigError(f"cannot listen on {target} {what}")
    seen[address] = target


def _listen(
    target: Target, family: int, address: tuple[str, int], workers: int, is_exclusive: bool
) -> BoundSocket:
    """Open a socket for each worker at one address, which nobody else may have."""
    socks: list[socket.socket] = []
    try:
        socks.append(_open(target, family))
        socks[0].bind(address)  # alone, so that an address that is taken is told
        host, port = socks[0].getsockname()[:2]
        for _ in range(1, workers):
            socks.append(_one_more(socks[0], target, family, address))
        for sock in socks:
            sock.listen(_BACKLOG)
            sock.setblocking(False)
    except OSError as error:
        for sock in socks:
            sock.close()
        raise ConfigError(f"cannot listen on {target}: {os_reason(error)}") from None
    return BoundSocket(Target(target.is_tls, host, port), tuple(socks), is_exclusive)


def _open(target: Target, family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        only = int(target.host != "*")
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    return sock


def _one_more(
    first: socket.socket, target: Target, family: int, address: tuple[str, int]
) -> socket.socket:
    """Return another socket for the same address; the system spreads clients over them."""
    if not _SPREADS:
        return first.dup()
    sock = _open(target, family)
    try:
        for one in (first, sock):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address[0], first.getsockname()[1], *address[2:]))
    except OSError:
        sock.close()
        raise
    return sock
