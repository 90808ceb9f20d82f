"""What is worse, better or the same is decided on numbers that are made up."""

from __future__ import annotations

import pytest

from benchmarks.guard.compare import LIMIT, OWN, OWN_LIMIT, Row, Verdict, compare, table


def row(before: int | None, now: int | None, part: str = "server") -> Row:
    return Row("tls13", "openssl", part, before, now)


def test_the_limit_is_three_percent() -> None:
    assert LIMIT == 0.03


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (1000, 1000, Verdict.SAME),
        (1000, 1030, Verdict.SAME),
        (1000, 1031, Verdict.WORSE),
        (1000, 970, Verdict.SAME),
        (1000, 969, Verdict.BETTER),
        (None, 1000, Verdict.NEW),
        (1000, None, Verdict.GONE),
        (0, 0, Verdict.SAME),
        (0, 1, Verdict.WORSE),
    ],
)
def test_verdicts(before: int | None, now: int | None, verdict: Verdict) -> None:
    assert row(before, now).verdict is verdict


def test_own_code_alone_has_another_limit() -> None:
    at_limit = round(1000 * (1 + OWN_LIMIT))
    assert row(1000, at_limit, "server" + OWN).verdict is Verdict.SAME
    assert row(1000, at_limit + 1, "server" + OWN).verdict is Verdict.WORSE


def test_ratio() -> None:
    assert row(1000, 1500).ratio == 1.5
    assert row(None, 1).ratio is None
    assert row(1, None).ratio is None
    assert row(0, 1).ratio is None


def test_every_count_of_either_has_a_row() -> None:
    before = {"a": {"server": 1, "client": 2}, "old": {"server": 3}}
    now = {"new": {"server": 4}, "a": {"server": 5}}
    found = [(r.subject, r.part, r.before, r.now) for r in compare("wolfssl", before, now)]
    assert found == [
        ("new", "server", None, 4),
        ("a", "server", 1, 5),
        ("a", "client", 2, None),
        ("old", "server", 3, None),
    ]


def test_table() -> None:
    text = table([row(2_000_000, 2_100_000), row(None, 7), row(7, None)])
    assert text.splitlines() == [
        "kind   side    library   baseline        now   ratio  verdict",
        "tls13  server  openssl  2,000,000  2,100,000  1.0500  WORSE",
        "tls13  server  openssl          -          7       -  new",
        "tls13  server  openssl          7          -       -  gone",
    ]
