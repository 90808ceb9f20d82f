"""Listening sockets as configurations write them: ``tls:10.0.0.10:5061``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tlsmgm._config.model import TLS_PROTOCOLS, Socket
from tlsmgm._domains.domain import Origin
from tlsmgm._domains.filters import is_ip
from tlsmgm._domains.words import did_you_mean
from tlsmgm.errors import ConfigError

__all__ = ["DEFAULT_PORTS", "parse_socket", "parse_sockets"]

_PROTOCOLS: Final = TLS_PROTOCOLS | frozenset(
    {"udp", "tcp", "sctp", "ws", "bin", "hep_udp", "hep_tcp", "smpp", "msrp", "ipsec", "any"}
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
    "ipsec": 5062,
}


#: An address and its ports as ``cfg.y`` has them: ``5061-5063,5065``.
_ADDRESS = re.compile(
    r"(?P<host>\[[^\]]*\]|[^:\[\]]+)"
    r"(?::(?P<ports>[0-9]{1,5}(?:-[0-9]{1,5})?(?:,[0-9]{1,5}(?:-[0-9]{1,5})?)*))?"
)
_UNEXPANDED = re.compile(r"\$\{[^}]*\}?|\$\(.*|@\w+@|\$\w+")
_PROTOCOL = re.compile(r"([a-z][\w-]*):.*:.*", re.IGNORECASE | re.DOTALL)
#: A bare IPv6 address whose end looks like a port.
_PORT_LIKE = re.compile(r"(.*[^:]):([1-9][0-9]{3})", re.DOTALL)


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
        ConfigError: a TLS socket is wrong, or has several ports.
    """
    sockets = parse_sockets(text, origin, ports)
    if len(sockets) > 1:
        raise ConfigError(f"{text!r} has several ports", origin=origin, hint="write one for each")
    return sockets[0] if sockets else None


def parse_sockets(
    text: str, origin: Origin, ports: Mapping[str, int] = DEFAULT_PORTS
) -> tuple[Socket, ...]:
    """Read a socket that may have several ports, as scripts write it.

    Args:
        text: such as ``tls:10.0.0.10:5061-5063,5065``.
        origin: where it stands.
        ports: by protocol, where none is written.

    Returns:
        One socket for each port; none for what is wrong but speaks no TLS.

    Raises:
        ConfigError: a TLS socket is wrong.
    """
    text = text.strip()
    protocol, colon, rest = text.partition(":")
    if not colon or protocol.lower() not in _PROTOCOLS:
        _refuse_misspelt(text, origin)
        protocol, rest = "any", text
    protocol = protocol.lower()
    host, numbers = _host_and_ports(rest)
    if numbers is None:
        numbers = [ports[protocol]]
    is_tls = protocol in TLS_PROTOCOLS
    found = _UNEXPANDED.search(rest) if is_tls else None
    if host and not found and (is_tls or protocol == "any"):
        _check_host(text, "tls" if protocol == "any" else protocol, rest, host, origin)
    if host and not found and numbers and all(0 < port < 65536 for port in numbers):
        return tuple(Socket(protocol, host, port, origin) for port in numbers)
    if not is_tls:
        return ()
    if found is not None:
        raise ConfigError(
            f"bad socket {text!r}: {found[0]} was not expanded",
            origin=origin,
            hint="run the preprocessor first (envsubst, m4 or what opensips -p names)",
        )
    hint = f"write {protocol}:10.0.0.10:{ports[protocol]}"
    if host:
        hint = "ports go from 1 to 65535, and those of a range from the lower to the higher one"
    raise ConfigError(f"bad socket {text!r}", origin=origin, hint=hint)


def _refuse_misspelt(text: str, origin: Origin) -> None:
    """``tlss:10.0.0.1:5061`` would be passed over as none of TLS, and OpenSIPS refuses it."""
    match = _PROTOCOL.fullmatch(text)
    if match is None or is_ip(text):
        return
    hint = did_you_mean(match[1].lower(), TLS_PROTOCOLS, cutoff=0.75)
    if hint is not None:
        raise ConfigError(
            f"bad socket {text!r}: there is no protocol {match[1]!r}",
            origin=origin,
            hint=hint,
        )


def _check_host(text: str, protocol: str, rest: str, host: str, origin: Origin) -> None:
    """Refuse what could be read, but hardly says what was meant."""
    if host.isascii() and host.isdigit():
        reason, instead = f"{host!r} is no host", f"*:{host}"
    elif host.lower() == "any":
        reason, instead = f"{host!r} is no host", "*" + rest[len(host) :]
    elif not rest.startswith("[") and is_ip(host) and (match := _PORT_LIKE.fullmatch(host)):
        reason = f"{match[2]} may be a port, or the end of an address"
        instead = f"[{match[1]}]:{match[2]}"
    else:
        return
    hint = f"write {protocol}:{instead}"
    if "[" in instead:
        hint += f", or {protocol}:[{host}]"
    raise ConfigError(f"bad socket {text!r}: {reason}", origin=origin, hint=hint)


def _host_and_ports(text: str) -> tuple[str, list[int] | None]:
    """Divide ``host:ports``, ``[v6]:ports``, a bare host or a bare IPv6 address; bad: no host."""
    if text.count(":") > 1 and not text.startswith("["):
        return (text, None) if is_ip(text) else ("", [])
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return "", []
    host = match["host"]
    if host.startswith("["):
        host = host[1:-1] if is_ip(host[1:-1]) else ""
    return host, None if match["ports"] is None else list(_numbers(match["ports"]))


def _numbers(text: str) -> Iterator[int]:
    """The ports of a list of ranges; 0, which is none, for a range whose ends are reversed."""
    for part in text.split(","):
        low, dash, high = part.partition("-")
        first, last = int(low), int(high if dash else low)
        if first > last or last > 0xFFFF:
            yield 0
            return
        yield from range(first, last + 1)
