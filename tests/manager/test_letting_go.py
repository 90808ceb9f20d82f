"""What a reload replaces is freed one domain after another; other threads get their turn."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripts import Site, server
from tests.support.tables import DomainTable, server_row
from tlsmgm import TLSManager
from tlsmgm._state import assembly

DOMAINS = 8


class Watch:
    """Counts contexts that are freed with no call of a function in C between them.

    The interpreter lets other threads run between two steps of a program, but not within one: what
    is freed together with a dictionary goes in one step.
    """

    def __init__(self) -> None:
        self.freed = 0
        self.most_at_once = 0
        self._at_once = 0

    def note(self) -> None:
        """A context has been freed."""
        self.freed += 1
        self._at_once += 1
        if self._at_once > self.most_at_once:
            self.most_at_once = self._at_once

    def step(self, _frame: object, event: str, _argument: object) -> None:
        """For ``sys.setprofile()``."""
        if event == "c_call":
            self._at_once = 0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watch the contexts that are built from now on."""
    found = Watch()

    class Mark(bytes):
        def __del__(self) -> None:
            found.note()

    build = assembly.build_context

    def build_marked(*arguments: Any, previous: Any = None, **more: Any) -> Any:
        built = build(*arguments, previous=previous, **more)
        if built is previous:
            return built
        return dataclasses.replace(built, ticket_source=Mark(built.ticket_source))

    monkeypatch.setattr(assembly, "build_context", build_marked)
    yield found
    sys.setprofile(None)


def check(watch: Watch, reload: Callable[[], object]) -> None:
    """Reload, and see that all contexts went, one by one."""
    sys.setprofile(watch.step)
    reload()
    sys.setprofile(None)
    assert watch.freed == DOMAINS
    assert watch.most_at_once == 1


def test_domains_of_a_script(site: Site, watch: Watch) -> None:
    def write(suffix: str) -> None:
        site.write(
            *(server(f"d{n}", key="dom1", match_sip_domain=f"{n}.{suffix}") for n in range(DOMAINS))
        )

    write("before.test")
    manager = site.load()
    write("after.test")
    check(watch, manager.reload)


def test_domains_of_a_table(tmp_path: Path, library: str, watch: Watch) -> None:
    rows = [
        server_row("dom1", domain=f"d{number}", match_sip_domain=f"{number}.before.test")
        for number in range(DOMAINS)
    ]
    table = DomainTable(f"sqlite:///{tmp_path}/db", *rows)
    manager = TLSManager(library)
    manager.attach_database(table.url)
    for number in range(DOMAINS):
        table.update(f"d{number}", match_sip_domain=f"{number}.after.test")
    check(watch, manager.reload_database)
