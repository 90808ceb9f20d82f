"""The TLS proxy for programs of one's own: what ``tlsmgm proxy`` runs.

TLS to plain TCP, plain TCP to TLS, and TLS to TLS, through TLS domains.  :func:`bind` makes the
sockets that :meth:`TLSProxy.run` listens on.
"""

from __future__ import annotations

from tlsmgm._service import (
    DEFAULT_FORMAT,
    AccessLog,
    Listener,
    ProxyOptions,
    ProxyProtocol,
    ProxyTLVs,
    Target,
    TLSProxy,
    UncleanEnd,
    bind,
    close_listeners,
    parse_target,
)

__all__ = [
    "DEFAULT_FORMAT",
    "AccessLog",
    "Listener",
    "ProxyOptions",
    "ProxyProtocol",
    "ProxyTLVs",
    "TLSProxy",
    "Target",
    "UncleanEnd",
    "bind",
    "close_listeners",
    "parse_target",
]
