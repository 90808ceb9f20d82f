"""Which keys seal session tickets, and until when."""

from __future__ import annotations

import copy
import math
import threading
from typing import Any

import pytest

from tlsmgm import ConfigError
from tlsmgm._core.material import Material
from tlsmgm._core.ticket_keys import KEY_SIZE, RING_MAX, TicketKeys
from tlsmgm._material.ticket_schedule import SECRETS_MAX, OwnSchedule, SharedSchedule
from tlsmgm._material.ticket_secrets import parse_secrets, secrets_of

HOUR = 3600
SECRET, OTHER = b"a" * 32, b"b" * 32

#: HKDF-SHA256 (RFC 5869) of SECRET, salt "tlsmgm session tickets 1", info "x", NUL, "0".
PINNED = (
    "43bcf002be91b2ff87b0e4ef756d9abcbb217eee7641a3d5cb7ee0590fa2e74e"
    "72bce1278514866774cbdccaa5351a93164ba73279965772061c97428e048d34"
    "0c56df6143205a4581df864e3a0ca593"
)


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def shared(clock: Clock, *secrets: bytes, label: bytes = b"x", rotation: int = HOUR) -> Any:
    return SharedSchedule(secrets or (SECRET,), label, rotation, clock)


# Keys that nobody else knows.


def test_own_keys_seal_for_one_period_and_open_for_two_more() -> None:
    clock = Clock()
    schedule = OwnSchedule(HOUR, clock)
    sealing = []
    for number in range(6):
        keys, _ = schedule.turn()
        sealing.append(keys[0])
        assert list(keys) == sealing[: -4 if number > 2 else None : -1][:3]
        clock.now += HOUR
    assert len(set(sealing)) == 6


def test_own_keys_pass_over_periods_without_connections() -> None:
    clock = Clock()
    schedule = OwnSchedule(HOUR, clock)
    first = schedule.turn()[0][0]
    clock.now += 2 * HOUR
    assert schedule.turn()[0][2] == first
    clock.now += 50 * HOUR
    keys, _ = schedule.turn()
    assert len(keys) == 3
    assert first not in keys


def test_own_keys_of_two_domains_differ() -> None:
    assert OwnSchedule(HOUR).turn()[0] != OwnSchedule(HOUR).turn()[0]


def test_forked_workers_go_on_alike() -> None:
    clock = Clock()
    parent = OwnSchedule(HOUR, clock)
    parent._lock = None  # type: ignore[assignment]  # Locks cannot be copied.
    children = [copy.deepcopy(parent, {id(clock): clock}) for _ in range(2)]
    for schedule in (parent, *children):
        schedule._lock = threading.Lock()
    clock.now += 5 * HOUR
    first, second, third = (schedule.turn()[0] for schedule in (parent, *children))
    assert first == second == third


def test_own_keys_have_no_way_back() -> None:
    """What is in memory now does not open what was sealed three periods ago."""
    clock = Clock()
    schedule = OwnSchedule(HOUR, clock)
    old_state, old_key = schedule._state, schedule.turn()[0][0]
    clock.now += 3 * HOUR
    schedule.turn()
    assert old_state != schedule._state
    assert old_key not in schedule._keys


@pytest.mark.parametrize("passed", [0, 1, HOUR - 1])
def test_waiting_ends_with_the_period(passed: float) -> None:
    clock = Clock(HOUR * 1000 + passed)
    assert OwnSchedule(HOUR, clock).turn()[1] == HOUR - passed
    assert shared(clock).turn()[1] == min(HOUR - passed, 60)


def test_a_clock_that_goes_back_changes_nothing() -> None:
    clock = Clock()
    schedule = OwnSchedule(HOUR, clock)
    before = schedule.turn()[0]
    clock.now -= 10 * HOUR
    assert schedule.turn()[0] == before


@pytest.mark.parametrize("kind", ["own", "shared"])
def test_no_rotation(kind: str) -> None:
    clock = Clock()
    schedule = OwnSchedule(0, clock) if kind == "own" else shared(clock, rotation=0)
    keys, wait = schedule.turn()
    clock.now += 1e9
    assert (schedule.turn()[0], wait) == (keys, math.inf)


