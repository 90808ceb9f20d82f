"""What is worse, better or the same is decided on numbers that are made up."""

from __future__ import annotations

import pytest

from benchmarks.guard.compare import (
    ENGINE_OWN_LIMIT,
    LIMIT,
    MESSAGE_LIMIT,
    OWN,
    OWN_LIMIT,
    Row,
    Verdict,
    compare,
    table,
)


def row(
    before: int | None,
    now: int | None,
    part: str = "server",
    library: str = "openssl",
    subject: str = "tls13",
) -> Row:
    return Row(subject, library, part, before, now)


def test_the_limits() -> None:
    assert (LIMIT, MESSAGE_LIMIT, OWN_LIMIT) == (0.01, 0.02, 0.05)
    assert ENGINE_OWN_LIMIT == 0.02


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (1000, 1000, Verdict.SAME),
        (1000, 1010, Verdict.SAME),
        (1000, 1011, Verdict.WORSE),
        (1000, 990, Verdict.SAME),
        (1000, 989, Verdict.BETTER),
        (None, 1000, Verdict.NEW),
        (1000, None, Verdict.GONE),
        (0, 0, Verdict.SAME),
        (0, 1, Verdict.WORSE),
    ],
)
def test_verdicts(before: int | None, now: int | None, verdict: Verdict) -> None:
    assert row(before, now).verdict is verdict


@pytest.mark.parametrize(
    ("part", "library", "subject", "limit"),
    [
        ("server" + OWN, "openssl", "tls13", OWN_LIMIT),
        ("server" + OWN, "openssl", "message", OWN_LIMIT),
        ("both", "python-openssl", "message", MESSAGE_LIMIT),
        ("both", "python-openssl", "handshake", LIMIT),
        ("server", "openssl", "message", LIMIT),
        ("server", "openssl", "engine-message", LIMIT),
        ("server" + OWN, "openssl", "engine-message", ENGINE_OWN_LIMIT),
        ("server" + OWN, "wolfssl", "engine-new", ENGINE_OWN_LIMIT),
        ("server" + OWN, "wolfssl", "engineless", OWN_LIMIT),
    ],
)
def test_some_parts_have_another_limit(part: str, library: str, subject: str, limit: float) -> None:
    at_limit = round(1000 * (1 + limit))
    assert row(1000, at_limit, part, library, subject).verdict is Verdict.SAME
    assert row(1000, at_limit + 1, part, library, subject).verdict is Verdict.WORSE


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
