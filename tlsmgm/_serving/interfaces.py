"""Addresses of network interfaces, which scripts may listen on by name: ``socket=tls:eth0:5061``.

Python has the names of interfaces, not their addresses.  On Linux the kernel gives those of IPv4 by
``SIOCGIFCONF`` (netdevice(7)) and those of IPv6 in ``/proc/net/if_inet6`` (proc(5)).
"""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

__all__ = ["interface_addresses", "is_interface"]

_SIOCGIFCONF: Final = 0x8912
_NAME_SIZE: Final = 16  # IFNAMSIZ

#: Bytes of a struct ifreq: the name, and a union whose largest member is a struct ifmap.
_ENTRY_SIZE: Final = _NAME_SIZE + (24 if struct.calcsize("P") == 8 else 16)

_IPV6_TABLE: Final = "/proc/net/if_inet6"
_GLOBAL_OR_HOST: Final = (0x00, 0x10)


def interface_addresses(name: str) -> list[str] | None:
    """Say which addresses an interface has.

    Args:
        name: of the interface, such as ``eth0``.

    Returns:
        Its addresses, IPv4 first; those that are good on one link only are left out, as OpenSIPS
        does.  None if there is no such interface, or its addresses cannot be had here.
    """
    if not is_interface(name):
        return None
    if not sys.platform.startswith("linux"):
        return None
    return [*_ipv4(name), *_ipv6(name)]


def is_interface(name: str) -> bool:
    """Say whether this machine has an interface of that name.

    Args:
        name: any text.
    """
    return any(name == known for _, known in socket.if_nameindex())


def _ipv4(name: str) -> Iterator[str]:
    room = 64 * _ENTRY_SIZE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            buffer = array.array("B", bytes(room))
            request = struct.pack("iP", room, buffer.buffer_info()[0])
            (size,) = struct.unpack_from("i", fcntl.ioctl(sock, _SIOCGIFCONF, request))
            if size < room:  # else there may be more
                break
            room *= 2
    content = buffer.tobytes()[:size]
    for at in range(0, size, _ENTRY_SIZE):
        label = content[at : at + _NAME_SIZE].partition(b"\0")[0]
        if label.decode("utf-8", "surrogateescape") == name:
            # Behind the name stands a struct sockaddr_in: family, port, address.
            yield socket.inet_ntoa(content[at + _NAME_SIZE + 4 : at + _NAME_SIZE + 8])


def _ipv6(name: str) -> Iterator[str]:
    try:
        with open(_IPV6_TABLE, encoding="ascii", errors="surrogateescape") as table:
            lines = table.read().splitlines()
    except OSError:  # no IPv6
        return
    for line in lines:
        address, _, _, scope, _, interface = line.split(maxsplit=5)
        if interface == name and int(scope, 16) in _GLOBAL_OR_HOST:
            yield str(ipaddress.IPv6Address(bytes.fromhex(address)))