# Keys of a fleet.


def test_who_knows_the_secret_has_the_same_keys() -> None:
    clock = Clock()
    here, there = shared(clock), shared(clock)
    for _ in range(4):
        assert here.turn()[0] == there.turn()[0]
        clock.now += HOUR


@pytest.mark.parametrize("skew", [-2, -1, 0, 1])
def test_clocks_may_differ(skew: int) -> None:
    here, there = Clock(), Clock()
    there.now += skew * HOUR
    assert shared(there).turn()[0][0] in shared(here).turn()[0]


@pytest.mark.parametrize("skew", [-3, 2])
def test_keys_of_other_periods_open_nothing(skew: int) -> None:
    here, there = Clock(), Clock()
    there.now += skew * HOUR
    assert shared(there).turn()[0][0] not in shared(here).turn()[0]


@pytest.mark.parametrize(
    "other", [{"label": b"y"}, {"rotation": 2 * HOUR}], ids=["label", "rotation"]
)
def test_other_purposes_have_other_keys(other: dict[str, Any]) -> None:
    clock = Clock()
    assert not set(shared(clock).turn()[0]) & set(shared(clock, **other).turn()[0])
    assert not set(shared(clock).turn()[0]) & set(shared(clock, OTHER).turn()[0])


def test_an_old_secret_still_opens() -> None:
    clock = Clock()
    before, after = shared(clock, SECRET), shared(clock, OTHER, SECRET)
    assert before.turn()[0][0] in after.turn()[0]
    assert after.turn()[0][0] == shared(clock, OTHER).turn()[0][0]
    # A machine that has put it below already opens what the first ones seal with it.
    assert after.turn()[0][0] in shared(clock, SECRET, OTHER).turn()[0]


def test_the_most_secrets_make_a_full_ring() -> None:
    keys, _ = shared(Clock(), *(bytes([number]) * 32 for number in range(SECRETS_MAX))).turn()
    assert len(set(keys)) == len(keys) == RING_MAX
    assert {len(key) for key in keys} == {KEY_SIZE}


def test_derivation_stays_what_it_is() -> None:
    """Another release must have the same keys, or a fleet stops resuming while it is updated."""
    key = shared(Clock(0.0)).turn()[0][0]
    assert key.hex() == PINNED


def test_a_ring_refuses_what_is_no_key() -> None:
    class Wrong:
        def __init__(self, *keys: bytes) -> None:
            self.keys = keys

        def turn(self) -> tuple[tuple[bytes, ...], float]:
            return self.keys, 1.0

    for keys in ((), (b"short",), (bytes(KEY_SIZE),) * (RING_MAX + 1)):
        with pytest.raises(ValueError, match="keys of"):
            TicketKeys(Wrong(*keys))


# Where secrets stand.


@pytest.mark.parametrize(
    ("data", "secrets"),
    [
        (SECRET, [SECRET]),
        (SECRET + b"\n", [SECRET]),
        (b"# new\n" + OTHER + b"\r\n\n  " + SECRET + b"\t\n", [OTHER, SECRET]),
        (bytes(range(80)), [bytes(range(80))]),
        (b"\xff" * 32 + b"\n", [b"\xff" * 32 + b"\n"]),
    ],
)
def test_secrets_of_a_file(data: bytes, secrets: list[bytes]) -> None:
    assert list(parse_secrets(data)) == secrets


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no secret"),
        (b"# nothing\n\n", "no secret"),
        (b"x" * 31, "less than 32 bytes"),
        (SECRET + b"\nshort\n", "less than 32 bytes"),
        (bytes(31), "less than 32 bytes"),
        (b"\n".join(bytes([65 + n]) * 32 for n in range(SECRETS_MAX + 1)), "at most"),
        (SECRET + b"\n" + SECRET, "twice"),
    ],
)
def test_what_is_no_secret(data: bytes, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        parse_secrets(data)
    assert SECRET.decode() not in str(caught.value)


def test_a_file_that_is_too_large(tmp_path: Any) -> None:
    (tmp_path / "large").write_bytes(b"x" * 5000)
    with pytest.raises(ConfigError, match="larger than"):
        secrets_of(Material(tmp_path / "large"))
