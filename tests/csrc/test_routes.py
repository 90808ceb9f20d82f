"""Routes: which address a connection of a domain is given, and which it is given last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.support.c_code import CCode

ANY = 0xFFFFFFFF
FAILED_FOR = 10_000
NOW = 5_000_000


class Routes:
    """A table; an address is a letter, and ! is the program.

    Args:
        c: the C code.
        table: domain number to letters.
    """

    def __init__(self, c: CCode, table: Sequence[tuple[int, str]]) -> None:
        self.c, self.ffi, self.lib = c, c.ffi, c.lib
        self.error = c.error()
        self.status, self.handle = self._new(table)

    def _new(self, table: Sequence[tuple[int, str]]) -> tuple[str, Any]:
        rows, keep = self.ffi.new("struct tlsmgm_route[]", len(table) or 1), []
        for row, (domain, letters) in zip(rows, table, strict=False):
            row.hands_over = letters.endswith("!")
            letters = letters.removesuffix("!")
            addresses = self.ffi.new("struct tlsmgm_route_address[]", len(letters) or 1)
            for slot, letter in zip(addresses, letters, strict=False):
                slot.sockaddr[0], slot.size = ord(letter), 16
            keep.append(addresses)
            row.domain, row.addresses, row.count = domain, addresses, len(letters)
        out = self.ffi.new("struct tlsmgm_routes **", self.ffi.cast("struct tlsmgm_routes *", 1))
        status = self.c.status_name(self.lib.tlsmgm_routes_new(rows, len(table), out, self.error))
        assert (out[0] == self.ffi.NULL) == (status != "OK")
        return status, out[0]

    def tries(self) -> Any:
        """Return what a new connection has asked for: nothing."""
        return self.ffi.new("struct tlsmgm_route_tries *")

    def next(self, domain: int, tries: Any, now: int = NOW) -> Any:
        """Return the next address, or None."""
        found = self.lib.tlsmgm_routes_next(self.handle, domain, tries, now)
        return None if found == self.ffi.NULL else found

    def first(self, domain: int = 0, now: int = NOW) -> str:
        """Return the letter that a new connection is given."""
        return self.letter(self.next(domain, self.tries(), now))

    @staticmethod
    def letter(address: Any) -> str:
        return "-" if address is None else chr(address.sockaddr[0])

    def all(self, domain: int = 0, now: int = NOW, *, fails: bool = False) -> str:
        """Return the letters that one connection is given until there is none.

        Args:
            domain: which it is of.
            now: milliseconds.
            fails: it fails with each of them.
        """
        tries, seen = self.tries(), ""
        while (address := self.next(domain, tries, now)) is not None:
            seen += self.letter(address)
            assert len(seen) < 1000
            if fails:
                self.lib.tlsmgm_routes_failed(self.handle, address, now)
        assert self.next(domain, tries, now) is None
        return seen

    def fail(self, letters: str, now: int = NOW, *, domain: int = 0) -> None:
        """Note that connecting to these has failed."""
        self._each(letters, domain, lambda it: self.lib.tlsmgm_routes_failed(self.handle, it, now))

    def reach(self, letters: str, *, domain: int = 0) -> None:
        """Note that these were reached."""
        self._each(letters, domain, lambda it: self.lib.tlsmgm_routes_reached(self.handle, it))

    def _each(self, letters: str, domain: int, call: Any) -> None:
        tries = self.tries()
        while (address := self.next(domain, tries)) is not None:
            if self.letter(address) in letters:
                call(address)


@pytest.fixture
def routes(c: CCode) -> Iterator[Any]:
    made: list[Routes] = []

    def make(*table: tuple[int, str]) -> Routes:
        made.append(Routes(c, table))
        return made[-1]

    yield make
    for one in made:
        c.lib.tlsmgm_routes_free(one.handle)


def test_each_connection_begins_with_the_next(routes: Any) -> None:
    table = routes((0, "abc"))
    assert "".join(table.first() for _ in range(7)) == "abcabca"


def test_one_connection_asks_each_once(routes: Any) -> None:
    table = routes((0, "abc"))
    assert [table.all() for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_each_once_though_all_fail(routes: Any) -> None:
    """What fails is asked last by the others; who has met it does not meet it again."""
    table = routes((0, "abc"))
    assert table.all(fails=True) == "abc"
    assert table.all(fails=True) == "bca"


def test_who_failed_is_asked_last(routes: Any) -> None:
    table = routes((0, "abcd"))
    table.fail("ac")
    assert sorted(table.all()[:2]) == ["b", "d"]
    assert sorted(table.all()) == [*"abcd"]
    assert "a" not in {table.first() for _ in range(8)}


def test_a_failure_is_forgotten(routes: Any) -> None:
    table = routes((0, "ab"))
    table.fail("a")
    last = NOW + FAILED_FOR - 1
    assert {table.first(now=last) for _ in range(4)} == {"b"}
    assert {table.first(now=last + 1) for _ in range(4)} == {"a", "b"}


def test_who_is_reached_is_well_again(routes: Any) -> None:
    table = routes((0, "ab"))
    table.fail("ab")
    table.reach("a")
    assert {table.first() for _ in range(4)} == {"a"}


def test_who_recovers_meanwhile_is_still_given(routes: Any) -> None:
    table = routes((0, "abc"))
    table.fail("b")
    tries = table.tries()
    seen = table.letter(table.next(0, tries))
    table.reach("b")
    while (address := table.next(0, tries)) is not None:
        seen += table.letter(address)
    assert sorted(seen) == [*"abc"]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 300])
def test_groups_of_any_size(routes: Any, count: int) -> None:
    letters = "".join(chr(1000 + i) for i in range(count))
    table = routes((0, letters))
    for _ in range(3):
        assert sorted(table.all()) == [*letters]
    table.fail(letters[: count // 2])
    assert sorted(table.all()) == [*letters]


def test_the_domains_own_route_and_the_one_for_all(routes: Any) -> None:
    table = routes((ANY, "x"), (3, "a"), (0xFFFFFFFE, "z"))
    assert [table.all(domain) for domain in (3, 4, 0, 0xFFFFFFFE, ANY)] == [*"axxzx"]


def test_no_route(routes: Any) -> None:
    assert routes((3, "a")).all(4) == ""
    assert routes().all(0) == ""


def test_turns_are_counted_for_each_group(routes: Any) -> None:
    table = routes((0, "ab"), (1, "cd"))
    assert [table.first(0), table.first(1), table.first(0), table.first(1)] == [*"acbd"]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ([(1, "a"), (1, "b")], "a domain has two routes"),
        ([(ANY, "a"), (2, "c"), (ANY, "b")], "a domain has two routes"),
        ([(1, "a" * 65536)], "a route has up to 65535 addresses, and none to the program"),
        ([(1, "a!")], "a route has up to 65535 addresses, and none to the program"),
    ],
)
def test_tables_that_are_refused(routes: Any, table: list[tuple[int, str]], text: str) -> None:
    refused = routes(*table)
    assert (refused.status, refused.c.text(refused.error)) == ("CONFIG", text)


def test_a_route_to_nobody_keeps_others_away(routes: Any) -> None:
    """That of all others is not meant for a domain whose own one has no address just now."""
    table = routes((ANY, "a"), (2, ""))
    assert (table.first(2), table.first(3)) == ("-", "a")


def test_a_route_to_the_program(routes: Any) -> None:
    table = routes((ANY, "a"), (2, "!"))
    hands_over = table.lib.tlsmgm_routes_hand_over
    assert [hands_over(table.handle, number) for number in (2, 3)] == [True, False]
    assert table.first(2) == "-"


def first_of(c: CCode, weights: Sequence[int], count: int, balance: int = 0) -> str:
    """Return which addresses so many connections begin with, a letter each."""
    ffi, lib = c.ffi, c.lib
    addresses = ffi.new("struct tlsmgm_route_address[]", len(weights))
    for at, weight in enumerate(weights):
        addresses[at].sockaddr[0], addresses[at].size = ord("a") + at, 16
        addresses[at].weight = weight
    row = ffi.new("struct tlsmgm_route *")
    row.domain, row.addresses, row.count, row.balance = ANY, addresses, len(weights), balance
    out, error = ffi.new("struct tlsmgm_routes **"), c.error()
    status = c.status_name(lib.tlsmgm_routes_new(row, 1, out, error))
    if status != "OK":
        return c.text(error)
    found = ""
    for _ in range(count):
        tries = ffi.new("struct tlsmgm_route_tries *")
        address = lib.tlsmgm_routes_next(out[0], 0, tries, NOW)
        lib.tlsmgm_routes_begin(address)
        found += chr(address.sockaddr[0])
    lib.tlsmgm_routes_free(out[0])
    return found


@pytest.mark.parametrize(
    ("weights", "turns"),
    [
        ([1, 1, 1], "abcabcabc"),
        ([7, 7], "ababab"),
        ([5, 1, 1], "aabacaaaabacaa"),
        ([0, 2], "bab"),
        ([1, 3], "bbabbbab"),
        ([100, 1], "a" * 50 + "b" + "a" * 50),
    ],
)
def test_turns_by_weight(c: CCode, weights: list[int], turns: str) -> None:
    """As evenly as that goes; whatever the order, the shares are right."""
    found = first_of(c, weights, len(turns))
    assert sorted(found) == sorted(turns)
    if len(set(weights)) == 1 or weights == [5, 1, 1]:
        assert found == turns


@pytest.mark.parametrize("weights", [[101, 1], [100] * 64 + [1], [2**32 - 1, 2]])
def test_weights_that_are_too_large(c: CCode, weights: list[int]) -> None:
    assert "the weights of a route are up to 100" in first_of(c, weights, 1)


@pytest.mark.parametrize(
    ("weights", "counts"), [([1, 1, 1], [4, 4, 4]), ([1, 2], [4, 8]), ([1, 3, 2], [2, 6, 4])]
)
def test_the_one_with_the_fewest_connections(
    c: CCode, weights: list[int], counts: list[int]
) -> None:
    found = first_of(c, weights, 12, balance=1)
    assert [found.count(letter) for letter in "abc"[: len(weights)]] == counts


def test_fewest_among_those_that_are_well(routes: Any) -> None:
    table = routes((0, "ab"))
    first = table.next(0, table.tries())
    table.lib.tlsmgm_routes_failed(table.handle, first, NOW)
    assert {table.first(), table.first()} == {"ab".replace(table.letter(first), "")}


def test_a_route_for_all_beside_others_is_no_second_one(routes: Any) -> None:
    assert routes((ANY, "a"), (1, "b")).status == "OK"


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_no_memory(routes: Any, c: CCode, allowed: int) -> None:
    c.lib.tlsmgm_test_fail_after(allowed)
    assert routes((0, "a"), (1, "b")).status == "NO_MEMORY"


def test_it_lives_as_long_as_anybody_refers_to_it(c: CCode) -> None:
    table = Routes(c, [(0, "a")])
    assert c.lib.tlsmgm_routes_ref(table.handle) == table.handle
    c.lib.tlsmgm_routes_free(table.handle)
    assert table.all() == "a"
    c.lib.tlsmgm_routes_free(table.handle)
    assert c.lib.tlsmgm_routes_ref(c.ffi.NULL) == c.ffi.NULL
    c.lib.tlsmgm_routes_free(c.ffi.NULL)
