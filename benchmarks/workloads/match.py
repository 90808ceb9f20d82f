"""Which domain answers: one lookup among a few names and among a million."""

from __future__ import annotations

import fnmatch
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tlsmgm
from benchmarks.model import Topic
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from tlsmgm._core.match_index import MatchIndex
from tlsmgm._domains.matching import match_entries, pack_ip

__all__ = ["KINDS", "SIZES", "Names", "plans"]

#: Names among which one is looked up.
SIZES: Final = (1, 1_000, 100_000, 1_000_000)
_QUICK_SIZES: Final = SIZES[:2]

#: What is looked up: a plain name, a name that a pattern fits, a name that nothing fits.
KINDS: Final = ("name", "*.suffix", "miss")

#: Names of one domain, as of a certificate for many; it makes a million of them bearable.
_PER_DOMAIN: Final = 100

#: Different names that are asked for in turn, so that no cache holds the way to all of them.
_ASKED: Final = 20_000

#: Lookups at least that one loop makes.
_ROUND: Final = 1_000

_LOOKUPS: Final = 200_000
_QUICK_LOOKUPS: Final = 5_000

#: Names up to which comparing with each of them ends in a turn's time, and lookups of it then.
_FEW: Final = 1_000
_COMPARISONS: Final = 500_000

_ADDRESS: Final = "192.0.2.1"
_PORT: Final = 5061

_ABOUT: Final = (
    "CPU time of one lookup, the loop around it included. Half of the names are plain, half are "
    "patterns *.suffix (with 1 there is one of each), {per} names to a domain, for any address; "
    "{asked:,} of them are asked for in random order. 'manager' is the public "
    "select_server_domain() of a TLSManager without a TLS library, which also reads the IP "
    "address; 'index' is the native MatchIndex below it, called from Python. A connection looks "
    "up from C and pays for neither call. A dict can only find plain names of equal case; fnmatch "
    "is a list of patterns, compared one by one, for up to {few:,} names."
)


@dataclass(frozen=True)
class Names:
    """What an index holds, and what is asked for.

    Args:
        size: how many names there are, at least 1.
    """

    size: int

    @property
    def filters(self) -> list[str]:
        """All names and patterns; plain ones have even numbers."""
        return [self._filter(number) for number in range(max(2, self.size))]

    def asked(self, kind: str) -> list[tuple[str, int | None]]:
        """Names to look up.

        Args:
            kind: one of :data:`KINDS`.

        Returns:
            Pairs of a name and the number of the filter that fits it; None for none.
        """
        chance = random.Random(self.size)  # the same names for all, no secret
        numbers = range(KINDS.index(kind) % 2, max(2, self.size), 2)
        chosen = chance.sample(numbers, min(_ASKED, len(numbers)))
        return [self._asked(kind, number) for number in chosen]

    @staticmethod
    def _filter(number: int) -> str:
        return f"*.zone{number:07d}.example" if number % 2 else f"host{number:07d}.bench.example"

    @staticmethod
    def _asked(kind: str, number: int) -> tuple[str, int | None]:
        if kind == "miss":
            return f"host{number:07d}.other.example", None
        if kind == "name":
            return f"host{number:07d}.bench.example", number
        return f"www.zone{number:07d}.example", number


def plans(bench: Bench) -> list[Plan]:
    """A topic for each number of names."""
    sizes = _QUICK_SIZES if bench.quick else SIZES
    return [_plan(size, _QUICK_LOOKUPS if bench.quick else _LOOKUPS) for size in sizes]


