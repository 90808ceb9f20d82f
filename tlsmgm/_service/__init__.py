"""The TLS proxy: TLS to plain TCP, plain TCP to TLS, and TLS to TLS, through TLS domains.

The engine carries the connections (:mod:`tlsmgm._engine`); this is what a program has around it.

======================================  ============================================================
:mod:`~tlsmgm._service.service`         puts all of it together: management, reloads, signals
:mod:`~tlsmgm._service.server`          has the engine listen, and drains
:mod:`~tlsmgm._service.options`         what can be chosen about it
:mod:`~tlsmgm._service.shutdown`        the wish that it ends
:mod:`~tlsmgm._service.reloads`         puts requests to reload together
:mod:`~tlsmgm._service.collection`      keeps a configuration out of the garbage collector
:mod:`~tlsmgm._service.access_log`      one line per connection
:mod:`~tlsmgm._service.log_values`      what stands in it
:mod:`~tlsmgm._service.log_quoting`     strangers' values, made harmless
:mod:`~tlsmgm._service.log_writer`      the thread that writes them
:mod:`~tlsmgm._service.log_file`        the file, which follows its name
======================================  ============================================================
"""

from __future__ import annotations

from tlsmgm._service.access_log import DEFAULT_FORMAT, AccessLog
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.server import TLSProxy
from tlsmgm._service.service import ProxyService
from tlsmgm._service.shutdown import Shutdown
from tlsmgm._serving.forwarding import Balance, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._serving.listening import BoundSocket, bind, close_sockets
from tlsmgm._serving.targets import Target, parse_target

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
