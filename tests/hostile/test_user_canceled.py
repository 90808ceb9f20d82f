"""A peer that ends with user_canceled before its close_notify, as every Java does in TLS 1.3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile import APPLICATION_DATA, split_records
from tests.support.pairs import ConnectionPair, managers
from tests.support.tls13_records import (
    ALERT,
    CLOSE_NOTIFY,
    USER_CANCELED,
    RecordKeys,
    secret_of,
)
from tlsmgm import Connection, ProtocolError, TruncatedError

SECRETS = {"client": "CLIENT_TRAFFIC_SECRET_0", "server": "SERVER_TRAFFIC_SECRET_0"}
SUITE = {"cipher_list": "TLS_AES_256_GCM_SHA384"}


class Sender:
    """The end of a pair in whose name the test goes on, and the other one, which hears it."""

    def __init__(self, side: str, libraries: tuple[str, str], directory: Path) -> None:
        """Connect; ``libraries`` are the server's and the client's."""
        keylog, seen = directory / "keys", bytearray()
        ours: dict[str, Any] = {"keylog_file": keylog, **SUITE}
        hook = {"to_server" if side == "client" else "to_client": _remember(seen)}
        pair = managers(*libraries, "TLSv1.3", server=ours, client=SUITE).connect(**hook)
        self.pair: ConnectionPair = pair
        self.end: Connection = pair.client if side == "client" else pair.server
        self.other: Connection = pair.server if side == "client" else pair.client
        self.keys = RecordKeys(secret_of(keylog, SECRETS[side]))
        for kind, record in split_records(bytes(seen)):
            if kind == APPLICATION_DATA:
                self.keys.open(record)

    def alert(self, content: bytes) -> None:
        """Send an alert to the other side."""
        self.other.feed(self.keys.seal(ALERT, content))


def _remember(seen: bytearray) -> Any:
    def hook(data: bytes) -> bytes:
        seen.extend(data)
        return data

    return hook


@pytest.fixture(params=SECRETS)
def sender(
    request: pytest.FixtureRequest, library: str, client_library: str, tmp_path: Path
) -> Sender:
    return Sender(request.param, (library, client_library), tmp_path)


def test_it_is_a_clean_end(sender: Sender) -> None:
    sender.alert(USER_CANCELED)
    sender.alert(CLOSE_NOTIFY)
    for _ in range(2):
        assert sender.other.read() == b""
    assert sender.other.handshake() is True


def test_what_came_before_is_read(sender: Sender) -> None:
    sender.other.feed(sender.keys.seal(APPLICATION_DATA, b"the last words"))
    sender.alert(USER_CANCELED)
    sender.alert(CLOSE_NOTIFY)
    assert sender.other.read() == b"the last words"
    assert sender.other.read() == b""


def test_our_direction_stays_open(sender: Sender) -> None:
    """A close_notify ends one direction only (RFC 8446 section 6.1)."""
    sender.alert(USER_CANCELED)
    sender.alert(CLOSE_NOTIFY)
    assert sender.other.read() == b""
    assert sender.other.write(b"a last answer") == 13
    sender.other.shutdown()
    sender.end.feed(sender.other.drain())
    assert sender.end.read() == b"a last answer"
    assert sender.end.read() == b""


def test_without_close_notify_it_is_no_end(sender: Sender) -> None:
    sender.alert(USER_CANCELED)
    assert sender.other.read() is None
    sender.other.feed(sender.keys.seal(APPLICATION_DATA, b"after all"))
    assert sender.other.read() == b"after all"
    sender.other.feed_eof()
    with pytest.raises(TruncatedError):
        sender.other.read()


def test_after_it_a_damaged_record_is_an_error(sender: Sender) -> None:
    sender.alert(USER_CANCELED)
    record = bytearray(sender.keys.seal(ALERT, CLOSE_NOTIFY))
    record[-1] ^= 1
    sender.other.feed(bytes(record))
    with pytest.raises(ProtocolError):
        sender.other.read()
