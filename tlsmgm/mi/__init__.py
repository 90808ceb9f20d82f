"""The management interface: JSON-RPC 2.0 over FIFO, HTTP and datagrams, as OpenSIPS speaks it.

How a request goes::

    transport -> bytes -> jsonrpc -> command -> manager

=============================== ================================================================
:mod:`~tlsmgm.mi.server`         starts and stops all endpoints
:mod:`~tlsmgm.mi.endpoints`      the text forms of endpoints
:mod:`~tlsmgm.mi.jsonrpc`        bytes of a request in, bytes of the reply out
:mod:`~tlsmgm.mi.commands`       what can be asked for
:mod:`~tlsmgm.mi.reloading`      one reload at a time, and its log
:mod:`~tlsmgm.mi.fifo`           FIFO; :mod:`~tlsmgm.mi.framing` finds the requests in its bytes
:mod:`~tlsmgm.mi.http`           HTTP, with aiohttp
:mod:`~tlsmgm.mi.datagram`       UDP and unix datagrams
:mod:`~tlsmgm.mi.workers`        so many requests at a time
:mod:`~tlsmgm.mi.paths`          stale FIFOs and sockets
:mod:`~tlsmgm.mi.token`          the token of the HTTP interface
:mod:`~tlsmgm.mi.client`         a blocking client for all of them
=============================== ================================================================
"""

from __future__ import annotations

from tlsmgm.acceptor import Shortage
from tlsmgm.mi.endpoints import (
    Endpoint,
    FIFOEndpoint,
    HTTPEndpoint,
    UDPEndpoint,
    UnixEndpoint,
    parse_endpoint,
)
from tlsmgm.mi.jsonrpc import RPCError
from tlsmgm.mi.reloading import Manager, Reloader
from tlsmgm.mi.server import MIServer

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
