"""Addresses as the command line writes them: ``tls:10.0.0.10:5061``, ``unix:/run/app.sock``."""

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
        path: of a unix socket (connecting), instead of host and port.
    """

    is_tls: bool
    host: str = ""
    port: int = 0
    path: str | None = None

    def __str__(self) -> str:
        """The form that the command line takes."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"{'tls' if self.is_tls else 'tcp'}:{join_host_port(self.host, self.port)}"


def parse_target(text: str, *, listening: bool = False) -> Target:
    """Read ``tls:HOST:PORT``, ``tcp:HOST:PORT`` or ``unix:PATH``.

    Args:
        text: IPv6 addresses stand in brackets.
        listening: allow port 0 and the host ``*``, but no unix socket.

    Returns:
        The target.

    Raises:
        ConfigError: it is nothing of the kind; the message says what is expected.
    """
    protocol, colon, rest = text.strip().partition(":")
    if colon and protocol.lower() == "unix" and rest and not listening:
        return Target(is_tls=False, path=rest)
    if not colon or protocol.lower() not in ("tls", "tcp"):
        forms = "tls:HOST:PORT or tcp:HOST:PORT"
        if not listening:
            forms = "tls:HOST:PORT, tcp:HOST:PORT or unix:PATH"
        raise ConfigError(f"bad address {text!r}", hint=f"write {forms}")
    host, port = host_and_port(rest)
    if not listening and (port == 0 or host == "*"):
        raise ConfigError(f"cannot connect to {text!r}", hint="give a host and a port above 0")
    return Target(protocol.lower() == "tls", host, port)
