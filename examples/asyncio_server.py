"""TLS domains in an asyncio server of your own: ``tlsmgm.aio.start_server()`` and a coroutine.

Usage: ``python asyncio_server.py opensips.cfg HOST PORT``. Serves the script's domains on one
address, and answers each line with what it knows about the client. Port 0 takes a free one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

import tlsmgm
from tlsmgm import aio


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Tell a client who it is, as often as it asks."""
    domain = writer.get_extra_info("tls_domain")
    text = f"domain {domain.name}, $tls_version, peer $tls_peer_subject\n"
    answer = writer.get_extra_info("tls_connection").expand(text).encode()
    with contextlib.suppress(tlsmgm.TruncatedError, ConnectionError):  # it has just left
        while await reader.readline():
            writer.write(answer)
            await writer.drain()
    writer.close()


def tell(ended: tlsmgm.Ended) -> None:
    """Say why a client was not served."""
    print(f"{ended.status}: {ended.reason}", flush=True)


async def serve(config: str, host: str, port: int) -> None:
    """Serve until interrupted."""
    manager = tlsmgm.TLSManager.from_config(config)
    server = await aio.start_server(greet, host, port, tls=manager, on_end=tell)
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="OpenSIPS script")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.config, options.host, options.port))
