"""asyncio over TLS domains: streams, protocols and servers, as asyncio has them with ``ssl=``.

Wherever asyncio takes an ``ssl.SSLContext``, these take ``tls=``: a :class:`tlsmgm.TLSManager`,
or one :class:`tlsmgm.Domain`.  They work under asyncio's own loops and under uvloop.
"""

from tlsmgm._aio.client import create_connection
from tlsmgm._aio.server import ListeningAddress, Server, create_server
from tlsmgm._aio.streams import open_connection, start_server
from tlsmgm._aio.upgrading import start_tls, start_tls_streams

__all__ = [
    "ListeningAddress",
    "Server",
    "create_connection",
    "create_server",
    "open_connection",
    "start_server",
    "start_tls",
    "start_tls_streams",
]
