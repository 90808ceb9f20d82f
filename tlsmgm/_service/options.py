"""What can be chosen about a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tlsmgm._engine.upstreams import AnyUpstream, Upstream, as_upstream
from tlsmgm._serving.forwarding import Balance, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._serving.limits import Limits
from tlsmgm._serving.targets import Target
from tlsmgm.errors import ConfigError

__all__ = ["ProxyOptions"]


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """Settings of a :class:`~tlsmgm.proxy.TLSProxy`.  All times are in seconds.

    Args:
        upstream: where connections are forwarded to; several share them, by their weights.
        upstream_domain: name of the client domain for TLS upstreams; None: match.  This and the
            next two are for those that do not say it themselves.
        sip_domain: value of the SIP domain AVP when matching a client domain; None: not set.
        server_name: name to send to and to verify at a TLS upstream; None: ``sip_domain``, else
            the upstream's host.
        balance: which upstream of several is next.
        proxy_protocol: begin each upstream connection with such a header, before TLS if the
            upstream speaks that; None: with none.
        proxy_protocol_tlvs: what the header says beside the addresses, in version 2.
        proxy_header_from: networks; each connection begins with a PROXY header, and only these may
            send one; None: no connection does.
        connect_timeout: for resolving, connecting and the handshake with the upstream.
        drain_timeout: for running connections after SIGTERM.
        unclean_end: what a plain neighbour sees where the end is not a clean one.
        limits: what clients are granted.
        workers: threads that accept and carry bytes.

    Raises:
        ConfigError: there is no upstream, or one of them makes no sense.
    """

    upstream: AnyUpstream | Sequence[AnyUpstream]
    upstream_domain: str | None = None
    sip_domain: str | None = None
    server_name: str | None = None
    balance: Balance = Balance.ROUND_ROBIN
    proxy_protocol: ProxyProtocol | None = None
    proxy_protocol_tlvs: ProxyTLVs = ProxyTLVs.TLS
    proxy_header_from: tuple[str, ...] | None = None
    connect_timeout: float = 10.0
    drain_timeout: float = 30.0
    unclean_end: UncleanEnd = UncleanEnd.RESET
    limits: Limits = field(default_factory=Limits)
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.upstreams:
            raise ConfigError("there is no upstream", parameter="upstream")

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """All upstreams, with what holds for each of them."""
        given = self.upstream
        if isinstance(given, (str, Target, Upstream)) or not isinstance(given, Sequence):
            given = [given]
        return tuple(self._complete(as_upstream(one)) for one in given)

    def _complete(self, upstream: Upstream) -> Upstream:
        if not upstream.target.is_tls:
            return upstream
        return Upstream(
            upstream.target,
            upstream.domain or self.upstream_domain,
            upstream.sip_domain or self.sip_domain,
            upstream.server_name or self.server_name,
            upstream.weight,
        )
