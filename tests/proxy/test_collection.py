"""What the proxy leaves to Python's garbage collector."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.proxy import TIMEOUT
from tests.support.scripts import Site, server
from tlsmgm import TLSManager
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.report import ReloadReport
from tlsmgm._service import AccessLog, ProxyOptions, ProxyService, bind, parse_target


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


@pytest.fixture
def site(tmp_path: Path, library: str) -> Site:
    found = Site(tmp_path, library)
    found.write(server("dom1"))
    return found


def run_proxy(
    manager: TLSManager,
    upstream: str,
    use: Callable[[ProxyService, int], Coroutine[Any, Any, None]],
    *,
    freezes: bool,
) -> None:
    """Run a proxy in this process until that has been done with it and its port."""

    async def run() -> None:
        log = AccessLog("$status", None)
        service = ProxyService(manager, ProxyOptions(parse_target(upstream)), log, freezes=freezes)
        listeners = bind([parse_target("tls:127.0.0.1:0", listening=True)])
        running = asyncio.create_task(service.run(listeners, handle_signals=False))
        try:
            # It has begun when it serves.
            _, writer = await asyncio.open_connection("127.0.0.1", listeners[0].target.port)
            writer.close()
            while not service.statistics()["connections_accepted_total"]:
                await asyncio.sleep(0)
            await use(service, listeners[0].target.port)
        finally:
            service.stop()
            await running
            log.close()

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def collected(manager: TLSManager) -> list[Domain]:
    """Domains that the collector looks at."""
    seen = {id(item) for item in gc.get_objects()}
    return [domain for domain in manager.domains if id(domain) in seen]


@pytest.mark.parametrize("freezes", [True, False])
def test_domains_are_frozen_after_start_and_reload(site: Site, freezes: bool) -> None:
    manager = site.load()

    async def use(service: ProxyService, port: int) -> None:
        assert bool(collected(manager)) is not freezes
        assert bool(gc.get_freeze_count()) is freezes
        site.write(server("dom1"), server("dom2", match_ip_address="127.0.0.9:1"))
        service.reload()
        while len(manager.domains) == 1:
            await asyncio.sleep(0)
        await service._reloads.finish(TIMEOUT)
        assert bool(collected(manager)) is not freezes

    run_proxy(manager, "tcp:127.0.0.1:9", use, freezes=freezes)


def test_no_full_collection_during_a_reload(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would look at all that the load has made so far."""
    site.write(*(server(f"d{number}", key="dom1") for number in range(20)))
    manager = site.load()
    running: list[bool] = []
    seen: list[bool] = []
    reload = manager.reload

    def reload_watched() -> ReloadReport:
        running.append(True)
        try:
            return reload()
        finally:
            running.clear()

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2 and running:
            seen.append(True)

    async def use(service: ProxyService, port: int) -> None:
        site.write(*(server(f"e{number}", key="dom1") for number in range(20)))
        gc.set_threshold(20, 2, 2)
        service.reload()
        while manager.domains[0].name != "e0":
            await asyncio.sleep(0)
        await service._reloads.finish(TIMEOUT)
        assert gc.get_threshold() == (20, 2, 2)

    before = gc.get_threshold()
    monkeypatch.setattr(manager, "reload", reload_watched)
    gc.callbacks.append(note)
    try:
        run_proxy(manager, "tcp:127.0.0.1:9", use, freezes=True)
    finally:
        gc.callbacks.remove(note)
        gc.set_threshold(*before)
    assert not seen
