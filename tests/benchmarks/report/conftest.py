"""Runs that nobody ran: one that looks like a full one, and one with hostile names."""

from __future__ import annotations

import random
from typing import Final

import pytest

from benchmarks.model import Row, Run, Topic

HOSTILE: Final = (
    'a|b <script>alert("x")</script> & `c` $d$ *e* \\ [f](https://evil.example)\n\x00 é'
)

_OPENSSL: Final = "openssl 3.5.7"
_WOLFSSL: Final = "wolfssl 5.9.2"
_PYTHON: Final = "OpenSSL 3.0.19 27 Jan 2026"

#: Entrant, library, and microseconds of a handshake.
_MEMORY: Final = (
    ("plain C, openssl", _OPENSSL, 141.0),
    ("C contract, openssl", _OPENSSL, 142.5),
    ("plain C, wolfssl", _WOLFSSL, 98.0),
    ("C contract, wolfssl", _WOLFSSL, 99.9),
    ("tlsmgm, openssl", _OPENSSL, 151.0),
    ("tlsmgm, wolfssl", _WOLFSSL, 108.0),
    ("ssl", _PYTHON, 205.0),
    ("ssl, sni_callback", _PYTHON, 231.0),
    ("pyOpenSSL", "OpenSSL 4.0.2", 263.0),
    ("wolfssl (PyPI)", "wolfSSL 5.9.2", 172.0),
)

_LOOPBACK: Final = (
    ("tlsmgm proxy, openssl", _OPENSSL, 352.0),
    ("tlsmgm proxy, wolfssl", _WOLFSSL, 305.0),
    ("asyncio ssl=", _PYTHON, 611.0),
    ("uvloop ssl=", _PYTHON, 402.0),
    ("nginx stream", "OpenSSL 3.0.19", 262.0),
    ("HAProxy", "OpenSSL 3.0.19", 249.0),
    ("stunnel", "OpenSSL 3.0.19", 498.0),
    ("hitch", "OpenSSL 3.0.19", 251.0),
)

_KINDS: Final = (
    ("tls13-ecdsa", "TLS 1.3, ECDSA P-256, X25519", 1.0),
    ("tls13-rsa", "TLS 1.3, RSA-2048, X25519", 4.3),
    ("tls13-hybrid", "TLS 1.3, ECDSA P-256, X25519MLKEM768", 1.45),
    ("tls12-resumed", "TLS 1.2, resumed", 0.3),
)


def _samples(chance: random.Random, value: float, rounds: int = 9) -> list[float]:
    return [value * (1 + abs(chance.gauss(0, 0.02))) for _ in range(rounds)]


@pytest.fixture
def run() -> Run:
    """A full run, always with the same values."""
    chance = random.Random(7)
    found = Run("2026-01-31T12:00:00+00:00", 9, False, _machine())
    for name, title, factor in _KINDS:
        topic = Topic(
            f"handshake-{name}",
            f"Handshake in memory: {title}",
            "µs",
            about="CPU time of the server's side of one handshake, in memory, without sockets.",
            baseline="plain C, openssl",
        )
        _answer(found, topic, [(who, what, value * factor) for who, what, value in _MEMORY], chance)
    topic = Topic("bulk-down", "Bulk transfer down, 1 MB", "MB/s", "higher", "Both ends in memory.")
    _answer(found, topic, [(who, what, 2e5 / value) for who, what, value in _MEMORY], chance)
    topic = Topic(
        "loopback-new", "New connections: server CPU of each", "µs", baseline="asyncio ssl="
    )
    _answer(found, topic, list(_LOOPBACK), chance)
    for count in (1_000_000, 1, 1_000, 100_000):
        topic = Topic(f"match-{count}", f"Domain match among {count:,} names", "µs")
        values = [
            ("tlsmgm, openssl", _OPENSSL, 1.9 + count**0.2 / 9),
            ("tlsmgm, wolfssl", _WOLFSSL, 1.9 + count**0.2 / 8),
            ("a list of names", "none", 0.4 + count / 90),
        ]
        _answer(found, topic, values, chance)
    topic = Topic("footprint-idle", "Memory of an idle connection", "kB")
    values = [("tlsmgm, openssl", _OPENSSL, 21.0), ("ssl", _PYTHON, 900.0), ("hitch", "x", 64.5)]
    _answer(found, topic, values, chance)
    found.absent = [
        "handshake-tls13-hybrid: ssl: OpenSSL 3.0.19 has no group X25519MLKEM768",
        "handshake-tls13-rsa: ssl: OpenSSL 3.0.19 has no group X25519MLKEM768",
        "stunnel: no such program; install the package stunnel4",
    ]
    return found


def _answer(
    run: Run, topic: Topic, values: list[tuple[str, str, float]], chance: random.Random
) -> None:
    run.topics.append(topic)
    for who, library, value in values:
        samples = _samples(chance, value)
        run.rows.append(Row(topic.name, who, library, samples, {"wall µs": value * 2.125}))


def _machine() -> dict[str, object]:
    return {
        "processor": "A Processor",
        "cpus": 2,
        "python": "CPython 3.11.7",
        "openssl": "3.5.7",
        "wolfssl": "5.9.2",
        "build flags": {"openssl": "no-shared no-module no-engine no-legacy", "wolfssl": "--x"},
        "packages": {"uvloop": "0.23.0"},
    }


@pytest.fixture
def hostile() -> Run:
    """A run with names that are code elsewhere, a topic without answers, and single samples."""
    topics = [
        Topic("../../" + HOSTILE, HOSTILE, HOSTILE, "higher", HOSTILE, HOSTILE),
        Topic("empty", "Nobody is here", "s"),
        Topic("silent", "Somebody is here but says nothing", "s"),
        Topic("zero", "Nothing takes time", "s"),
    ]
    rows = [
        Row(topics[0].name, HOSTILE, HOSTILE, [3.5], {HOSTILE: 1.0}),
        Row(topics[0].name, "other", "", [4.25]),
        Row("silent", "mute", "none"),
        Row("zero", "still", "none", [0.0, 0.0]),
        Row("zero", "backwards", "none", [-1.0, -2.0, -1.5]),
    ]
    return Run(HOSTILE, 1, True, {HOSTILE: {HOSTILE: [HOSTILE]}}, topics, rows, [HOSTILE])
