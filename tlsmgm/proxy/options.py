"""What can be chosen about a proxy."""

from __future__ import annotations

from dataclasses import dataclass

from tlsmgm.proxy.addresses import Target

__all__ = ["ProxyOptions"]


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """Settings of a :class:`~tlsmgm.proxy.server.TLSProxy`.  All times are in seconds.

    Args:
        upstream: where connections are forwarded to.
        upstream_domain: name of the client domain for TLS upstreams; None: match.
        sip_domain: value of the SIP domain AVP when matching a client domain; None: not set.
        server_name: name to send to and to verify at a TLS upstream; None: ``sip_domain``, else
            the upstream's host.
        proxy_protocol: begin each upstream connection with a PROXY protocol version 2 header.
        handshake_timeout: from accept to the end of the client's handshake; None: as the manager
            says, which a reload may change.
        connect_timeout: for resolving, connecting and the handshake with the upstream.
        idle_timeout: without application data in either direction.
        drain_timeout: for running connections after SIGTERM.
        max_connections: clients beyond this number are turned away at once; 0: no bound.
    """

    upstream: Target
    upstream_domain: str | None = None
    sip_domain: str | None = None
    server_name: str | None = None
    proxy_protocol: bool = False
    handshake_timeout: float | None = None
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    drain_timeout: float = 30.0
    max_connections: int = 0
