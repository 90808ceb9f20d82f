"""What tests of the management interface share: a manager made of nothing, and requests."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from tlsmgm._domains.report import ReloadReport
from tlsmgm.errors import TLSError
from tlsmgm.mi._commands import command_table
from tlsmgm.mi._jsonrpc import Dispatcher
from tlsmgm.mi._reloading import Reloader

TIMEOUT = 60.0

T = TypeVar("T")


class FakeManager:
    """Counts what it is asked for."""

    def __init__(self, *, has_database: bool = True, domains: int = 1) -> None:
        self.has_database = has_database
        self.domains = domains
        self.error: Exception | None = None
        self.calls: list[str] = []
        self.running = 0
        self.most_running = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()

    def list_domains(self) -> dict[str, list[dict[str, Any]]]:
        self.calls.append("list")
        return {"Domains": [{"name": f"domain {number}"} for number in range(self.domains)]}

    def reload(self) -> ReloadReport:
        return self._reload("reload")

    def reload_database(self) -> ReloadReport:
        return self._reload("reload_database")

    def _reload(self, name: str) -> ReloadReport:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.has_begun.set()
        assert self.may_go_on.wait(TIMEOUT)
        self.running -= 1
        self.calls.append(name)
        if self.error is not None:
            raise self.error
        return ReloadReport(
            added=("new",),
            removed=("old", "older"),
            failed=("bad\nline",),
            warnings=("not used",),
        )

    def cancel_reload(self) -> None:
        self.calls.append("cancel")
        self.may_go_on.set()


def failing(message: str = "row 7: no key") -> FakeManager:
    """Return a manager whose reloads fail."""
    manager = FakeManager()
    manager.error = TLSError(message)
    return manager


def dispatcher(manager: FakeManager | None = None) -> Dispatcher:
    """Return a dispatcher with all commands."""
    manager = manager or FakeManager()
    return Dispatcher(command_table(manager, Reloader(manager)))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a loop of its own."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, TIMEOUT)

    return asyncio.run(bounded())


def request(method: str = "which", request_id: object = "1", **more: object) -> bytes:
    """Return a request."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, **more}).encode()


async def until(condition: Any) -> None:
    """Give other tasks their turn until something is so."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.001)


def open_descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(os.listdir("/dev/fd"))
