"""An aiohttp application with a certificate for each of its names, renewed without a restart.

Usage: ``python aiohttp_two_certificates.py domains.toml HOST PORT [--library wolfssl]``. The file
has a server domain for each name; the client's SNI says which of them answers. When the files of
certificates have new content, ``kill -HUP`` has them read: new connections get the new ones, and
those that are there go on. Port 0 takes a free one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from typing import Any, cast

from aiohttp import web

import tlsmgm
from tlsmgm import aio


async def hello(request: web.Request) -> web.Response:
    """Say who answers."""
    assert request.transport is not None
    domain = request.transport.get_extra_info("tls_domain")
    return web.Response(text=f"{request.host} is served by the domain {domain.name}\n")


async def renew(manager: tlsmgm.TLSManager) -> None:
    """Read all files again; what cannot be used leaves everything as it was."""
    try:
        report = await asyncio.to_thread(manager.reload)
    except tlsmgm.ConfigError as error:
        print(f"nothing was changed: {error}", flush=True)
    else:
        print(f"renewed: {', '.join(report.changed) or 'nothing'}", flush=True)


async def serve(config: str, host: str, port: int, library: str | None) -> None:
    """Serve until interrupted."""
    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    manager = tlsmgm.TLSManager.from_config(config, library)
    # web.Server is a factory of protocols, which is all that a server needs to know of it.
    factory = cast("Any", runner.server)
    server = await aio.create_server(factory, host, port, tls=manager)
    tasks = set()  # asyncio itself keeps none

    def on_hangup() -> None:
        task = asyncio.ensure_future(renew(manager))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    try:
        await server.serve_forever()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="TOML file or OpenSIPS script")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--library", choices=["openssl", "wolfssl"])
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.config, options.host, options.port, options.library))
