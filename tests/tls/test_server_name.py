"""The server_name extension in a server's answer (RFC 6066 section 3)."""

from __future__ import annotations

from tests.support.hello import SERVER_NAME
from tests.support.hostile import HANDSHAKE, split_records
from tests.support.pairs import managers, session_of


def server_hello_extensions(record: bytes) -> set[int]:
    """Return the numbers of the extensions in a ServerHello, the first message of a record."""
    message = record[5 + 4 :][: int.from_bytes(record[6:9], "big")]
    data = message[2 + 32 :]
    data = data[1 + data[0] + 2 + 1 :][2:]  # session id, suite, compression; then their length
    found = set()
    while data:
        found.add(int.from_bytes(data[:2], "big"))
        data = data[4 + int.from_bytes(data[2:4], "big") :]
    return found


def test_a_resumed_session_has_no_name(library: str, client_library: str) -> None:
    """In TLS 1.2 the name belongs to the session. Strict clients end the connection at a second."""
    answers: list[bytes] = []

    def note(data: bytes) -> bytes:
        answers.extend(record for kind, record in split_records(data) if kind == HANDSHAKE)
        return data

    both = managers(library, client_library, "TLSv1.2")
    first = both.connect(to_client=note)
    first.echo()
    assert SERVER_NAME in server_hello_extensions(answers[0])
    answers.clear()
    again = both.connect(session=session_of(first), to_client=note)
    again.echo()
    assert again.client.session_reused
    assert SERVER_NAME not in server_hello_extensions(answers[0])
