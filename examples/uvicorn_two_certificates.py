"""An ASGI application under uvicorn with a certificate for each name, renewed without a restart.

Usage: ``python uvicorn_two_certificates.py domains.toml HOST PORT [--library wolfssl]``. The file
has a server domain for each name; the client's SNI says which of them answers. When the files of
certificates have new content, ``kill -HUP`` has them read. Port 0 takes a free one.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
from typing import Any

import uvicorn

import tlsmgm
from tlsmgm import adapters


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Say who was asked for."""
    assert scope["type"] == "http"
    body = dict(scope["headers"])[b"host"] + b" is served by uvicorn\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
    manager = tlsmgm.TLSManager.from_config(config, library)
    context = adapters.ssl_context(manager)  # asks the manager anew for each connection
    server = uvicorn.Server(
        uvicorn.Config(
            app, ssl_context_factory=lambda *_: context, lifespan="off", log_level="warning"
        )
    )
    tasks = set()  # asyncio itself keeps none

    def on_hangup() -> None:
        task = asyncio.ensure_future(renew(manager))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
    with socket.create_server((host, port)) as sock:
        print("listening on {}:{}".format(*sock.getsockname()), flush=True)
        await server.serve(sockets=[sock])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="TOML file or OpenSIPS script")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--library", choices=["openssl", "wolfssl"])
    options = parser.parse_args()
    asyncio.run(serve(options.config, options.host, options.port, options.library))
