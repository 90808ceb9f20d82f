"""Listening sockets as configurations write them: ``tls:10.0.0.10:5061``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tlsmgm.config.model import TLS_PROTOCOLS, Socket
from tlsmgm.domain import Origin
from tlsmgm.errors import ConfigError
from tlsmgm.filters import is_ip

__all__ = ["DEFAULT_PORTS", "parse_socket"]

_PROTOCOLS: Final = TLS_PROTOCOLS | frozenset(
    {"udp", "tcp", "sctp", "ws", "bin", "hep_udp", "hep_tcp", "smpp", "msrp", "any"}
)
#: Ports of protocols where none is written.
DEFAULT_PORTS: Final = {
    "any": 5060,
    "udp": 5060,
    "tcp": 5060,
    "sctp": 5060,
    "tls": 5061,
    "ws": 80,
    "wss": 443,
    "hep_udp": 9060,
    "hep_tcp": 9060,
    "hep_tls": 9061,
    "bin": 5555,
    "bins": 5556,
    "smpp": 2775,
    "msrp": 2855,
    "msrps": 2856,
}


def parse_socket(
    text: str, origin: Origin, ports: Mapping[str, int] = DEFAULT_PORTS
) -> Socket | None:
    """Read a socket (manual 1.9.1).

    Args:
        text: such as ``tls:10.0.0.10:5061``.
        origin: where it stands.
        ports: by protocol, where none is written.

    Returns:
        The socket; None for one that is wrong but speaks no TLS, which is not our business.

    Raises:
        ConfigError: a TLS socket is wrong.
    """
    protocol, colon, rest = text.partition(":")
    if not colon or protocol.lower() not in _PROTOCOLS:
        protocol, rest = "any", text
    protocol = protocol.lower()
    host, port = _host_and_port(rest)
    if port is None:
        port = ports[protocol]
    if host and 0 < port < 65536:
        return Socket(protocol, host, port, origin)
    if protocol not in TLS_PROTOCOLS:
        return None
    raise ConfigError(f"bad socket {text!r}", origin=origin, hint="write tls:10.0.0.10:5061")


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Divide ``host:port``, ``[v6]:port``, a bare host or a bare IPv6 address; bad: no host."""
    if text.count(":") > 1 and not text.startswith("["):
        return (text, None) if is_ip(text) else ("", 0)
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]+)(?::([0-9]{1,5}))?", text)
    if match is None:
        return "", 0
    host = match[1]
    if host.startswith("["):
        host = host[1:-1] if is_ip(host[1:-1]) else ""
    return host, int(match[2]) if match[2] else None
