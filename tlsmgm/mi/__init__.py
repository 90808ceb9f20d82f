"""The management interface: JSON-RPC 2.0 over FIFO, HTTP and datagrams, as OpenSIPS speaks it.

How a request goes::

    transport -> bytes -> jsonrpc -> command -> manager

============================  ================================================================
:mod:`~tlsmgm.mi._server`     starts and stops all endpoints
:mod:`~tlsmgm.mi._endpoints`  the text forms of endpoints
:mod:`~tlsmgm.mi._jsonrpc`    bytes of a request in, bytes of the reply out
:mod:`~tlsmgm.mi._commands`   what can be asked for
:mod:`~tlsmgm.mi._reloading`  one reload at a time, and its log
:mod:`~tlsmgm.mi._fifo`       FIFO; :mod:`~tlsmgm.mi._framing` finds the requests in its bytes
:mod:`~tlsmgm.mi._http`       HTTP, with aiohttp
:mod:`~tlsmgm.mi._datagram`   UDP and unix datagrams
:mod:`~tlsmgm.mi._workers`    so many requests at a time
:mod:`~tlsmgm.mi._paths`      stale FIFOs and sockets
:mod:`~tlsmgm.mi._token`      the token of the HTTP interface
:mod:`~tlsmgm.mi.client`      a blocking client for all of them
============================  ================================================================
"""

from __future__ import annotations

from tlsmgm._serving.acceptor import Shortage
from tlsmgm.mi._endpoints import (
    Endpoint,
    FIFOEndpoint,
    HTTPEndpoint,
    UDPEndpoint,
    UnixEndpoint,
    parse_endpoint,
)
from tlsmgm.mi._jsonrpc import RPCError
from tlsmgm.mi._reloading import Manager, Reloader
from tlsmgm.mi._server import MIServer

__all__ = [
    "Endpoint",
    "FIFOEndpoint",
    "HTTPEndpoint",
    "MIServer",
    "Manager",
    "RPCError",
    "Reloader",
    "Shortage",
    "UDPEndpoint",
    "UnixEndpoint",
    "parse_endpoint",
]
