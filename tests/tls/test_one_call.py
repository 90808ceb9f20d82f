"""decrypt() and encrypt(): what comes and what is sent, each in one call."""

from __future__ import annotations

import pytest

from tests.support.pairs import ConnectionPair, managers
from tlsmgm import ProtocolError, TruncatedError

#: Around the sizes that go by way of the stack, of a record, and of what write() takes at once.
SIZES = [0, 1, 1024, 2047, 2048, 4096, 4097, 16384, 16385, 60_000, 300_000, 1_000_000]


@pytest.fixture
def pair(library: str, client_library: str, version: str) -> ConnectionPair:
    """Return two ends whose handshake is complete."""
    return managers(library, client_library, version).connect()


@pytest.mark.parametrize("size", SIZES)
def test_what_one_end_encrypts_the_other_decrypts(pair: ConnectionPair, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    assert pair.server.decrypt(pair.client.encrypt(data)) == (data or None)
    assert pair.client.decrypt(memoryview(bytearray(pair.server.encrypt(data)))) == (data or None)


@pytest.mark.parametrize("piece", [1, 1000, 5000])
def test_a_record_in_pieces_is_data_once_it_is_whole(pair: ConnectionPair, piece: int) -> None:
    data = bytes(range(256)) * 64
    wire = pair.client.encrypt(data)
    cuts = [wire[start : start + piece] for start in range(0, len(wire), piece)]
    results = [pair.server.decrypt(cut) for cut in cuts]
    assert results == [None] * (len(cuts) - 1) + [data]
    assert pair.server.decrypt(b"") is None


def test_a_handshake_and_the_first_data(library: str, client_library: str, version: str) -> None:
    both = managers(library, client_library, version)
    client, server = both.pair().client, both.pair().server
    assert client.decrypt(b"") is None
    while not client.handshake_complete:
        assert server.decrypt(client.drain()) is None
        assert client.decrypt(server.drain()) is None
    assert server.decrypt(client.drain() + client.encrypt(b"first")) == b"first"
    assert server.handshake_complete
    assert client.decrypt(server.drain() + server.encrypt(b"answer")) == b"answer"


def test_encrypt_sends_what_has_waited_first(pair: ConnectionPair) -> None:
    pair.client.write(b"one ")
    assert pair.server.decrypt(pair.client.encrypt(b"two")) == b"one two"


def test_the_end_is_told_behind_the_data(pair: ConnectionPair) -> None:
    wire = pair.client.encrypt(b"last")
    pair.client.shutdown()
    assert pair.server.decrypt(wire + pair.client.drain()) == b"last"
    assert pair.server.decrypt(b"") == b""
    with pytest.raises(ValueError, match="shutdown"):
        pair.client.encrypt(b"more")


def test_a_failure_is_told_behind_the_data(pair: ConnectionPair) -> None:
    wire = pair.client.encrypt(b"good") + b"\x17\x03\x03\x00\x20" + bytes(32)
    assert pair.server.decrypt(wire) == b"good"
    with pytest.raises(ProtocolError):
        pair.server.decrypt(b"")
    assert pair.server.drain()  # the alert


def test_an_end_without_close_notify_is_no_end(pair: ConnectionPair) -> None:
    pair.server.feed_eof()
    with pytest.raises(TruncatedError):
        pair.server.decrypt(b"")


def test_nothing_is_encrypted_before_the_handshake(library: str, client_library: str) -> None:
    client = managers(library, client_library, "TLSv1.3").pair().client
    with pytest.raises(ValueError, match="before the handshake"):
        client.encrypt(b"early")
