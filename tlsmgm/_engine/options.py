"""What can be chosen about a listener, beside addresses and routes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tlsmgm._serving.forwarding import ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._serving.limits import Limits
from tlsmgm._serving.networks import Network

__all__ = ["ListenOptions"]


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Settings of a :class:`~tlsmgm.Listener`.  All times are in seconds.

    Args:
        workers: threads that accept and carry bytes.
        limits: what clients are granted.
        connect_timeout: for reaching an upstream, its handshake included; the addresses of one
            route share it.
        unclean_end: what a plain neighbour sees where the end is not a clean one.
        proxy_protocol: begin each upstream connection with such a header, before TLS if the
            upstream speaks that; None: with none.
        proxy_protocol_tlvs: what the header says beside the addresses, in version 2.
        proxy_header_from: each connection begins with a PROXY header, and only these networks may
            send one; None: no connection does.
        keeps_connections: what has ended comes with its TLS connections, for logs.
    """

    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    connect_timeout: float = 10.0
    unclean_end: UncleanEnd = UncleanEnd.RESET
    proxy_protocol: ProxyProtocol | None = None
    proxy_protocol_tlvs: ProxyTLVs = ProxyTLVs.TLS
    proxy_header_from: tuple[Network, ...] | None = None
    keeps_connections: bool = True
