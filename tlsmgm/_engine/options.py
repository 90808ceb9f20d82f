"""What can be chosen about a listener, beside addresses and routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tlsmgm._engine.on_demand import OnDemand
from tlsmgm._serving.forwarding import Balance, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._serving.limits import Limits
from tlsmgm._serving.networks import Network
from tlsmgm.errors import ConfigError

__all__ = ["MOST_WORKERS", "ListenOptions", "to_milliseconds"]

#: Each is a thread, with sockets and queues of its own.
MOST_WORKERS: Final = 256

#: As the system has it: who is nicest has the least of a processor.
_NICEST: Final = 19

_MILLISECONDS: Final = 1000
_MAX_SECONDS: Final = 1_000_000.0


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Settings of a :class:`~tlsmgm.Listener`.  All times are in seconds.

    Args:
        workers: threads that accept and carry bytes.
        limits: what clients are granted.
        connect_timeout: for reaching an upstream, its handshake included; the addresses of one
            route share it.
        balance: which upstream of several is next.
        unclean_end: what a plain neighbour sees where the end is not a clean one.
        proxy_protocol: begin each upstream connection with such a header, before TLS if the
            upstream speaks that; None: with none.
        proxy_protocol_tlvs: what the header says beside the addresses, in version 2.
        proxy_header_from: each connection begins with a PROXY header, and only these networks may
            send one; None: no connection does.
        on_demand: who finds domains for clients whom none answers; None: nobody.
        nice: how much the workers yield to other threads on their processors (Linux only).
        tells_ends: somebody hears of what is over.

    Raises:
        ConfigError: one of them makes no sense.
    """

    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    connect_timeout: float = 10.0
    balance: Balance = Balance.ROUND_ROBIN
    unclean_end: UncleanEnd = UncleanEnd.RESET
    proxy_protocol: ProxyProtocol | None = None
    proxy_protocol_tlvs: ProxyTLVs = ProxyTLVs.TLS
    proxy_header_from: tuple[Network, ...] | None = None
    on_demand: OnDemand | None = None
    nice: int = 0
    tells_ends: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.limits, Limits):
            raise ConfigError(
                f"cannot be {self.limits!r}", parameter="limits", hint="tlsmgm.Limits(...)"
            )
        workers, timeout = self.workers, self.connect_timeout
        if (
            isinstance(workers, bool)
            or not isinstance(workers, int)
            or not 1 <= workers <= MOST_WORKERS
        ):
            raise ConfigError(
                f"cannot be {workers!r}", parameter="workers", hint=f"1 to {MOST_WORKERS}"
            )
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= _MAX_SECONDS:
            raise ConfigError(
                f"cannot be {timeout!r}", parameter="connect_timeout", hint="seconds above 0"
            )
        if not isinstance(self.nice, int) or not 0 <= self.nice <= _NICEST:
            raise ConfigError(f"cannot be {self.nice!r}", parameter="nice", hint=f"0 to {_NICEST}")


def to_milliseconds(seconds: float) -> int:
    """Return a time as the engine has it.

    Args:
        seconds: below 0 is 0, beyond the engine's clock, or no number, is for ever.

    Returns:
        Milliseconds; at least one, where it is not 0.
    """
    if seconds <= 0:
        return 0
    if not seconds < _MAX_SECONDS:
        return round(_MAX_SECONDS * _MILLISECONDS)
    return max(round(seconds * _MILLISECONDS), 1)
