"""Alerts of peers: what they are called, and which of them end a connection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.hostile import APPLICATION_DATA, split_records
from tests.support.pairs import managers
from tlsmgm import AlertError

WARNING, FATAL = 1, 2
UNKNOWN_CA, UNRECOGNIZED_NAME, ECH_REQUIRED, UNASSIGNED = 48, 112, 121, 200


def alert_record(level: int, number: int) -> bytes:
    return bytes([21, 3, 3, 0, 2, level, number])


@pytest.mark.parametrize("client", [{"method": "TLSv1_2"}, {}], ids=["1.2", "1.2 or 1.3"])
def test_an_unknown_name_may_be_a_warning(
    library: str, client_library: str, client: dict[str, Any]
) -> None:
    """A server of TLS 1.2 says that it does not know the name, and goes on (RFC 6066 section 3)."""
    flights: list[bytes] = []

    def warn_first(data: bytes) -> bytes:
        flights.append(data)
        return alert_record(WARNING, UNRECOGNIZED_NAME) * (len(flights) == 1) + data

    both = managers(library, client_library, server={"method": "TLSv1_2"}, client=client)
    both.connect(to_client=warn_first).echo()


@pytest.mark.parametrize("number", [UNKNOWN_CA, UNRECOGNIZED_NAME])
def test_fatal_alerts_of_servers(library: str, version: str, number: int) -> None:
    client = managers(library, library, version).client.client_connection(
        "client", server_name="dom1.test"
    )
    assert client.handshake() is False
    client.feed(alert_record(FATAL, number))
    with pytest.raises(AlertError, match=f"the peer sent alert {number} ") as caught:
        client.handshake()
    assert caught.value.alert == number


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (UNKNOWN_CA, "unknown_ca"),
        (UNRECOGNIZED_NAME, "unrecognized_name"),
        (ECH_REQUIRED, "ech_required"),
        (UNASSIGNED, "unknown"),
    ],
)
def test_alerts_in_the_clear(library: str, client_library: str, number: int, name: str) -> None:
    """A client that refuses what the server sent may have no keys yet (RFC 8446 section 6.2)."""
    pair = managers(library, client_library, "TLSv1.3").pair()
    assert pair.client.handshake() is False
    pair.server.feed(pair.client.drain())
    assert pair.server.handshake() is False
    assert APPLICATION_DATA in [kind for kind, _ in split_records(pair.server.drain())]
    pair.server.feed(alert_record(FATAL, number))
    with pytest.raises(AlertError, match=rf"the peer sent alert {number} \({name}\)") as caught:
        pair.server.handshake()
    assert caught.value.alert == number
