"""Plans: what holds for new connections, put together from domains, routes and times."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tlsmgm._core.plan import Plan, UpstreamAddress
from tlsmgm._domains.words import printable
from tlsmgm._engine.options import ListenOptions, to_milliseconds
from tlsmgm._engine.upstreams import Place, upstream_address
from tlsmgm._serving.forwarding import Balance, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._state.snapshot import Snapshot
from tlsmgm.errors import NoDomainError

__all__ = ["LINGER_TIME", "Places", "Times", "make_plan"]

logger = logging.getLogger("tlsmgm")

#: Seconds for our last words, such as an alert, and for the peer to hang up after them.
LINGER_TIME: Final = 2.0

_BALANCES: Final = {Balance.ROUND_ROBIN: 0, Balance.LEAST_CONNECTIONS: 1}
_PREFACES: Final = {None: 0, ProxyProtocol.V1: 1, ProxyProtocol.V2: 2}
_VALUES: Final = {ProxyTLVs.NONE: 0, ProxyTLVs.TLS: 1, ProxyTLVs.ALL: 2}

#: Addresses by the name of the server domain, None: of all domains that have no route; None instead
#: of addresses: the program.
Places = Mapping[str | None, Sequence[Place] | None]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that a manager grants where the limits of a listener are silent.

    Args:
        handshake: from accept to the end of the client's handshake.
        send: without one byte being taken by a receiver for whom as many wait as may.
    """

    handshake: float
    send: float


def make_plan(
    number: int, snapshot: Snapshot, places: Places, times: Times, options: ListenOptions
) -> Plan:
    """Make a plan.

    An address that has no client domain is left out, and the log says so; whoever has a domain
    without an address is told that it has no upstream.

    Args:
        number: tells it from others.
        snapshot: has the domains.
        places: where connections go.
        times: of the manager.
        options: of the listener.

    Returns:
        The plan.
    """
    limits = options.limits
    return Plan(
        number,
        snapshot.selector,
        _table(snapshot, places),
        first_byte_timeout=to_milliseconds(limits.first_byte_timeout),
        handshake_timeout=to_milliseconds(limits.handshake_timeout or times.handshake),
        connect_timeout=to_milliseconds(options.connect_timeout),
        idle_timeout=to_milliseconds(limits.idle_timeout),
        send_timeout=to_milliseconds(limits.send_timeout or times.send),
        linger_timeout=to_milliseconds(LINGER_TIME),
        idle_records=limits.records_without_data,
        high_water=limits.buffered_bytes,
        ends_plain_with_fin=options.unclean_end is UncleanEnd.FIN,
        asks=options.on_demand is not None,
        hello_limit=limits.hello_size or 0,
        preface=_PREFACES[options.proxy_protocol],
        preface_values=_VALUES[options.proxy_protocol_tlvs],
        balance=_BALANCES[options.balance],
    )


def _table(snapshot: Snapshot, places: Places) -> dict[int | None, list[UpstreamAddress] | None]:
    """The routes by domain number; those of domains that are not there have no use just now."""
    numbers = {domain.name: number for number, domain in enumerate(snapshot.servers)}
    table: dict[int | None, list[UpstreamAddress] | None] = {}
    for name, group in places.items():
        if name is not None and name not in numbers:
            continue
        # One without any stays in the table: the route of all others is not meant for it.
        table[None if name is None else numbers[name]] = _addresses(snapshot, group)
    return table


def _addresses(snapshot: Snapshot, group: Sequence[Place] | None) -> list[UpstreamAddress] | None:
    if group is None:
        return None
    found = []
    for place in group:
        try:
            found.append(upstream_address(snapshot, place))
        except NoDomainError as error:
            logger.warning("upstream %s cannot be used: %s", place.upstream, printable(str(error)))
    return found
