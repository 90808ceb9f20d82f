"""The TLS proxy for programs of one's own: what ``tlsmgm proxy`` runs.

TLS to plain TCP, plain TCP to TLS, and TLS to TLS, through TLS domains.
"""

from __future__ import annotations

from tlsmgm._service import (
    DEFAULT_FORMAT,
    AccessLog,
    ProxyOptions,
    ProxyProtocol,
    ProxyTLVs,
    Target,
    TLSProxy,
    UncleanEnd,
    parse_target,
)

__all__ = [
    "DEFAULT_FORMAT",
    "AccessLog",
    "ProxyOptions",
    "ProxyProtocol",
    "ProxyTLVs",
    "TLSProxy",
    "Target",
    "UncleanEnd",
    "parse_target",
]
