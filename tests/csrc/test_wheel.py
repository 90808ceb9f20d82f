"""The timer wheel, compared with a dictionary of deadlines."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.c_code import CCode

INT_MAX = 2**31 - 1
DAY = 86_400_000
LAST = 2**64 - 1
TIMERS = 40

#: How far away a deadline lies or the clock jumps: mostly near the ends of levels.
DISTANCES = st.one_of(
    st.integers(0, 130),
    st.builds(lambda bits, off: max(0, 2**bits + off), st.integers(5, 63), st.integers(-2, 2)),
    st.integers(0, 30 * DAY),
    st.integers(0, LAST),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "past"]), st.integers(0, TIMERS - 1), DISTANCES)
    | st.tuples(st.sampled_from(["cancel", "expire", "jump", "back"]), st.integers(0, 5), DISTANCES)
    | st.tuples(st.just("together"), st.integers(0, TIMERS - 1), DISTANCES),
    max_size=60,
)


class Wheel:
    """A wheel and its model, which are asked the same."""

    def __init__(self, c: CCode, now: int = 0) -> None:
        self.c, self.lib, self.now = c, c.lib, now
        self.wheel = c.ffi.new("struct tlsmgm_wheel *")
        self.timers = c.ffi.new("struct tlsmgm_timer[]", TIMERS)
        self.lib.tlsmgm_wheel_init(self.wheel, now)
        self.model: dict[int, int] = {}

    def set(self, number: int, deadline: int) -> None:
        self.lib.tlsmgm_wheel_set(self.wheel, self.timers + number, deadline)
        self.model[number] = deadline

    def cancel(self, number: int) -> None:
        self.lib.tlsmgm_wheel_cancel(self.wheel, self.timers + number)
        self.model.pop(number, None)

    def expire(self) -> int | None:
        """Take one timer off, which must be one of those that are due."""
        timer = self.lib.tlsmgm_wheel_expire(self.wheel, self.now)
        if timer == self.c.ffi.NULL:
            assert not self.due()
            return None
        number = int(timer - self.timers)
        assert timer.deadline == self.model[number] <= self.now
        del self.model[number]
        return number

    def due(self) -> list[int]:
        return [number for number, deadline in self.model.items() if deadline <= self.now]

    def drain(self) -> list[int]:
        """Take off all that is due."""
        expected = len(self.due())
        got = []
        while (number := self.expire()) is not None:
            got.append(number)
        assert len(got) == expected
        return got

    def timeout(self) -> int:
        """Ask how long to wait, and hold the answer against the model."""
        timeout = int(self.lib.tlsmgm_wheel_timeout(self.wheel, self.now))
        if not self.model:
            assert timeout == -1
            return timeout
        earliest = max(0, min(self.model.values()) - self.now)
        assert 0 <= timeout <= min(earliest, INT_MAX)
        return timeout

    def check(self) -> None:
        """Hold what the wheel is made of against what its header says."""
        for number in range(TIMERS):
            is_set = self.lib.tlsmgm_timer_is_set(self.timers + number)
            assert is_set == (number in self.model)
        found = {}
        for level in range(self.lib.TLSMGM_WHEEL_LEVELS):
            for slot in range(self.lib.TLSMGM_WHEEL_SLOTS):
                ring = self.ring(level, slot)
                assert bool(self.wheel.used[level] >> slot & 1) == bool(ring)
                for number in ring:
                    found[number] = (level, slot)
        assert found == {number: self.place(deadline) for number, deadline in self.model.items()}

    def ring(self, level: int, slot: int) -> list[int]:
        head = self.wheel.slots + (level * self.lib.TLSMGM_WHEEL_SLOTS + slot)
        numbers: list[int] = []
        timer = head.next
        while timer != head:
            assert timer.previous.next == timer
            assert len(numbers) < TIMERS
            numbers.append(int(timer - self.timers))
            timer = timer.next
        assert head.previous.next == head
        return numbers

    def place(self, deadline: int) -> tuple[int, int]:
        when = max(deadline, self.wheel.now)
        level = max(0, (when ^ self.wheel.now).bit_length() - 1) // 6
        return level, when >> level * 6 & 63


def take(wheel: Wheel, step: str, number: int, distance: int) -> None:
    """Take one step of a random walk."""
    if step == "set":
        wheel.set(number, min(LAST, wheel.now + distance))
    elif step == "past":
        wheel.set(number, max(0, wheel.now - distance))
    elif step == "together":
        for other in range(number, TIMERS, 7):
            wheel.set(other, min(LAST, wheel.now + distance))
    elif step == "cancel":
        wheel.cancel(number)
    elif step == "expire":
        for _ in range(number):
            wheel.expire()
    elif step == "jump":
        wheel.now = min(LAST, wheel.now + distance)
        if number % 2:  # else some that are due stay on the wheel
            wheel.drain()
    else:
        # The clock that runs backwards changes nothing: what is due stays due.
        wheel.lib.tlsmgm_wheel_timeout(wheel.wheel, max(0, wheel.now - distance))


@given(start=st.one_of(st.just(0), DISTANCES), steps=STEPS)
@settings(max_examples=400)
def test_it_is_a_set_of_deadlines(c: CCode, start: int, steps: list[tuple[str, int, int]]) -> None:
    wheel = Wheel(c, start)
    for step, number, distance in steps:
        take(wheel, step, number, distance)
        wheel.timeout()
        wheel.check()
    wheel.now = LAST
    wheel.drain()
    assert wheel.model == {}
    wheel.check()


@pytest.mark.parametrize("seed", range(4))
def test_a_long_walk(c: CCode, seed: int) -> None:
    """As a worker uses it: mostly moved and cancelled, the clock in small steps, then asleep."""
    random = Random(seed)
    wheel = Wheel(c, random.choice([0, 12_345_678, LAST // 2]))
    for round_number in range(6000):
        number = random.randrange(TIMERS)
        if random.random() < 0.3:
            wheel.cancel(number)
        else:
            wheel.set(number, wheel.now + random.choice([0, 1, 50, 5_000, 60_000, 3 * DAY]))
        wheel.now += random.choice([0, 0, 1, 3, 40, 64, 4_096])
        if round_number % 1000 == 999:
            wheel.now += random.randrange(10 * DAY)
        # Some are set anew when they are due, as a deadline that was put off is.
        while (due := wheel.expire()) is not None:
            if random.random() < 0.5:
                wheel.set(due, wheel.now + random.choice([1, 64, 30_000]))
        wheel.timeout()
        if round_number % 50 == 0:
            wheel.check()


def test_they_come_in_the_order_of_their_deadlines(c: CCode) -> None:
    random = Random(1)
    wheel = Wheel(c, 1_000)
    deadlines = [1_000 + random.randrange(2 ** random.randrange(1, 45)) for _ in range(TIMERS)]
    for number, deadline in enumerate(deadlines):
        wheel.set(number, deadline)
    wheel.now = 2**46
    assert [deadlines[number] for number in wheel.drain()] == sorted(deadlines)


def test_none_comes_early_and_none_late(c: CCode) -> None:
    """Sleeping as long as it says, a worker meets each deadline to the millisecond."""
    random = Random(2)
    wheel = Wheel(c, 77)
    deadlines = {number: 77 + random.randrange(2 ** random.randrange(1, 40)) for number in range(9)}
    for number, deadline in deadlines.items():
        wheel.set(number, deadline)
    wakes = 0
    while (timeout := wheel.timeout()) >= 0:
        wheel.now += timeout
        wakes += 1
        for number in wheel.drain():
            assert wheel.now == deadlines[number]
    # INT_MAX milliseconds at a time, and a level at a time.
    assert wakes <= 2**40 // INT_MAX + len(deadlines) * c.lib.TLSMGM_WHEEL_LEVELS


def test_who_is_alone_is_waited_for_in_one_go(c: CCode) -> None:
    wheel = Wheel(c, 5)
    wheel.set(0, 5 + 3_600_000)
    assert wheel.timeout() == 3_600_000
    wheel.set(1, 5 + 3_600_000)
    assert 0 < wheel.timeout() <= 3_600_000


def test_an_empty_wheel_waits_for_ever(c: CCode) -> None:
    wheel = Wheel(c, 123)
    assert wheel.timeout() == -1
    assert wheel.expire() is None
    wheel.set(0, 500)
    wheel.cancel(0)
    assert wheel.timeout() == -1


def test_a_long_wait_is_clipped(c: CCode) -> None:
    wheel = Wheel(c)
    for deadline, timeout in [(INT_MAX, INT_MAX), (INT_MAX - 1, INT_MAX - 1), (LAST, INT_MAX)]:
        wheel.set(0, deadline)
        assert wheel.timeout() == timeout


@pytest.mark.parametrize("start", [0, 1, 63, 64, LAST - 64, LAST - 1, LAST])
def test_the_ends_of_time(c: CCode, start: int) -> None:
    wheel = Wheel(c, start)
    wheel.set(0, LAST)
    wheel.set(1, 0)
    assert wheel.timeout() == 0
    wheel.check()
    assert (1 in wheel.drain(), wheel.now == LAST) == (True, start == LAST)
    wheel.now = LAST
    wheel.drain()
    assert wheel.model == {}
    wheel.set(2, LAST)
    assert wheel.drain() == [2]


def test_a_jump_over_ages_costs_no_loop_over_milliseconds(c: CCode) -> None:
    """It would not end in a lifetime."""
    wheel = Wheel(c)
    for number in range(TIMERS):
        wheel.set(number, 2**60 + number * 2**54)
    wheel.now = 2**60 - 1
    assert wheel.drain() == []
    wheel.now = LAST
    assert wheel.drain() == list(range(TIMERS))


def test_cancelling_what_is_not_set_is_harmless(c: CCode) -> None:
    wheel = Wheel(c)
    wheel.cancel(0)
    wheel.set(0, 10)
    wheel.cancel(0)
    wheel.cancel(0)
    wheel.check()
    wheel.set(1, 10)
    wheel.now = 10
    assert wheel.drain() == [1]
    wheel.cancel(1)
    wheel.check()


def test_setting_again_moves_it(c: CCode) -> None:
    wheel = Wheel(c)
    for deadline in (10, 10_000, 3, 10):
        wheel.set(0, deadline)
        wheel.check()
    wheel.now = 9
    assert wheel.drain() == []
    wheel.now = 10
    assert wheel.drain() == [0]


def test_what_is_due_can_still_be_cancelled_or_put_off(c: CCode) -> None:
    wheel = Wheel(c)
    for number in range(5):
        wheel.set(number, 100)
    wheel.now = 5_000
    assert wheel.expire() == 0
    wheel.cancel(1)
    wheel.set(3, 5_001)
    assert wheel.drain() == [2, 4]
    assert wheel.timeout() == 1
    wheel.now += 1
    assert wheel.drain() == [3]


def test_a_deadline_in_the_past_is_due_at_once(c: CCode) -> None:
    wheel = Wheel(c, 1_000)
    wheel.set(0, 2_000)
    wheel.set(1, 999)
    wheel.set(2, 0)
    wheel.set(3, 1_000)
    assert wheel.timeout() == 0
    assert wheel.drain() == [1, 2, 3]
    assert wheel.drain() == []


def test_set_anew_for_now_it_comes_again(c: CCode) -> None:
    wheel = Wheel(c)
    wheel.set(0, 10)
    wheel.now = 10
    for _ in range(3):
        assert wheel.expire() == 0
        wheel.set(0, 10)
    wheel.cancel(0)
    assert wheel.expire() is None


def test_a_clock_that_goes_back_takes_nothing_back(c: CCode) -> None:
    wheel = Wheel(c, 1_000)
    wheel.set(0, 1_500)
    wheel.now = 1_400
    assert wheel.expire() is None
    assert c.lib.tlsmgm_wheel_expire(wheel.wheel, 0) == c.ffi.NULL
    assert c.lib.tlsmgm_wheel_timeout(wheel.wheel, 0) == 100
    wheel.set(1, 1_200)
    assert c.lib.tlsmgm_wheel_timeout(wheel.wheel, 0) == 0
    assert c.lib.tlsmgm_wheel_expire(wheel.wheel, 0) == wheel.timers + 1


def test_nothing_is_allocated(c: CCode) -> None:
    before = c.lib.tlsmgm_test_live()
    c.lib.tlsmgm_test_fail_after(0)
    wheel: Any = Wheel(c)
    for number in range(TIMERS):
        wheel.set(number, number * DAY)
    wheel.now = TIMERS * DAY
    wheel.drain()
    c.lib.tlsmgm_test_fail_after(-1)
    assert c.lib.tlsmgm_test_live() == before
