"""Statistics, asked for as ``opensips-cli`` asks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.management import FakeManager, request, run
from tlsmgm.mi._commands import command_table
from tlsmgm.mi._jsonrpc import Dispatcher
from tlsmgm.mi._reloading import Reloader

ALL = {"tlsmgm:open": 3, "tlsmgm:first_total": 1, "tlsmgm:second_total": 2}


def ask(method: str, **more: object) -> Any:
    manager = FakeManager()
    numbers = {name.removeprefix("tlsmgm:"): value for name, value in ALL.items()}
    table = command_table(manager, Reloader(manager), lambda: numbers)
    reply = run(Dispatcher(table).reply(request(method, **more)))
    assert reply is not None
    return json.loads(reply)


@pytest.mark.parametrize("method", ["get_statistics", "statistics:get"])
@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, list(ALL)),
        ([], list(ALL)),
        ([["all"]], list(ALL)),
        ([["tlsmgm:"]], list(ALL)),
        ({"statistics": ["tlsmgm:", "core:"]}, list(ALL)),
        ([["second_total"]], ["tlsmgm:second_total"]),
        ([["tlsmgm:second_total", "open", "unknown"]], ["tlsmgm:open", "tlsmgm:second_total"]),
    ],
)
def test_values(method: str, params: object, names: list[str]) -> None:
    assert ask(method, params=params)["result"] == {name: ALL[name] for name in names}


@pytest.mark.parametrize("method", ["list_statistics", "statistics:list"])
def test_kinds(method: str) -> None:
    assert ask(method, params=[["open", "first_total"]])["result"] == {
        "tlsmgm:open": "non-incremental",
        "tlsmgm:first_total": "incremental",
    }


@pytest.mark.parametrize("names", [["unknown"], ["core:"], ["other:open"], []])
def test_unknown_names(names: list[str]) -> None:
    found = ask("get_statistics", params=[names])
    assert found["error"] == {"code": 404, "message": "Statistics Not Found"}


@pytest.mark.parametrize(
    "params",
    ["all", ["all"], [["all"], ["all"]], {"statistics": "all"}, {"names": ["all"]}, [[1]], [{}]],
)
def test_bad_params(params: object) -> None:
    assert ask("get_statistics", params=params)["error"]["code"] == -32602


def test_which_knows_them() -> None:
    assert set(ask("which")["result"]) > {"get_statistics", "list_statistics", "tls_list"}
    assert ask("which", params=["get_statistics"])["result"] == [[], ["statistics"]]
    assert ask("which", params=["tls_list"])["result"] == [[]]
