"""How things are told to people."""

from __future__ import annotations

import datetime
import errno
import os
import socket

import pytest

from tlsmgm._domains.words import at_most, counted, did_you_mean, minute, os_reason, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü", "plain ü"), ("a\nb", r"a\nb"), ("\x1b[2J", r"\x1b[2J"), ("\udc80", r"\udc80")],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_counted() -> None:
    assert counted("added", ["a", "b\n"]) == r"2 added (a, b\n)"
    assert counted("removed", []) == "0 removed"


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")],
)
def test_at_most(names: list[str], text: str) -> None:
    assert at_most(2, names) == text


def test_minute() -> None:
    assert minute(datetime.datetime(2026, 1, 2, 3, 4, 59, tzinfo=datetime.UTC)) == (
        "2026-01-02 03:04 UTC"
    )


def test_did_you_mean() -> None:
    known = ["certificate", "ca_list"]
    assert did_you_mean("certificat", known) == "did you mean 'certificate'?"
    assert did_you_mean("CERTIFICAT", known) is None
    assert did_you_mean("CERTIFICAT", known, fold=str.lower) == "did you mean 'certificate'?"
    assert did_you_mean("certif", known) == "did you mean 'certificate'?"
    assert did_you_mean("certif", known, cutoff=0.75) is None
    assert did_you_mean("", []) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOENT, os.strerror(errno.ENOENT), "x"), "No such file or directory"),
        (OSError("in words"), "in words"),
        (ValueError("embedded null byte"), "embedded null byte"),
        (socket.gaierror(), "gaierror"),
    ],
)
def test_os_reason(error: Exception, reason: str) -> None:
    assert os_reason(error) == reason
