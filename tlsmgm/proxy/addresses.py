"""Addresses as the command line writes them: ``tls:10.0.0.10:5061``, ``tcp:backend:5060``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from tlsmgm.errors import ConfigError
from tlsmgm.filters import is_ip

__all__ = ["Target", "host_and_port", "join_host_port", "parse_target"]

_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]\s]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>[0-9]{1,5})")


def join_host_port(host: str, port: int) -> str:
    """Write an address.

    Args:
        host: without brackets.
        port: TCP port.

    Returns:
        ``host:port``, IPv6 in brackets; IPv4-mapped IPv6 as IPv4.
    """
    if ":" in host:
        mapped = _unmapped(host)
        return f"{mapped}:{port}" if mapped else f"[{host}]:{port}"
    return f"{host}:{port}"


def _unmapped(host: str) -> str | None:
    try:
        mapped = ipaddress.IPv6Address(host.partition("%")[0]).ipv4_mapped
    except ValueError:
        return None
    return str(mapped) if mapped else None


@dataclass(frozen=True, slots=True)
class Target:
    """Where to listen or to connect to.

    Args:
        is_tls: speak TLS there, or plain TCP.
        host: address without brackets, host name, or ``*`` for all addresses (listening).
        port: 0 to 65535; 0 lets the system choose (listening).
    """

    is_tls: bool
    host: str
    port: int

    def __str__(self) -> str:
        """The form that the command line takes."""
        return f"{'tls' if self.is_tls else 'tcp'}:{join_host_port(self.host, self.port)}"


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
    if match is None or int(match["port"]) > 0xFFFF or (match["v6"] and not is_ip(match["v6"])):
        raise ConfigError(f"bad address {text!r}", hint="write HOST:PORT or [IPv6]:PORT")
    return match["v6"] or match["host"], int(match["port"])


def parse_target(text: str, *, listening: bool = False) -> Target:
    """Read ``tls:HOST:PORT`` or ``tcp:HOST:PORT``.

    Args:
        text: IPv6 addresses stand in brackets.
        listening: allow port 0 and the host ``*``.

    Returns:
        The target.

    Raises:
        ConfigError: it is nothing of the kind; the message says what is expected.
    """
    protocol, colon, rest = text.strip().partition(":")
    if not colon or protocol.lower() not in ("tls", "tcp"):
        raise ConfigError(f"bad address {text!r}", hint="write tls:HOST:PORT or tcp:HOST:PORT")
    host, port = host_and_port(rest)
    if not listening and (port == 0 or host == "*"):
        raise ConfigError(f"cannot connect to {text!r}", hint="give a host and a port above 0")
    return Target(protocol.lower() == "tls", host, port)
