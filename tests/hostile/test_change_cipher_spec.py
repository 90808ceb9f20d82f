"""A change_cipher_spec of TLS 1.2 that comes before there are keys to change to."""

from __future__ import annotations

from tests.support.hostile import assert_final, busy_manager, flight_of, split_records, step
from tests.support.managers import LOCAL
from tlsmgm import ProtocolError

RECORD = b"\x14\x03\x03\x00\x01\x01"


def test_a_server_whose_flight_is_not_over(library: str, client_library: str) -> None:
    client, hello = flight_of(busy_manager(client_library, "TLSv1.2"))
    server = busy_manager(library, "TLSv1.2").server_connection(LOCAL)
    server.feed(hello)
    assert step(server) is None
    pieces = [record for _, record in split_records(server.drain())]
    client.feed(pieces[0] + RECORD)
    error = step(client)
    assert isinstance(error, ProtocolError), error
    assert_final(client, error)


def test_a_client_that_is_too_early(library: str, client_library: str) -> None:
    client, hello = flight_of(busy_manager(client_library, "TLSv1.2"))
    del client
    server = busy_manager(library, "TLSv1.2").server_connection(LOCAL)
    server.feed(hello + RECORD)
    error = step(server)
    assert isinstance(error, ProtocolError), error
    assert_final(server, error)
