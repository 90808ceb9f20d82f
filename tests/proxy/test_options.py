"""What a proxy takes from its manager, and what it leaves as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import manager_of, server_domain
from tests.support.scripts import Site, server
from tlsmgm import TLSManager
from tlsmgm._service import AccessLog, ProxyOptions, TLSProxy, parse_target
from tlsmgm._service.relays import Relays
from tlsmgm._serving.limits import DEFAULT_HELLO_SIZE, DEFAULT_SEND_TIMEOUT, Limits


def with_proxy(manager: TLSManager, limits: Limits, look: Callable[[Relays], Any]) -> Any:
    """Make a proxy that is never run, and look at it."""

    async def run() -> Any:
        options = ProxyOptions(parse_target("tcp:127.0.0.1:9"), limits=limits)
        log = AccessLog("$status", None)
        try:
            return look(TLSProxy(manager, options, log)._relays)
        finally:
            log.close()

    return asyncio.run(run())


def test_without_a_word_both_have_the_same_times() -> None:
    manager = TLSManager("none")
    found = with_proxy(
        manager, Limits(), lambda relays: (relays.send_timeout, relays.handshake_timeout)
    )
    assert found == (manager.send_timeout, manager.handshake_timeout)
    assert manager.send_timeout == DEFAULT_SEND_TIMEOUT == 60


def test_the_managers_word_counts_until_the_proxy_has_one(tmp_path: Path, library: str) -> None:
    site = Site(tmp_path, library)
    mine = TLSManager("none", send_timeout=7)
    assert with_proxy(mine, Limits(), lambda relays: relays.send_timeout) == 7
    assert with_proxy(mine, Limits(send_timeout=3), lambda relays: relays.send_timeout) == 3
    times = 'modparam("proto_tls", "tls_send_timeout", {})'.format
    site.write([times(2000)], server("dom1"))
    manager = site.load()

    def look(relays: Relays) -> list[float]:
        seen = [relays.send_timeout]
        site.write([times(4000)], server("dom1"))
        manager.reload()
        return [*seen, relays.send_timeout]

    assert with_proxy(manager, Limits(), look) == [2, 4]


@pytest.mark.parametrize("size", [None, 1000])
def test_the_managers_hello_size_is_left_alone(library: str, size: int | None) -> None:
    manager = manager_of(library, server_domain("dom1"))
    with_proxy(manager, Limits(hello_size=size), lambda relays: relays.options)
    assert manager.hello_size == DEFAULT_HELLO_SIZE
