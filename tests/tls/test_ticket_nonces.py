"""Tickets of TLS 1.3 whose nonces are longer than ours: rustls and mbedTLS send 32 bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hello import PSK, extensions_in, vector
from tests.support.hostile import APPLICATION_DATA, HANDSHAKE
from tests.support.managers import LOCAL
from tests.support.pairs import ConnectionPair
from tests.support.tls13_records import Impersonator
from tlsmgm import Session
from tlsmgm._backends import load

NEW_SESSION_TICKET = b"\x04"
TICKET = b"a ticket that nobody can open"


def ticket_message(nonce: bytes) -> bytes:
    """Return a NewSessionTicket (RFC 8446 section 4.6.1)."""
    body = (3600).to_bytes(4, "big") + bytes(4) + vector(1, nonce) + vector(2, TICKET)
    return NEW_SESSION_TICKET + vector(3, body + vector(2, b""))


@pytest.mark.parametrize("size", [0, 1, 8, 9, 32, 255])
def test_nonce_of_any_length(library: str, client_library: str, size: int, tmp_path: Path) -> None:
    peer = Impersonator("server", (library, client_library), tmp_path)
    client = peer.other
    peer.send(HANDSHAKE, ticket_message(bytes(range(size))))
    peer.send(APPLICATION_DATA, b"after the ticket")
    assert client.read() == b"after the ticket"
    for session in (client.session, Session.load(load(client_library), client.session.export())):
        for _ in range(2):  # nothing of it goes with the first connection
            again = peer.managers.client.client_connection(
                "client", server_name="dom1.test", session=session
            )
            pair = ConnectionPair(again, peer.managers.server.server_connection(LOCAL))
            offered: list[bytes] = []
            pair.client_side.hook = lambda data, offered=offered: offered.append(data) or data
            pair.handshake().echo()
            assert TICKET in extensions_in(offered[0])[PSK]
            assert not again.session_reused
