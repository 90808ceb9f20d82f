"""Options that bound what clients of a server may take."""

from __future__ import annotations

import argparse
import contextlib
import resource
from collections.abc import Callable

from tlsmgm._commands.arguments import number, seconds, seconds_or_zero
from tlsmgm._serving.limits import DEFAULT_HELLO_SIZE, HELLO_SIZES, LEAST_BUFFERED_BYTES, Limits

__all__ = ["add_limits", "limits_of", "raise_descriptor_limit"]

_NOTHING = Limits()

#: Field of :class:`~tlsmgm.Limits`, how it is read, what it does. The rest is its default.
_OPTIONS: tuple[tuple[str, Callable[[str], float], str], ...] = (
    ("handshake_timeout", seconds, "from accept to the end of the handshake"),
    ("first_byte_timeout", seconds_or_zero, "from accept to the client's first byte"),
    ("hello_size", number(*HELLO_SIZES), "bytes of the largest ClientHello"),
    ("max_handshakes", number(0), "handshakes in progress at a time"),
    ("max_handshakes_per_network", number(0), "the same, with clients of one network"),
    ("ipv4_prefix", number(0, 32), "bits of an IPv4 address that tell its network"),
    ("ipv6_prefix", number(0, 128), "bits of an IPv6 address that tell its network"),
    ("max_connections", number(0), "connections at a time"),
    ("idle_timeout", seconds_or_zero, "without data in either direction"),
    ("send_timeout", seconds, "in which a receiver must take something of what waits for it"),
    ("buffered_bytes", number(LEAST_BUFFERED_BYTES), "bytes that may wait for one receiver"),
    ("records_without_data", number(0), "TLS records in a row that bring no data"),
)

#: Defaults that are not numbers of ours.
_DEFAULTS = {
    "handshake_timeout": "as the configuration says, else 10",
    "send_timeout": "as the configuration says, else 60",
    "hello_size": str(DEFAULT_HELLO_SIZE),
    "max_connections": "no bound",
}


def add_limits(group: argparse._ArgumentGroup) -> None:
    """Add the options.

    Args:
        group: of a command that serves.
    """
    for name, read, what in _OPTIONS:
        default = getattr(_NOTHING, name)
        shown = _DEFAULTS.get(name) or f"{default:.12g}"
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=read,
            default=default,
            metavar="S" if name.endswith("timeout") else "N",
            help=f"{what} (default: {shown})",
        )


def limits_of(options: argparse.Namespace) -> Limits:
    """Return what was chosen.

    Args:
        options: of a parser that has the options.
    """
    return Limits(**{name: getattr(options, name) for name, _, _ in _OPTIONS})


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it may; half-made connections need some, too."""
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
