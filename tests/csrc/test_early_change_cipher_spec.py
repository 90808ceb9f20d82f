"""A change_cipher_spec of TLS 1.2 in one piece with the ServerHelloDone (CVE-2026-93304)."""

from __future__ import annotations

import pytest

from tests.support.contract import Rig
from tests.support.hostile import CHANGE_CIPHER_SPEC, split_records

RECORD = b"\x14\x03\x03\x00\x01\x01"
NAME = b"dom1.test"


@pytest.mark.parametrize("cut", [0, 1])
def test_the_client_has_answered_before_it_changes_keys(rig: Rig, peer: Rig, cut: int) -> None:
    """Both libraries read one record at a time, so that by then the record is in its place.

    A library that read on before it answers would change to keys that are not there yet, and that
    others could know. The server is honest, and gives no ticket, which would have to come first.
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
    client.feed(flight[len(flight) - cut if cut else 0 :] + RECORD)
    got = client.handshake()
    kinds = [kind for kind, _ in split_records(client.drain())]
    assert (got.status, CHANGE_CIPHER_SPEC in kinds) == ("WANT_READ", True)
