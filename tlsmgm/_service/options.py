"""What can be chosen about a proxy."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from tlsmgm._service.addresses import Target
from tlsmgm._serving.limits import Limits

__all__ = ["ProxyOptions", "ProxyProtocol", "ProxyTLVs", "UncleanEnd"]


class UncleanEnd(enum.StrEnum):
    """How a plain neighbour sees an end that nobody has announced.

    A TLS neighbour always sees that it is none: there is no close_notify.

    Attributes:
        RESET: by a reset, so that it cannot take what it has for everything.
        FIN: as a clean end: for servers that a reset harms, such as those of SIP.
    """

    RESET = "reset"
    FIN = "fin"


class ProxyProtocol(enum.StrEnum):
    """Version of the PROXY protocol header that tells the upstream about the client.

    Attributes:
        V1: a line of text with the addresses.
        V2: binary: addresses, and what :class:`ProxyTLVs` says.
    """

    V1 = "v1"
    V2 = "v2"


class ProxyTLVs(enum.StrEnum):
    """What a PROXY protocol version 2 header says beside the addresses.

    Receivers have room for different sizes; nginx 1.22 reads 107 bytes before a TCP stream.

    Attributes:
        NONE: nothing.
        TLS: version, cipher suite, and the certificate's common name.
        ALL: and the server's name, which clients choose, ALPN, group, our own certificate.
    """

    NONE = "none"
    TLS = "tls"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """Settings of a :class:`~tlsmgm.proxy.TLSProxy`.  All times are in seconds.

    Args:
        upstream: where connections are forwarded to.
        upstream_domain: name of the client domain for TLS upstreams; None: match.
        sip_domain: value of the SIP domain AVP when matching a client domain; None: not set.
        server_name: name to send to and to verify at a TLS upstream; None: ``sip_domain``, else
            the upstream's host.
        proxy_protocol: begin each upstream connection with such a header, before TLS if the
            upstream speaks that; None: with none.
        proxy_protocol_tlvs: what the header says beside the addresses, in version 2.
        connect_timeout: for resolving, connecting and the handshake with the upstream.
        drain_timeout: for running connections after SIGTERM.
        unclean_end: what a plain neighbour sees where the end is not a clean one.
        limits: what clients are granted.
    """

    upstream: Target
    upstream_domain: str | None = None
    sip_domain: str | None = None
    server_name: str | None = None
    proxy_protocol: ProxyProtocol | None = None
    proxy_protocol_tlvs: ProxyTLVs = ProxyTLVs.TLS
    connect_timeout: float = 10.0
    drain_timeout: float = 30.0
    unclean_end: UncleanEnd = UncleanEnd.RESET
    limits: Limits = field(default_factory=Limits)
