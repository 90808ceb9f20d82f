"""The TLS proxy: TLS to plain TCP, plain TCP to TLS, and TLS to TLS, through TLS domains.

How a connection goes::

    accept -> TLS handshake in the matched server domain -> connect upstream -> relay -> close

======================================  ============================================================
:mod:`~tlsmgm._service.service`         puts all of it together: management, reloads, signals
:mod:`~tlsmgm._service.server`          lets clients in or turns them away, and drains
:mod:`~tlsmgm._service.shutdown`        the wish that it ends
:mod:`~tlsmgm._service.listening`       listening sockets
:mod:`~tlsmgm._service.relays`          keeps track of all relays, and ends them
:mod:`~tlsmgm._service.relay`           one client connection and its upstream, from start to end
:mod:`~tlsmgm._service.endpoint`        one side of it, plain or TLS: bytes, half-close, waiting
:mod:`~tlsmgm._service.buffers`         how much an endpoint reads, and how much may wait in it
:mod:`~tlsmgm._service.reloads`         puts requests to reload together
:mod:`~tlsmgm._service.transports`      what endpoints need of their sockets
:mod:`~tlsmgm._service.upstream`        resolves and connects, chooses the client domain
:mod:`~tlsmgm._service.proxy_protocol`  PROXY protocol header
:mod:`~tlsmgm._service.preface`         what that header says about a client
:mod:`~tlsmgm._service.key_names`       names of the algorithms in our certificates
:mod:`~tlsmgm._service.collection`      keeps a configuration out of the garbage collector
:mod:`~tlsmgm._service.access_log`      one line per connection
:mod:`~tlsmgm._service.log_writer`      the thread that writes them
:mod:`~tlsmgm._service.log_file`        the file, which follows its name
:mod:`~tlsmgm._service.statistics`      what is counted
:mod:`~tlsmgm._service.status`          words for how far a connection has come and how it ended
:mod:`~tlsmgm._service.ends`            names ends that were not announced, and reasons
:mod:`~tlsmgm._service.records`         where TLS records end on the wire
:mod:`~tlsmgm._service.stillness`       notices that nothing moves
======================================  ============================================================
"""

from __future__ import annotations

from tlsmgm._service.access_log import DEFAULT_FORMAT, AccessLog
from tlsmgm._service.addresses import Target, parse_target
from tlsmgm._service.listening import Listener, bind, close_listeners
from tlsmgm._service.options import ProxyOptions, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._service.server import TLSProxy
from tlsmgm._service.service import ProxyService
from tlsmgm._service.shutdown import Shutdown

__all__ = [
    "DEFAULT_FORMAT",
    "AccessLog",
    "Listener",
    "ProxyOptions",
    "ProxyProtocol",
    "ProxyService",
    "ProxyTLVs",
    "Shutdown",
    "TLSProxy",
    "Target",
    "UncleanEnd",
    "bind",
    "close_listeners",
    "parse_target",
]
