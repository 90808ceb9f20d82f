"""Addresses as the command line writes them: ``tls:10.0.0.10:5061``, ``tcp:backend:5060``."""

from __future__ import annotations

from dataclasses import dataclass

from tlsmgm._domains.addresses import host_and_port, join_host_port
from tlsmgm.errors import ConfigError

__all__ = ["Target", "parse_target"]


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