def _plan(size: int, lookups: int) -> Plan:
    topic = Topic(
        f"match-{size}",
        f"Find the domain among {size:,} name{'s' if size > 1 else ''}",
        "ns",
        about=_ABOUT.format(per=_PER_DOMAIN, asked=_ASKED, few=_FEW),
        baseline="Python dict, name",
    )
    names = Names(size)
    entrants = {
        "Python dict": _Lazy(lambda: _dict(names)),
        "tlsmgm, index": _Lazy(lambda: _index(names)),
        "tlsmgm, manager": _Lazy(lambda: _manager(names)),
        "fnmatch, list": _Lazy(lambda: _fnmatch(names)),
    }
    few = min(lookups, max(1, _COMPARISONS // max(2, size)))
    contestants = []
    for kind in KINDS:
        for entrant, lazy in entrants.items():
            if entrant == "Python dict" and kind != "name":
                continue
            if entrant == "fnmatch, list" and size > _FEW:
                continue
            count = few if entrant == "fnmatch, list" else lookups
            contestants.append(_contestant(entrant, lazy, names, kind, count))
    return Plan(topic, contestants)


@dataclass(frozen=True)
class _Found:
    """Something to look names up in.

    Attributes:
        run: looks each of these names up once.
        number: looks one name up; the number of the filter that fits, or of its domain.
        build: seconds of CPU time that building took, for each name; 0: nothing is built.
        memory: bytes for each name; None: not known.
        per_domain: names to a number.
        form: brings a name into the form that ``run`` and ``number`` take.
    """

    run: Callable[[Sequence[Any]], None]
    number: Callable[[Any], int | None]
    build: float
    memory: float | None = None
    per_domain: int = 1
    form: Callable[[str], Any] = str


class _Lazy:
    """Is built at the first use, shared, and let go after the last."""

    def __init__(self, build: Callable[[], _Found]) -> None:
        self._build = build
        self._found: _Found | None = None

    def get(self) -> _Found:
        """What was built."""
        if self._found is None:
            self._found = self._build()
        return self._found

    def close(self) -> None:
        """Let go of it."""
        self._found = None


def _contestant(entrant: str, lazy: _Lazy, names: Names, kind: str, lookups: int) -> Contestant:
    asked: list[Any] = []

    def turn(part: float) -> Turn:
        found = lazy.get()
        if not asked:
            pairs = names.asked(kind)
            _check(entrant, found, pairs)
            asked.extend([found.form(name) for name, _ in pairs] * (1 + _ROUND // len(pairs)))
        rounds, rest = divmod(max(1, round(lookups * part)), len(asked))
        begin = time.thread_time_ns()
        for _ in range(rounds):
            found.run(asked)
        found.run(asked[:rest])
        spent = time.thread_time_ns() - begin
        details = {"build µs a name": found.build * 1e6} if found.build else {}
        if found.memory is not None:
            details["memory B a name"] = found.memory
        return Turn(spent / (rounds * len(asked) + rest), details)

    library = "none" if entrant.startswith("tlsmgm") else "Python"
    return Contestant(f"{entrant}, {kind}", library, turn, lazy.close)


def _check(entrant: str, found: _Found, pairs: Sequence[tuple[str, int | None]]) -> None:
    """A lookup that finds something else may be fast, but is of no interest."""
    for name, number in pairs[:1_000]:
        wanted = None if number is None else number // found.per_domain
        if found.number(found.form(name)) != wanted:
            raise RuntimeError(f"{entrant}: {name} should be found at {wanted}")


def _domains(names: Names) -> list[tlsmgm.Domain]:
    filters = names.filters
    return [
        tlsmgm.Domain(
            f"domain{start // _PER_DOMAIN}",
            "server",
            match_sip_domain=filters[start : start + _PER_DOMAIN],
        )
        for start in range(0, len(filters), _PER_DOMAIN)
    ]


def _manager(names: Names) -> _Found:
    begin = time.thread_time()
    manager = tlsmgm.TLSManager("none")
    manager.add_domains(_domains(names))
    build = time.thread_time() - begin
    select = manager.select_server_domain

    def run(asked: Sequence[str]) -> None:
        for name in asked:
            select(_ADDRESS, _PORT, name)

    def number(name: str) -> int | None:
        domain = select(_ADDRESS, _PORT, name)
        return None if domain is None else int(domain.name.removeprefix("domain"))

    return _Found(run, number, build / names.size, per_domain=_PER_DOMAIN)


def _index(names: Names) -> _Found:
    """Names are bytes here, as they come from the wire."""
    entries = match_entries(_domains(names))
    begin = time.thread_time()
    index = MatchIndex(entries)
    build = time.thread_time() - begin
    find = index.find
    address = pack_ip(_ADDRESS)

    def run(asked: Sequence[bytes]) -> None:
        for name in asked:
            find(address, _PORT, name)

    def number(name: bytes) -> int | None:
        return find(address, _PORT, name)

    memory = index.memory / names.size
    return _Found(run, number, build / names.size, memory, _PER_DOMAIN, str.encode)


def _dict(names: Names) -> _Found:
    filters = names.filters
    begin = time.thread_time()
    known = {name: number for number, name in enumerate(filters) if not number % 2}
    build = time.thread_time() - begin
    find = known.get

    def run(asked: Sequence[str]) -> None:
        for name in asked:
            find(name)

    return _Found(run, find, build / names.size)


def _fnmatch(names: Names) -> _Found:
    patterns = list(enumerate(names.filters))
    matches = fnmatch.fnmatchcase

    def find(name: str) -> int | None:
        for number, pattern in patterns:
            if matches(name, pattern):
                return number
        return None

    def run(asked: Sequence[str]) -> None:
        for name in asked:
            find(name)

    return _Found(run, find, 0.0)
