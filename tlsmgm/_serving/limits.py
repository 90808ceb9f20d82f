"""How much of a server strangers may take: times, sizes and numbers, each with its default.

A value and nothing else, so that any program may hold its connections to the same rules.  Who
counts against them is :class:`tlsmgm.Admission`, how often they have struck
:class:`tlsmgm.Counters`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

from tlsmgm.errors import ConfigError

__all__ = [
    "DEFAULT_HANDSHAKE_TIMEOUT",
    "DEFAULT_HELLO_SIZE",
    "DEFAULT_SEND_TIMEOUT",
    "HELLO_SIZES",
    "LEAST_BUFFERED_BYTES",
    "Limit",
    "Limits",
    "check_hello_size",
    "check_seconds",
]

#: Bytes; that of the C core (``TLSMGM_CLIENT_HELLO_LIMIT``).  Real ones stay below 3,000.
DEFAULT_HELLO_SIZE: Final = 32768

#: A hello without any extension needs some 50 bytes, one of a browser up to 2,000; above the upper
#: bound OpenSSL takes none.
HELLO_SIZES: Final = (512, 131400)

#: Seconds; of a manager whose configuration sets none.
DEFAULT_HANDSHAKE_TIMEOUT: Final = 10.0
DEFAULT_SEND_TIMEOUT: Final = 60.0

#: One record of TLS: with less, each of them would stop the other side.
LEAST_BUFFERED_BYTES: Final = 16384

_MAX_SECONDS = 1_000_000.0


class Limit(enum.StrEnum):
    """The limits that can strike; counters are called ``limit_NAME_total``.

    Attributes:
        MAX_CONNECTIONS: there are as many connections as may be.
        MAX_HANDSHAKES: as many handshakes are in progress as may be.
        MAX_HANDSHAKES_PER_NETWORK: as many of them are with clients of one network.
        FIRST_BYTE_TIMEOUT: the ClientHello has not begun in time.
        HANDSHAKE_TIMEOUT: the handshake has not ended in time.
        HELLO_SIZE: the ClientHello is larger than allowed.
        IDLE_TIMEOUT: no application data in either direction for too long.
        SEND_TIMEOUT: a receiver has taken nothing for too long.
        BUFFERED_BYTES: as much waits for a receiver as may.
        RECORDS_WITHOUT_DATA: a peer sends too many TLS records in a row that bring no data.
    """

    MAX_CONNECTIONS = "max_connections"
    MAX_HANDSHAKES = "max_handshakes"
    MAX_HANDSHAKES_PER_NETWORK = "max_handshakes_per_network"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    HELLO_SIZE = "hello_size"
    IDLE_TIMEOUT = "idle_timeout"
    SEND_TIMEOUT = "send_timeout"
    BUFFERED_BYTES = "buffered_bytes"
    RECORDS_WITHOUT_DATA = "records_without_data"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server grants.  Times are in seconds; 0 is no bound where that is said.

    Args:
        handshake_timeout: from accept to the end of the client's handshake; None: as the manager
            says, which a reload may change.
        first_byte_timeout: from accept to the first byte of the ClientHello; 0: only the
            handshake's own deadline counts.
        hello_size: bytes of the largest ClientHello that is read; None: as the manager says.
        max_handshakes: handshakes in progress at a time; 0: no bound.
        max_handshakes_per_network: the same, with clients of one network; 0: no bound.
        ipv4_prefix: bits of an IPv4 address that tell its network, 0 to 32.
        ipv6_prefix: bits of an IPv6 address that tell its network, 0 to 128.  A host with IPv6
            can have any of the addresses of its /64, so counting addresses would bound nothing.
        max_connections: connections at a time, in whatever state; 0: no bound.
        idle_timeout: without application data in either direction; 0: no bound.
        send_timeout: without one byte being taken by a receiver for whom as many wait as may;
            None: as the manager says, which a reload may change.
        buffered_bytes: bytes that may wait for one receiver before its sender is not read.
        records_without_data: TLS records in a row that may bring no data once data may flow, such
            as KeyUpdate, attempts to renegotiate, empty ones; 0: no bound but the library's.

    Raises:
        ConfigError: one of them makes no sense.
    """

    handshake_timeout: float | None = None
    first_byte_timeout: float = 5.0
    hello_size: int | None = None
    max_handshakes: int = 1024
    max_handshakes_per_network: int = 64
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64
    max_connections: int = 0
    idle_timeout: float = 300.0
    send_timeout: float | None = None
    buffered_bytes: int = 131072
    records_without_data: int = 32

    def __post_init__(self) -> None:
        for name in ("handshake_timeout", "send_timeout"):
            value = getattr(self, name)
            if value is not None:
                check_seconds(name, value)
        for name in ("first_byte_timeout", "idle_timeout"):
            _check_range(name, getattr(self, name), 0, _MAX_SECONDS, "seconds, 0 for no bound")
        for name in ("max_handshakes", "max_handshakes_per_network", "max_connections"):
            _check_count(name, getattr(self, name), 0, math.inf, "a number, 0 for no bound")
        most = 0xFFFF_FFFF
        _check_count("records_without_data", self.records_without_data, 0, most, "0 for no bound")
        _check_count("ipv4_prefix", self.ipv4_prefix, 0, 32, "0 to 32 bits")
        _check_count("ipv6_prefix", self.ipv6_prefix, 0, 128, "0 to 128 bits")
        if self.hello_size is not None:
            check_hello_size(self.hello_size)
        least = LEAST_BUFFERED_BYTES
        _check_count("buffered_bytes", self.buffered_bytes, least, 1 << 30, f"{least} or more")


def check_seconds(name: str, seconds: float, *, may_be_zero: bool = False) -> float:
    """See whether a time within which something must be done makes sense.

    Args:
        name: of the parameter.
        seconds: as given.
        may_be_zero: whether it may have to be done at once.

    Returns:
        The seconds.

    Raises:
        ConfigError: they are no number above 0.
    """
    least, expected = (0.0, "seconds") if may_be_zero else (math.ulp(0.0), "seconds above 0")
    _check_range(name, seconds, least, _MAX_SECONDS, expected)
    return seconds


def check_hello_size(size: int) -> int:
    """See whether a bound of the ClientHello makes sense.

    Args:
        size: in bytes.

    Returns:
        The size.

    Raises:
        ConfigError: it does not.
    """
    low, high = HELLO_SIZES
    _check_count("hello_size", size, low, high, f"{low} to {high} bytes")
    return size


def _check_count(name: str, value: int, low: int, high: float, expected: str) -> None:
    if not isinstance(value, int):
        raise _wrong(name, value, f"a whole number: {expected}")
    _check_range(name, value, low, high, expected)


def _check_range(name: str, value: float, low: float, high: float, expected: str) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # not so for NaN, either
        raise _wrong(name, value, expected)


def _wrong(name: str, value: object, expected: str) -> ConfigError:
    shown = f"{value:g}" if isinstance(value, float) else repr(value)
    return ConfigError(f"cannot be {shown}", parameter=name, hint=expected)
