"""What a listener takes from its manager, and what it leaves as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import manager_of, server_domain
from tests.support.scripts import Site, server
from tlsmgm import ConfigError, Limits, TLSManager
from tlsmgm._core.plan import Plan
from tlsmgm._serving.limits import DEFAULT_HELLO_SIZE, DEFAULT_SEND_TIMEOUT

NOWHERE = "tcp:127.0.0.1:9"


class Plans:
    """Every plan that is made, by what it is made of."""

    def __init__(self) -> None:
        self.made: list[Mapping[str, Any]] = []

    def __call__(self, *positional: Any, **named: Any) -> Plan:
        self.made.append(named)
        return Plan(*positional, **named)

    def latest(self, *names: str) -> tuple[Any, ...]:
        """Values of the plan that holds now."""
        return tuple(self.made[-1][name] for name in names)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    found = Plans()
    monkeypatch.setattr("tlsmgm._engine.plans.Plan", found)
    return found


def test_without_a_word_both_have_the_same_times(plans: Plans) -> None:
    manager = TLSManager("none")
    with manager.listen("tcp:127.0.0.1:0", NOWHERE):
        times = plans.latest("send_timeout", "handshake_timeout")
    assert times == (manager.send_timeout * 1000, manager.handshake_timeout * 1000)
    assert manager.send_timeout == DEFAULT_SEND_TIMEOUT == 60


def test_the_managers_word_counts_until_the_listener_has_one(plans: Plans) -> None:
    manager = TLSManager("none", send_timeout=7, handshake_timeout=8.5)
    limits = Limits(send_timeout=3, handshake_timeout=2)
    with (
        manager.listen("tcp:127.0.0.1:0", NOWHERE),
        manager.listen("tcp:127.0.0.1:0", NOWHERE, limits=limits),
    ):
        found = [(plan["send_timeout"], plan["handshake_timeout"]) for plan in plans.made]
    assert set(found) == {(7000, 8500), (3000, 2000)}


def test_a_time_that_is_set_holds_from_then_on(plans: Plans) -> None:
    manager = TLSManager("none")
    limits = Limits(send_timeout=3)
    with manager.listen("tcp:127.0.0.1:0", NOWHERE, limits=limits):
        manager.send_timeout = 5
        manager.handshake_timeout = 6
        assert plans.latest("send_timeout", "handshake_timeout") == (3000, 6000)
    with manager.listen("tcp:127.0.0.1:0", NOWHERE):
        manager.send_timeout = 0.0001
        assert plans.latest("send_timeout") == (1,), "0 would be none at all"
        count = len(plans.made)
    manager.send_timeout = 9
    assert len(plans.made) == count, "nobody listens any more"


def test_the_scripts_word_counts_and_may_change(tmp_path: Path, library: str, plans: Plans) -> None:
    site = Site(tmp_path, library)
    send = 'modparam("proto_tls", "tls_send_timeout", {})'.format
    handshake = 'modparam("proto_tls", "tls_handshake_timeout", {})'.format
    site.write([send(2000), handshake(3000)], server("dom1"))
    manager = site.load()
    with manager.listen("tls:127.0.0.1:0", NOWHERE):
        seen = [plans.latest("send_timeout", "handshake_timeout")]
        site.write([send(4000), handshake(3000)], server("dom1"))
        manager.reload()
        seen.append(plans.latest("send_timeout", "handshake_timeout"))
        site.write(server("dom1"))
        manager.reload()
        seen.append(plans.latest("send_timeout", "handshake_timeout"))
    assert seen == [(2000, 3000), (4000, 3000), (60_000, 10_000)]


def test_a_reload_that_fails_changes_no_time(tmp_path: Path, library: str, plans: Plans) -> None:
    site = Site(tmp_path, library)
    send = 'modparam("proto_tls", "tls_send_timeout", {})'.format
    site.write([send(2000)], server("dom1"))
    manager = site.load()
    with manager.listen("tls:127.0.0.1:0", NOWHERE):
        site.write([send(4000)], server("dom1", certificate="missing.pem"))
        with pytest.raises(ConfigError):
            manager.reload()
        assert plans.latest("send_timeout") == (2000,)


@pytest.mark.parametrize("size", [None, 1000])
def test_the_managers_hello_size_is_left_alone(
    library: str, size: int | None, plans: Plans
) -> None:
    """The plan's 0 means that of the selector, which is the manager's."""
    manager = manager_of(library, server_domain("dom1"))
    with manager.listen("tls:127.0.0.1:0", NOWHERE, limits=Limits(hello_size=size)):
        assert plans.latest("hello_limit") == (size or 0,)
        assert manager.hello_size == DEFAULT_HELLO_SIZE
        manager.hello_size = 2000
        assert plans.latest("hello_limit") == (size or 0,)


def test_the_listeners_own_words(plans: Plans) -> None:
    limits = Limits(first_byte_timeout=1.5, idle_timeout=0, buffered_bytes=20_000)
    with TLSManager("none").listen(
        "tcp:127.0.0.1:0",
        NOWHERE,
        limits=limits,
        connect_timeout=4,
        unclean_end="fin",
        proxy_protocol="v2",
        proxy_protocol_tlvs="all",
    ):
        assert plans.latest(
            "first_byte_timeout", "idle_timeout", "high_water", "connect_timeout",
            "ends_plain_with_fin", "preface", "preface_values",
        ) == (1500, 0, 20_000, 4000, True, 2, 2)  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [{"unclean_end": "fine"}, {"proxy_protocol": "v3"}, {"proxy_protocol_tlvs": "some"}],
)
def test_words_that_there_are_not(words: dict[str, Any]) -> None:
    [(name, word)] = words.items()
    with pytest.raises(ConfigError, match=f"cannot be '{word}'") as caught:
        TLSManager("none").listen("tcp:127.0.0.1:0", NOWHERE, **words)
    assert caught.value.parameter == name
    assert "one of" in (caught.value.hint or "")
