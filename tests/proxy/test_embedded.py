"""The proxy inside a program, which has signals, reloads and the end in its own hands."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.support.proxy import client_context
from tests.support.scripts import Site, server
from tlsmgm.proxy import AccessLog, ProxyOptions, Shutdown, TLSProxy, bind, parse_target

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    writer.close()


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=client_context(), server_hostname="dom1.test"
    )
    writer.write(b"ping")
    answer = await reader.read()
    writer.close()
    return answer


def test_it_relays_until_its_owner_says_so_and_touches_no_signal(
    tmp_path: Path, library: str
) -> None:
    site = Site(tmp_path, library)
    site.write(server("dom1"))
    manager = site.load()
    log = AccessLog("$status", str(tmp_path / "access.log"))

    async def run() -> None:
        upstream = await asyncio.start_server(echo, "127.0.0.1", 0)
        target = parse_target("tcp:{}:{}".format(*upstream.sockets[0].getsockname()))
        proxy = TLSProxy(manager, ProxyOptions(target), log)
        listeners = bind([parse_target("tls:127.0.0.1:0", listening=True)])
        shutdown = Shutdown()
        before = [signal.getsignal(number) for number in SIGNALS]
        running = asyncio.create_task(proxy.run(listeners, shutdown))
        assert await ask(listeners[0].target.port) == b"ping"
        assert [signal.getsignal(number) for number in SIGNALS] == before
        assert not shutdown.is_requested
        shutdown.request()
        await running
        assert [sock.fileno() for sock in listeners[0].socks] == [-1]
        assert proxy.statistics()["connections_ended_total"] == 1
        upstream.close()

    try:
        asyncio.run(run())
    finally:
        log.close()
    assert (tmp_path / "access.log").read_text(encoding="utf-8") == "ok\n"
