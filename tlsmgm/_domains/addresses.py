"""``HOST:PORT`` as people write it."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from typing import Final

from tlsmgm._domains.filters import is_ip
from tlsmgm.errors import ConfigError

__all__ = ["host_and_port", "join_host_port", "read_ip"]

_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]\s]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>[0-9]+)")

_MAX_PORT: Final = 0xFFFF
_PORT_DIGITS: Final = 5


def join_host_port(host: str, port: int) -> str:
    """Write an address.

    Args:
        host: without brackets.
        port: TCP port.

    Returns:
        ``host:port``, IPv6 in brackets; IPv4-mapped IPv6 as IPv4.
    """
    if ":" not in host:
        return f"{host}:{port}"
    with contextlib.suppress(ValueError):
        ip = read_ip(host)
        if ip.version == 4:
            return f"{ip}:{port}"
    return f"[{host}]:{port}"


def read_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an IP address as the system writes it.

    Args:
        host: without brackets; a scope (``%eth0``) may be there.

    Returns:
        The address without its scope; IPv4-mapped IPv6 as IPv4.

    Raises:
        ValueError: it is none.
    """
    ip = ipaddress.ip_address(host.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip


def host_and_port(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``.

    Args:
        text: the port is never left out; IPv6 stands in brackets.

    Returns:
        Host without brackets, and port (0 to 65535).

    Raises:
        ConfigError: it is nothing of the kind.
    """
    match = _HOST_PORT.fullmatch(text.strip())
    if match is None or (match["v6"] and not is_ip(match["v6"])):
        raise ConfigError(f"bad address {text!r}", hint="write HOST:PORT or [IPv6]:PORT")
    if len(match["port"].lstrip("0")) > _PORT_DIGITS or int(match["port"]) > _MAX_PORT:
        raise ConfigError(f"bad address {text!r}", hint=f"ports go up to {_MAX_PORT}")
    return match["v6"] or match["host"], int(match["port"])
