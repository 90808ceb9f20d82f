"""Who may come in, compared with the admission in Python."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.c_code import CCode, hash_key
from tlsmgm._serving.admission import Admission, Place
from tlsmgm._serving.limits import Limit, Limits

#: Those of the verdicts, in the order in which they are looked at.
STRIKING = [Limit.MAX_CONNECTIONS, Limit.MAX_HANDSHAKES, Limit.MAX_HANDSHAKES_PER_NETWORK]


def packed(host: str) -> bytes | None:
    """Return an address as C has it; None for what has none."""
    if not host:
        return None
    ip = ipaddress.ip_address(host)
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


class InC:
    """An admission of the C core."""

    def __init__(self, c: CCode, raw: Any) -> None:
        self.c = c
        self.raw = raw

    def enter(self, host: str, *, shakes_hands: bool = True) -> Limit | None:
        address = packed(host) or self.c.ffi.NULL
        verdict = self.c.lib.tlsmgm_admission_enter(self.raw, address, shakes_hands)
        return STRIKING[verdict - 1] if verdict else None

    def begin_handshake(self, host: str) -> Limit | None:
        address = packed(host) or self.c.ffi.NULL
        verdict = self.c.lib.tlsmgm_admission_begin_handshake(self.raw, address)
        return STRIKING[verdict - 1] if verdict else None

    def handshake_over(self, host: str) -> None:
        self.c.lib.tlsmgm_admission_handshake_over(self.raw, packed(host) or self.c.ffi.NULL)

    def leave(self) -> None:
        self.c.lib.tlsmgm_admission_leave(self.raw)

    def counts(self) -> Any:
        out = self.c.ffi.new("struct tlsmgm_admission_counts *")
        self.c.lib.tlsmgm_admission_count(self.raw, out)
        return out

    def refused(self) -> dict[Limit, int]:
        counts = self.counts()
        return {limit: getattr(counts, f"refused_{limit}") for limit in STRIKING}

    def memory(self) -> int:
        return int(self.c.lib.tlsmgm_admission_memory(self.raw))


def settings_in(c: CCode, limits: Limits) -> Any:
    names = ("max_connections", "max_handshakes", "max_handshakes_per_network")
    row = {name: getattr(limits, name) for name in (*names, "ipv4_prefix", "ipv6_prefix")}
    return c.ffi.new("struct tlsmgm_admission_limits *", row)


@contextmanager
def new_admission(c: CCode, limits: Limits) -> Iterator[InC]:
    out = c.ffi.new("struct tlsmgm_admission **")
    error = c.error()
    status = c.lib.tlsmgm_admission_new(settings_in(c, limits), hash_key(c), out, error)
    assert status == c.lib.TLSMGM_STATUS_OK, c.text(error)
    try:
        yield InC(c, out[0])
    finally:
        c.lib.tlsmgm_admission_free(out[0])


HOSTS = st.sampled_from(
    ["192.0.2.1", "192.0.2.2", "192.0.3.1", "198.51.100.1", "::ffff:192.0.2.1", "::ffff:c000:201",
     "::", "::1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db8:0:ff::1",
     "0:ffff:c000:201::1", "ffff::", ""]
)  # fmt: skip
BOUNDS = st.integers(0, 4)
LIMITS = st.builds(
    Limits,
    max_connections=st.integers(0, 8),
    max_handshakes=st.integers(0, 6),
    max_handshakes_per_network=BOUNDS,
    ipv4_prefix=st.sampled_from([32, 32, 24, 16, 1, 0]),
    ipv6_prefix=st.sampled_from([64, 64, 128, 127, 56, 33, 1, 0]),
)
STEPS = st.lists(
    st.tuples(st.just("enter"), HOSTS, st.sampled_from([True, True, False]))
    | st.tuples(st.sampled_from(["over", "leave"]), st.integers(0, 20), st.none()),
    max_size=60,
)


class Both:
    """One admission in each language; whatever happens to one happens to the other."""

    def __init__(self, in_c: InC, limits: Limits) -> None:
        self.in_c = in_c
        self.model = Admission(limits)
        self.bounds_networks = limits.max_handshakes_per_network > 0
        #: Host, whether its handshake counts, and the model's place.
        self.inside: list[list[Any]] = []
        self.refused = dict.fromkeys(STRIKING, 0)

    def enter(self, host: str, shakes_hands: bool) -> None:
        expected = self.model.admit(host, shakes_hands=shakes_hands)
        found = self.in_c.enter(host, shakes_hands=shakes_hands)
        if isinstance(expected, Place):
            assert found is None
            self.inside.append([host, shakes_hands, expected])
        else:
            assert found is expected
            self.refused[expected] += 1

    def over(self, which: int) -> None:
        if self.inside:
            entry = self.inside[which % len(self.inside)]
            host, shakes_hands, place = entry
            place.established()
            if shakes_hands:
                self.in_c.handshake_over(host)
                entry[1] = False

    def leave(self, which: int) -> None:
        if self.inside:
            self.over(which)
            self.inside.pop(which % len(self.inside))[2].leave()
            self.in_c.leave()

    def compare(self) -> None:
        counts = self.in_c.counts()
        assert counts.connections == self.model.connections
        assert counts.handshakes == self.model.handshakes
        assert counts.networks == (self.model.networks if self.bounds_networks else 0)
        assert self.in_c.refused() == self.refused


@given(limits=LIMITS, steps=STEPS)
@settings(max_examples=600)
def test_verdicts_are_those_of_python(
    c: CCode, limits: Limits, steps: list[tuple[str, Any, bool]]
) -> None:
    with new_admission(c, limits) as in_c:
        both = Both(in_c, limits)
        for step, argument, shakes_hands in steps:
            if step == "enter":
                both.enter(argument, shakes_hands)
            else:
                getattr(both, step)(argument)
            both.compare()
        while both.inside:
            both.leave(0)
        both.compare()
        assert in_c.counts().networks == 0


def test_who_has_no_address_is_never_taken_for_another(c: CCode) -> None:
    """Whatever the key: with some of them the two have the same place in the table."""
    limits = Limits(max_handshakes_per_network=1, ipv6_prefix=128)
    for _ in range(4000):
        with new_admission(c, limits) as admission:
            assert admission.enter("::") is None
            assert admission.enter("") is None
            assert admission.enter("::") is Limit.MAX_HANDSHAKES_PER_NETWORK
            assert admission.enter("") is Limit.MAX_HANDSHAKES_PER_NETWORK


def test_limits_are_looked_at_in_their_order(c: CCode) -> None:
    limits = Limits(max_connections=3, max_handshakes=2, max_handshakes_per_network=1)
    with new_admission(c, limits) as admission:
        assert admission.enter("192.0.2.1") is None
        assert admission.enter("192.0.2.1") is Limit.MAX_HANDSHAKES_PER_NETWORK
        assert admission.enter("192.0.2.2") is None
        assert admission.enter("192.0.2.1") is Limit.MAX_HANDSHAKES
        assert admission.enter("192.0.2.1", shakes_hands=False) is None
        assert admission.enter("192.0.2.1") is Limit.MAX_CONNECTIONS
        assert admission.enter("192.0.2.3", shakes_hands=False) is Limit.MAX_CONNECTIONS


def test_many_networks_come_and_go(c: CCode) -> None:
    """Chains of the table are closed again wherever one leaves, and none is lost in growing."""
    count = 20_000
    limits = Limits(max_handshakes=0, max_handshakes_per_network=2)
    hosts = [str(ipaddress.IPv4Address(0x0A000000 + number)) for number in range(count)]
    random = Random(5)
    with new_admission(c, limits) as admission:
        for host in hosts:
            assert admission.enter(host) is None
        for _ in range(3):
            random.shuffle(hosts)
            for host in hosts[: count // 2]:
                admission.handshake_over(host)
            assert admission.counts().networks == count // 2
            for host in hosts:
                assert admission.enter(host) is None
            for host in hosts[count // 2 :]:
                assert admission.enter(host) is Limit.MAX_HANDSHAKES_PER_NETWORK
                admission.handshake_over(host)
        for host in hosts:
            admission.handshake_over(host)
        assert admission.counts().handshakes == 0
        assert admission.counts().networks == 0


def test_memory_is_that_of_the_handshakes_in_progress(c: CCode) -> None:
    limits = Limits(max_handshakes=0)
    least = 64 * 8 * 32  # the smallest table of every part
    with new_admission(c, limits) as admission:
        empty = admission.memory()
        for number in range(30_000):  # every address only once, as in a flood
            host = str(ipaddress.IPv6Address(number << 64))
            assert admission.enter(host) is None
            admission.handshake_over(host)
        assert admission.memory() <= empty + least
        hosts = [str(ipaddress.IPv6Address(number << 64)) for number in range(30_000)]
        for host in hosts:
            assert admission.enter(host) is None
        assert admission.memory() <= empty + least + 8 * 32 * len(hosts)
        for host in hosts:
            admission.handshake_over(host)
        assert admission.memory() <= empty + least


def test_without_a_bound_for_networks_there_is_no_table(c: CCode) -> None:
    limits = Limits(max_handshakes_per_network=0)
    with new_admission(c, limits) as admission:
        before = admission.memory()
        for number in range(1000):
            assert admission.enter(str(ipaddress.IPv4Address(number + 1))) is None
        assert admission.memory() == before


def test_another_network_without_memory_is_turned_away(c: CCode) -> None:
    limits = Limits(max_handshakes=0, max_handshakes_per_network=1)
    with new_admission(c, limits) as admission:
        c.lib.tlsmgm_test_fail_after(0)
        assert admission.enter("192.0.2.1") is Limit.MAX_HANDSHAKES
        c.lib.tlsmgm_test_fail_after(-1)
        counts = admission.counts()
        assert (counts.connections, counts.handshakes, counts.networks) == (0, 0, 0)
        assert admission.enter("192.0.2.1") is None
        assert admission.refused()[Limit.MAX_HANDSHAKES] == 1


def test_a_table_that_cannot_grow_is_filled_but_for_one_slot(c: CCode) -> None:
    limits = Limits(max_handshakes=0, max_handshakes_per_network=1)
    inside = []
    with new_admission(c, limits) as admission:
        for number in range(2000):
            host = str(ipaddress.IPv4Address(0x0A000000 + number))
            if admission.memory() > 40_000:  # every part has its first slots, or nearly
                c.lib.tlsmgm_test_fail_after(0)
            if admission.enter(host) is None:
                inside.append(host)
            c.lib.tlsmgm_test_fail_after(-1)
        refused = admission.refused()
        assert refused[Limit.MAX_HANDSHAKES] == 2000 - len(inside) > 0
        assert admission.counts().networks == len(inside)
        for host in inside:
            admission.handshake_over(host)
        assert admission.counts().networks == 0


def test_a_table_that_cannot_shrink_stays(c: CCode) -> None:
    limits = Limits(max_handshakes=0)
    hosts = [str(ipaddress.IPv4Address(0x0A000000 + number)) for number in range(4000)]
    with new_admission(c, limits) as admission:
        for host in hosts:
            assert admission.enter(host) is None
        full = admission.memory()
        for host in hosts:
            c.lib.tlsmgm_test_fail_after(0)
            admission.handshake_over(host)
            c.lib.tlsmgm_test_fail_after(-1)
        assert admission.counts().networks == 0
        assert admission.memory() == full
        for host in hosts:
            assert admission.enter(host) is None


@pytest.mark.parametrize(
    ("name", "value"), [("ipv4_prefix", 33), ("ipv4_prefix", 255), ("ipv6_prefix", 129)]
)
def test_prefixes_that_make_no_sense(c: CCode, name: str, value: int) -> None:
    limits = settings_in(c, Limits())
    setattr(limits, name, value)
    out = c.ffi.new("struct tlsmgm_admission **")
    error = c.error()
    status = c.lib.tlsmgm_admission_new(limits, hash_key(c), out, error)
    assert status == c.lib.TLSMGM_STATUS_CONFIG
    assert out[0] == c.ffi.NULL
    assert c.ffi.string(error.parameter).decode() == name
    assert str(value) in c.text(error)


def test_there_may_be_no_memory_for_it(c: CCode) -> None:
    out = c.ffi.new("struct tlsmgm_admission **")
    c.lib.tlsmgm_test_fail_after(0)
    status = c.lib.tlsmgm_admission_new(settings_in(c, Limits()), hash_key(c), out, c.error())
    assert status == c.lib.TLSMGM_STATUS_NO_MEMORY
    assert out[0] == c.ffi.NULL
    c.lib.tlsmgm_admission_free(c.ffi.NULL)


def test_a_handshake_that_begins_later(c: CCode) -> None:
    """The connection has its place from the start; the handshake counts for another address."""
    limits = Limits(max_connections=3, max_handshakes=2, max_handshakes_per_network=1)
    with new_admission(c, limits) as admission:
        for _ in range(3):
            assert admission.enter("127.0.0.1", shakes_hands=False) is None
        assert admission.enter("127.0.0.1", shakes_hands=False) is Limit.MAX_CONNECTIONS
        assert admission.begin_handshake("192.0.2.1") is None
        assert admission.begin_handshake("192.0.2.1") is Limit.MAX_HANDSHAKES_PER_NETWORK
        assert admission.begin_handshake("192.0.2.2") is None
        assert admission.begin_handshake("192.0.2.3") is Limit.MAX_HANDSHAKES
        assert set(admission.refused().values()) == {1}
        counts = admission.counts()
        assert (counts.connections, counts.handshakes, counts.networks) == (3, 2, 2)
        for host in ("192.0.2.1", "192.0.2.2"):
            admission.handshake_over(host)
        assert admission.begin_handshake("192.0.2.1") is None
        admission.handshake_over("192.0.2.1")
        for _ in range(3):
            admission.leave()
        counts = admission.counts()
        assert (counts.connections, counts.handshakes, counts.networks) == (0, 0, 0)
