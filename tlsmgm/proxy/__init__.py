"""The TLS proxy: TLS to plain TCP, plain TCP to TLS, and TLS to TLS, through TLS domains.

How a connection goes::

    accept -> TLS handshake in the matched server domain -> connect upstream -> relay -> close

============================ =================================================================
:mod:`~tlsmgm.proxy.server`   listens, keeps track of all relays, drains, reloads
:mod:`~tlsmgm.proxy.relay`    one client connection and its upstream: life cycle and deadlines
:mod:`~tlsmgm.proxy.endpoint` one side of a relay, plain or TLS: bytes, half-close, back-pressure
:mod:`~tlsmgm.proxy.buffers`         how much an endpoint reads, and how much may wait in it
:mod:`~tlsmgm.proxy.reloads`         puts requests to reload together
:mod:`~tlsmgm.proxy.transports`      what endpoints need of their sockets
:mod:`~tlsmgm.proxy.upstream` resolves and connects, chooses the client domain
:mod:`~tlsmgm.proxy.proxy_protocol`  PROXY protocol header
:mod:`~tlsmgm.proxy.preface`         what that header says about a client
:mod:`~tlsmgm.proxy.key_names`       names of the algorithms in our certificates
:mod:`~tlsmgm.proxy.collection`      keeps a configuration out of the garbage collector
:mod:`~tlsmgm.proxy.access_log`      one line per connection
:mod:`~tlsmgm.proxy.statistics`      what is counted
:mod:`~tlsmgm.proxy.status`          words for how far a connection has come and how it ended
:mod:`~tlsmgm.proxy.ends`            names ends that were not announced, and reasons
:mod:`~tlsmgm.proxy.records`         where TLS records end on the wire
:mod:`~tlsmgm.proxy.stillness`       notices that nothing moves
============================ =================================================================
"""

from __future__ import annotations

from tlsmgm.proxy.access_log import DEFAULT_FORMAT, AccessLog
from tlsmgm.proxy.addresses import Target, parse_target
from tlsmgm.proxy.options import ProxyOptions, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm.proxy.server import TLSProxy

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
