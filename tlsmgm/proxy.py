"""The TLS proxy for programs of one's own.

TLS to plain TCP, plain TCP to TLS, and TLS to TLS, through TLS domains.  :func:`bind` makes the
sockets that :meth:`TLSProxy.run` listens on, and a :class:`Shutdown` ends it.
:class:`ProxyService` is all of what ``tlsmgm proxy`` runs: the proxy, and management interface,
reloads, signals and statistics around it.
"""

from __future__ import annotations

from tlsmgm._service import (
    DEFAULT_FORMAT,
    AccessLog,
    Balance,
    BoundSocket,
    ProxyOptions,
    ProxyProtocol,
    ProxyService,
    ProxyTLVs,
    Shutdown,
    Target,
    TLSProxy,
    UncleanEnd,
    bind,
    close_sockets,
    parse_target,
)

__all__ = [
    "DEFAULT_FORMAT",
    "AccessLog",
    "Balance",
    "BoundSocket",
    "ProxyOptions",
    "ProxyProtocol",
    "ProxyService",
    "ProxyTLVs",
    "Shutdown",
    "TLSProxy",
    "Target",
    "UncleanEnd",
    "bind",
    "close_sockets",
    "parse_target",
]
