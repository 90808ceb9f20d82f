"""The limits as values, and who is let in under them."""

from __future__ import annotations

import itertools
import math

import pytest

from tlsmgm._core.match_index import MatchIndex
from tlsmgm._core.selector import Selector
from tlsmgm._serving.admission import Admission, Place, network_of
from tlsmgm._serving.counters import Counters
from tlsmgm._serving.limits import DEFAULT_HELLO_SIZE, Limit, Limits
from tlsmgm.errors import ConfigError


def place_of(found: Place | Limit) -> Place:
    assert isinstance(found, Place)
    return found


@pytest.mark.parametrize(
    "wrong",
    [
        {"handshake_timeout": 0}, {"handshake_timeout": -1}, {"handshake_timeout": math.nan},
        {"send_timeout": 0}, {"send_timeout": math.inf},
        {"first_byte_timeout": -1}, {"first_byte_timeout": math.nan}, {"idle_timeout": math.inf},
        {"hello_size": 0}, {"hello_size": 511}, {"hello_size": 131401},
        {"max_handshakes": -1}, {"max_handshakes_per_network": -1}, {"max_connections": -1},
        {"ipv4_prefix": 33}, {"ipv4_prefix": -1}, {"ipv6_prefix": 129},
        {"buffered_bytes": 0}, {"buffered_bytes": 16383},
        {"handshake_timeout": "x"}, {"send_timeout": True}, {"first_byte_timeout": None},
        {"idle_timeout": "60"}, {"hello_size": "x"}, {"hello_size": 2048.0},
        {"max_handshakes": 1.5}, {"max_handshakes_per_network": None},
        {"max_connections": math.nan}, {"max_connections": False},
        {"records_without_data": "32"}, {"records_without_data": -1},
        {"ipv4_prefix": 24.0}, {"ipv6_prefix": None}, {"buffered_bytes": 1e5},
    ],
)  # fmt: skip
def test_values_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))) as caught:
        Limits(**wrong)  # type: ignore[arg-type]
    assert caught.value.hint


def test_every_limit_that_can_strike_is_a_field() -> None:
    fields = set(Limits.__dataclass_fields__)
    assert {str(limit) for limit in Limit} == fields - {"ipv4_prefix", "ipv6_prefix"}


def test_the_hello_size_is_that_of_the_core() -> None:
    assert Selector(MatchIndex([]), []).hello_limit == DEFAULT_HELLO_SIZE


@pytest.mark.parametrize(
    ("first", "second", "prefixes", "same"),
    [
        ("192.0.2.1", "192.0.2.1", (32, 64), True),
        ("192.0.2.1", "192.0.2.2", (32, 64), False),
        ("192.0.2.1", "192.0.2.254", (24, 64), True),
        ("192.0.2.1", "192.0.3.1", (24, 64), False),
        ("192.0.2.1", "198.51.100.1", (0, 64), True),
        ("192.0.2.1", "::ffff:192.0.2.1", (32, 64), True),
        ("192.0.2.1", "::ffff:192.0.2.2", (32, 0), False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", (32, 64), True),
        ("2001:db8::1", "2001:db8:0:1::1", (32, 64), False),
        ("2001:db8::1", "2001:db8:0:ff::1", (32, 56), True),
        ("2001:db8::1", "2001:db8::2", (32, 128), False),
        ("fe80::1%eth0", "fe80::2%eth1", (32, 64), True),
        ("::ffff:c000:201", "0:ffff:c000:201::1", (32, 64), False),
        ("", "192.0.2.1", (32, 64), False),
    ],
)
def test_networks(first: str, second: str, prefixes: tuple[int, int], same: bool) -> None:
    limits = Limits(ipv4_prefix=prefixes[0], ipv6_prefix=prefixes[1])
    assert (network_of(first, limits) == network_of(second, limits)) is same


def test_total_of_handshakes() -> None:
    admission = Admission(Limits(max_handshakes=2, max_handshakes_per_network=0))
    first, _ = (place_of(admission.admit("192.0.2.1", shakes_hands=True)) for _ in range(2))
    assert admission.admit("192.0.2.2", shakes_hands=True) is Limit.MAX_HANDSHAKES
    place_of(admission.admit("192.0.2.2", shakes_hands=False))
    first.established()
    assert (admission.connections, admission.handshakes) == (3, 1)
    place_of(admission.admit("192.0.2.2", shakes_hands=True))
    assert admission.admit("192.0.2.2", shakes_hands=True) is Limit.MAX_HANDSHAKES


def test_handshakes_of_a_network() -> None:
    admission = Admission(Limits(max_handshakes_per_network=2))
    places = [place_of(admission.admit("2001:db8::1", shakes_hands=True)) for _ in range(2)]
    refused = admission.admit("2001:db8::2", shakes_hands=True)
    assert refused is Limit.MAX_HANDSHAKES_PER_NETWORK
    place_of(admission.admit("2001:db8:0:1::1", shakes_hands=True))
    places[0].established()
    place_of(admission.admit("2001:db8::3", shakes_hands=True))
    assert admission.networks == 2


def test_connections() -> None:
    admission = Admission(Limits(max_connections=1))
    place = place_of(admission.admit("192.0.2.1", shakes_hands=True))
    place.established()
    for shakes_hands in (True, False):
        refused = admission.admit("192.0.2.2", shakes_hands=shakes_hands)
        assert refused is Limit.MAX_CONNECTIONS
    place.leave()
    place_of(admission.admit("192.0.2.2", shakes_hands=False))


def test_places_are_given_back_once_and_nothing_is_left() -> None:
    admission = Admission(Limits())
    steps = ("established", "leave")
    for number, order in enumerate(itertools.product(steps, repeat=3)):
        place = place_of(admission.admit(f"192.0.2.{number}", shakes_hands=number % 2 == 0))
        other = place_of(admission.admit(f"192.0.2.{number}", shakes_hands=True))
        for step in order:
            getattr(place, step)()
        assert (admission.connections, admission.handshakes) == (1 + ("leave" not in order), 1)
        place.leave()
        other.leave()
        counts = (admission.connections, admission.handshakes, admission.networks)
        assert counts == (0, 0, 0)


def test_a_refusal_takes_no_place() -> None:
    admission = Admission(Limits(max_handshakes_per_network=1))
    place = place_of(admission.admit("192.0.2.1", shakes_hands=True))
    for _ in range(3):
        assert isinstance(admission.admit("192.0.2.1", shakes_hands=True), Limit)
    place.leave()
    counts = (admission.connections, admission.handshakes, admission.networks)
    assert counts == (0, 0, 0)


def test_zero_is_no_bound() -> None:
    limits = Limits(max_handshakes=0, max_handshakes_per_network=0, max_connections=0)
    admission = Admission(limits)
    for _ in range(5000):
        place_of(admission.admit("192.0.2.1", shakes_hands=True))
    assert admission.handshakes == 5000


def test_counters() -> None:
    counters = Counters(["a_total", "b_total"])
    assert dict(counters) == {"a_total": 0, "b_total": 0}
    counters.add("a_total")
    counters.add("b_total", 5)
    counters.add("a_total")
    assert dict(counters) == {"a_total": 2, "b_total": 5}
    assert repr(counters) == "<Counters a_total=2, b_total=5>"
    with pytest.raises(KeyError):
        counters.add("c_total")
    assert "c_total" not in counters
