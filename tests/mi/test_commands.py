"""The commands, with a manager made of nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.support.management import FakeManager, dispatcher, failing, request, run, until
from tlsmgm.errors import TLSError
from tlsmgm.mi._commands import command_table
from tlsmgm.mi._jsonrpc import Dispatcher
from tlsmgm.mi._reloading import Reloader

COMMANDS = ["tls_list", "tls_mgm:list", "tls_mgm:reload", "tls_reload", "tlsmgm:reload", "which"]
INVALID_PARAMS = -32602


def ask(manager: FakeManager, method: str, **more: object) -> Any:
    reply = run(dispatcher(manager).reply(request(method, **more)))
    assert reply is not None
    return json.loads(reply)


def test_which() -> None:
    assert ask(FakeManager(), "which")["result"] == COMMANDS


def test_which_of_one_command_is_what_completion_asks() -> None:
    assert ask(FakeManager(), "which", params={"command": "tls_list"})["result"] == [[]]
    assert ask(FakeManager(), "which", params=["which"])["result"] == [[], ["command"]]


@pytest.mark.parametrize(
    "params", [{"command": "no"}, {"x": "tls_list"}, ["a", "b"], [[]], [5], {"command": {}}]
)
def test_which_with_bad_params(params: object) -> None:
    assert ask(FakeManager(), "which", params=params)["error"]["code"] == INVALID_PARAMS


@pytest.mark.parametrize("method", ["tls_list", "tls_mgm:list"])
def test_list(method: str) -> None:
    assert ask(FakeManager(), method)["result"] == {"Domains": [{"name": "domain 0"}]}


@pytest.mark.parametrize("method", ["tls_reload", "tls_mgm:reload"])
def test_reload_of_the_database(method: str) -> None:
    manager = FakeManager()
    assert ask(manager, method)["result"] == "OK"
    assert manager.calls == ["reload_database"]


@pytest.mark.parametrize("method", ["tls_reload", "tls_mgm:reload"])
def test_reload_without_a_database(method: str) -> None:
    manager = FakeManager(has_database=False)
    assert ask(manager, method)["error"] == {"code": 500, "message": "DB url not set"}
    assert manager.calls == []


@pytest.mark.parametrize("method", ["tls_reload", "tls_mgm:reload"])
def test_reload_that_fails(method: str, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(failing(), method)["error"] == {"code": 500, "message": "Failed to reload"}
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["reload failed, nothing was changed: row 7: no key"]


def test_reload_that_fails_unexpectedly(caplog: pytest.LogCaptureFixture) -> None:
    manager = FakeManager()
    manager.error = ZeroDivisionError("a secret detail")
    assert ask(manager, "tls_reload")["error"] == {"code": 500, "message": "Failed to reload"}
    assert "secret" not in str(ask(manager, "tlsmgm:reload"))
    assert caplog.records[0].exc_info is not None


def test_reload_of_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    manager = FakeManager(has_database=False)
    assert ask(manager, "tlsmgm:reload")["result"] == {
        "added": ["new"],
        "changed": [],
        "removed": ["old", "older"],
        "failed": ["bad\nline"],
        "kept": [],
        "warnings": ["not used"],
    }
    assert manager.calls == ["reload"]
    expected = (
        r"reloaded: 1 added (new), 0 changed, 2 removed (old, older), 1 failed (bad\nline), 0 kept"
    )
    assert [record.getMessage() for record in caplog.records] == [expected, "not used"]


def test_reload_of_everything_that_fails_says_why() -> None:
    assert ask(failing("x.cfg:1: no"), "tlsmgm:reload")["error"] == {
        "code": 500, "message": "Failed to reload", "data": "x.cfg:1: no",
    }  # fmt: skip


@pytest.mark.parametrize("method", COMMANDS[:-1])
@pytest.mark.parametrize("params", [{"a": 1}, [1], [[]], {"": None}])
def test_params_that_no_command_takes(method: str, params: object) -> None:
    manager = FakeManager()
    assert ask(manager, method, params=params)["error"]["code"] == INVALID_PARAMS
    assert manager.calls == []


@pytest.mark.parametrize("params", [{}, []])
def test_empty_params(params: object) -> None:
    assert ask(FakeManager(), "tls_reload", params=params)["result"] == "OK"


def test_a_reloader_that_stops() -> None:
    """Who had asked has gone, and the thread goes on: it is still the reloader's."""
    manager = FakeManager()
    manager.may_go_on.clear()
    reloader = Reloader(manager)

    async def main() -> None:
        asking = asyncio.create_task(reloader.reload())
        await asyncio.to_thread(manager.has_begun.wait)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await reloader.stop()
        assert manager.running == 0
        with pytest.raises(TLSError, match="about to end"):
            await reloader.reload()

    asyncio.run(main())
    assert manager.calls[0] == "cancel"
    assert manager.calls.count("reload") == 1


def test_one_reload_at_a_time_and_the_loop_goes_on() -> None:
    manager = FakeManager()
    after: list[int] = []
    reloader = Reloader(manager, after=lambda: after.append(len(manager.calls)))
    asked = Dispatcher(command_table(manager, reloader))

    async def reload_and_list() -> None:
        manager.may_go_on.clear()
        methods = ("tls_reload", "tlsmgm:reload", "tls_mgm:reload")
        tasks = [asyncio.create_task(asked.reply(request(method))) for method in methods]
        tasks.append(asyncio.create_task(_reload(reloader)))
        await until(manager.has_begun.is_set)
        listed = await asked.reply(request("tls_list"))
        assert listed is not None
        assert manager.calls == ["list"]
        manager.may_go_on.set()
        await asyncio.gather(*tasks)

    run(reload_and_list())
    assert manager.most_running == 1
    assert sorted(manager.calls) == ["list", "reload", "reload_database"]
    assert after == [2, 3]


async def _reload(reloader: Reloader) -> None:
    await reloader.reload()
