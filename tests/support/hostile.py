"""What every hostile test asks of a connection: an end without a crash, and others unharmed."""

from __future__ import annotations

from typing import Any

from tests.support.hello import records
from tests.support.managers import (
    LOCAL,
    assert_echo,
    client_domain,
    connect,
    manager_of,
    method_of,
    mutual_domain,
    server_domain,
)
from tlsmgm import AlertError, Connection, TLSError, TLSManager

#: Content types of records (RFC 8446 section 5.1).
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23


def busy_manager(library: str, version: str | None = None) -> TLSManager:
    """Return a manager of ``dom1``, ``dom2``, ``mutual`` (dom3) and a client domain."""
    rules: dict[str, Any] = {} if version is None else {"method": method_of(version)}
    return manager_of(
        library,
        server_domain("dom1", **rules),
        server_domain("dom2", **rules),
        mutual_domain("dom3", **rules),
        client_domain(**rules),
    )


def assert_serves(manager: TLSManager) -> None:
    """Prove that the manager still serves, first handshake to last byte."""
    client, server = connect(manager, manager)
    assert_echo(client, server)


def ending_of(manager: TLSManager, *pieces: bytes, eof: bool = False) -> TLSError | None:
    """Feed a stream to a new connection; return its error, which must be final.

    Args:
        manager: whose connection.
        pieces: fed one after the other, each followed by a step of the handshake.
        eof: whether the transport ends then.

    Returns:
        The error, or None while the connection waits for more.
    """
    conn = manager.server_connection(LOCAL)
    error = step(conn)
    for piece in pieces:
        if error is not None:
            break
        conn.feed(piece)
        error = step(conn)
    if eof and error is None:
        conn.feed_eof()
        error = step(conn)
    if error is not None:
        assert_alert_sent(conn.drain(), error)
        assert_final(conn, error)
    return error


def step(conn: Connection) -> TLSError | None:
    """Go on with handshake and reading; return the error, if one comes."""
    try:
        if conn.handshake():
            while conn.read():
                pass
    except TLSError as error:
        return error
    return None


def assert_final(conn: Connection, error: TLSError) -> None:
    """Prove that an error stays: every later call says the same, and no data comes out."""
    conn.drain()
    for _ in range(2):
        again = step(conn)
        assert type(again) is type(error)
        assert again is not None
        assert (str(again), again.alert) == (str(error), error.alert)
        assert conn.drain() == b""
    for data in (b"", b"x" * 100):
        conn.feed(data)
        assert type(step(conn)) is type(error)
    assert conn.drain() == b""


def assert_alert_sent(output: bytes, error: TLSError) -> None:
    """Prove that whole records wait, and an alert among them if the error has a number."""
    kinds = [kind for kind, _ in split_records(output)]
    if error.alert is not None and not isinstance(error, AlertError):
        assert kinds
        # Encrypted TLS 1.3 records look like application data.
        assert kinds[-1] in (ALERT, APPLICATION_DATA)


def split_records(data: bytes) -> list[tuple[int, bytes]]:
    """Return content type and whole record, in order; nothing may be left over."""
    found = []
    while data:
        size = 5 + int.from_bytes(data[3:5], "big")
        assert len(data) >= size, "half a record"
        found.append((data[0], data[:size]))
        data = data[size:]
    return found


def flight_of(manager: TLSManager, name: str = "dom1.test") -> tuple[Connection, bytes]:
    """Return a new client of the manager and its ClientHello record."""
    client = manager.client_connection("client", server_name=name)
    assert client.handshake() is False
    return client, client.drain()


def message_of(flight: bytes) -> bytes:
    """Return the handshake messages inside plain records."""
    return b"".join(record[5:] for kind, record in split_records(flight) if kind == HANDSHAKE)


def cut_into(flight: bytes, size: int) -> bytes:
    """Cut the messages of a flight into records of so many bytes."""
    return records(message_of(flight), size)
