"""What stands behind a server's flight is read after the client has answered that flight."""

from __future__ import annotations

import pytest

from tests.support.contract import Rig
from tests.support.hostile import CHANGE_CIPHER_SPEC, split_records

HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"  # a fatal alert
NAME = b"dom1.test"


@pytest.mark.parametrize("cut", [0, 1])
def test_the_client_answers_before_it_reads_on(rig: Rig, peer: Rig, cut: int) -> None:
    """In TLS 1.2 both libraries read one record at a time: an alert behind the flight is late.

    The client has changed keys by then, so nothing that follows finds it without any. The server
    gives no ticket, which would have to come first.
    """
    client = rig.connection(rig.client_context(version="1.2"), server_name=NAME)
    server = peer.connection(peer.server_context(version="1.2"), server_name=NAME)
    assert client.handshake().status == "WANT_READ"
    server.feed(client.drain())
    assert server.handshake().status == "WANT_READ"
    flight = server.drain()
    if cut:
        client.feed(flight[:-cut])
        assert client.handshake().status == "WANT_READ"
        assert client.drain() == b""
    client.feed(flight[len(flight) - cut if cut else 0 :] + HANDSHAKE_FAILURE)
    got = client.handshake()
    kinds = [kind for kind, _ in split_records(client.drain())]
    assert CHANGE_CIPHER_SPEC in kinds
    assert got.status == "ALERT"
