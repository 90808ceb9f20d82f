"""Requests to reload, put together: ten at once are two reloads.

They are the one that runs already, and one that begins after all of the others were asked for.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.management import TIMEOUT, FakeManager, dispatcher, run, until
from tests.support.management import request as request_bytes
from tlsmgm._domains.report import ReloadReport
from tlsmgm.errors import TLSError
from tlsmgm.mi import MIServer
from tlsmgm.mi._reloading import Reloader
from tlsmgm.mi.client import call


class Numbered(FakeManager):
    """Each reload tells its number, and goes on when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.failing: set[int] = set()

    def _reload(self, name: str) -> ReloadReport:
        self.begun += 1
        number = self.begun
        super()._reload(name)
        if number in self.failing:
            raise TLSError(f"reload {number} is bad")
        return ReloadReport(added=(f"domain of reload {number}",))


async def ten_after_one(manager: Numbered, method: str) -> tuple[Any, list[Any]]:
    """The answer to a request, and those to ten that came while its reload ran."""
    asked = dispatcher(manager)

    async def ask_now() -> Any:
        return json.loads(await asked.reply(request_bytes(method)) or b"")

    manager.may_go_on.clear()
    first = asyncio.create_task(ask_now())
    await until(lambda: manager.begun == 1)
    others = [asyncio.create_task(ask_now()) for _ in range(10)]
    await asyncio.sleep(0)  # each has its turn, as far as it goes
    manager.may_go_on.set()
    return await first, list(await asyncio.gather(*others))


def test_ten_requests_share_the_reload_that_begins_after_them() -> None:
    manager = Numbered()
    first, others = run(ten_after_one(manager, "tlsmgm:reload"))
    assert manager.begun == 2
    assert first["result"]["added"] == ["domain of reload 1"]
    assert [reply["result"]["added"] for reply in others] == 10 * [["domain of reload 2"]]


@pytest.mark.parametrize("bad", [1, 2])
def test_each_gets_the_outcome_of_its_own_reload(bad: int) -> None:
    manager = Numbered()
    manager.failing = {bad}
    first, others = run(ten_after_one(manager, "tlsmgm:reload"))
    assert manager.begun == 2
    assert first.get("error", {}).get("data") == ("reload 1 is bad" if bad == 1 else None)
    for reply in others:
        assert reply.get("error", {}).get("data") == ("reload 2 is bad" if bad == 2 else None)


def test_ten_requests_for_the_database() -> None:
    manager = Numbered()
    first, others = run(ten_after_one(manager, "tls_reload"))
    assert manager.calls == 2 * ["reload_database"]
    assert {reply["result"] for reply in (first, *others)} == {"OK"}


def test_a_reload_of_files_is_none_of_the_database_alone() -> None:
    """What is wrong with a file is no reason to refuse a table that is good."""
    manager = Numbered()
    manager.failing = {2}
    reloader = Reloader(manager)

    async def main() -> None:
        manager.may_go_on.clear()
        first = asyncio.create_task(reloader.reload())
        await until(lambda: manager.begun == 1)
        everything = asyncio.create_task(reloader.reload())
        database = asyncio.create_task(reloader.reload_database())
        await asyncio.sleep(0)
        manager.may_go_on.set()
        await first
        with pytest.raises(TLSError, match="reload 2 is bad"):
            await everything
        assert (await database).added == ("domain of reload 3",)

    run(main())
    assert manager.calls == ["reload", "reload", "reload_database"]


def test_one_that_goes_away_takes_nothing_from_the_others() -> None:
    manager = Numbered()
    reloader = Reloader(manager)

    async def main() -> None:
        manager.may_go_on.clear()
        first = asyncio.create_task(reloader.reload())
        await until(lambda: manager.begun == 1)
        gone, other = (asyncio.create_task(reloader.reload()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        manager.may_go_on.set()
        await first
        assert (await other).added == ("domain of reload 2",)

    run(main())
    assert manager.begun == 2


def test_those_that_wait_are_told_of_the_end() -> None:
    manager = Numbered()
    reloader = Reloader(manager)

    async def main() -> None:
        manager.may_go_on.clear()
        asking = [asyncio.create_task(reloader.reload())]
        await until(lambda: manager.begun == 1)
        asking += [asyncio.create_task(reloader.reload()) for _ in range(3)]
        await asyncio.sleep(0)
        await reloader.stop()
        assert (await asking[0]).added == ("domain of reload 1",)
        for task in asking[1:]:
            with pytest.raises(TLSError, match="about to end"):
                await task

    run(main())
    assert manager.begun == 1


class Counting(Reloader):
    """Knows how many have asked."""

    asked = 0

    async def reload(self) -> ReloadReport:
        self.asked += 1
        return await super().reload()


@pytest.mark.parametrize("kind", ["http", "fifo", "unix", "udp"])
def test_over_each_transport(kind: str, tmp_path: Path) -> None:
    manager = Numbered()
    reloader = Counting(manager)
    endpoint = {
        "http": "http:127.0.0.1:0",
        "fifo": f"fifo:{tmp_path}/fifo,reply_dir={tmp_path}",
        "unix": f"unix:{tmp_path}/socket",
        "udp": "udp:127.0.0.1:0",
    }[kind]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(11) as threads:
            async with MIServer(manager, [endpoint], reloader=reloader) as server:
                (where,) = server.endpoints

                def ask() -> list[str]:
                    found: dict[str, list[str]] = call(where, "tlsmgm:reload", timeout=TIMEOUT)
                    return found["added"]

                manager.may_go_on.clear()
                first = loop.run_in_executor(threads, ask)
                await until(lambda: manager.begun == 1)
                others = [loop.run_in_executor(threads, ask) for _ in range(10)]
                await until(lambda: reloader.asked == 11)
                manager.may_go_on.set()
                assert await first == ["domain of reload 1"]
                assert await asyncio.gather(*others) == 10 * [["domain of reload 2"]]

    run(main())
    assert manager.begun == 2
