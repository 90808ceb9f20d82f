"""A peer that ends with user_canceled before its close_notify, as every Java does in TLS 1.3."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hostile import ALERT, APPLICATION_DATA
from tests.support.tls13_records import CLOSE_NOTIFY, SECRETS, USER_CANCELED, Impersonator
from tlsmgm import ProtocolError, TruncatedError


@pytest.fixture(params=SECRETS)
def sender(
    request: pytest.FixtureRequest, library: str, client_library: str, tmp_path: Path
) -> Impersonator:
    return Impersonator(request.param, (library, client_library), tmp_path)


def test_it_is_a_clean_end(sender: Impersonator) -> None:
    sender.send(ALERT, USER_CANCELED)
    sender.send(ALERT, CLOSE_NOTIFY)
    for _ in range(2):
        assert sender.other.read() == b""
    assert sender.other.handshake() is True


def test_what_came_before_is_read(sender: Impersonator) -> None:
    sender.send(APPLICATION_DATA, b"the last words")
    sender.send(ALERT, USER_CANCELED)
    sender.send(ALERT, CLOSE_NOTIFY)
    assert sender.other.read() == b"the last words"
    assert sender.other.read() == b""


def test_our_direction_stays_open(sender: Impersonator) -> None:
    """A close_notify ends one direction only (RFC 8446 section 6.1)."""
    sender.send(ALERT, USER_CANCELED)
    sender.send(ALERT, CLOSE_NOTIFY)
    assert sender.other.read() == b""
    assert sender.other.write(b"a last answer") == 13
    sender.other.shutdown()
    sender.end.feed(sender.other.drain())
    assert sender.end.read() == b"a last answer"
    assert sender.end.read() == b""


def test_without_close_notify_it_is_no_end(sender: Impersonator) -> None:
    sender.send(ALERT, USER_CANCELED)
    assert sender.other.read() is None
    sender.send(APPLICATION_DATA, b"after all")
    assert sender.other.read() == b"after all"
    sender.other.feed_eof()
    with pytest.raises(TruncatedError):
        sender.other.read()


def test_after_it_a_damaged_record_is_an_error(sender: Impersonator) -> None:
    sender.send(ALERT, USER_CANCELED)
    record = bytearray(sender.keys.seal(ALERT, CLOSE_NOTIFY))
    record[-1] ^= 1
    sender.other.feed(bytes(record))
    with pytest.raises(ProtocolError):
        sender.other.read()
