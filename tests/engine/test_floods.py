"""Records that bring no data, which cost us more than they cost whoever sends them."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hostile import APPLICATION_DATA
from tests.support.listeners import Greeter, listening, port_of
from tests.support.managers import manager_of, pki, server_domain
from tests.support.proxy import TIMEOUT, read_exactly, wait_until
from tests.support.tls13_records import SECRETS, RecordKeys, secret_of
from tlsmgm import Limits, TLSManager

HANDSHAKE = 22
#: As many as may come in a row.
BOUND = 32
KEY_UPDATE = b"\x18\x00\x00\x01\x00"  # RFC 8446 section 4.6.3: update_not_requested


@pytest.fixture
def suited(library: str) -> TLSManager:
    """With one suite, under which tests can write records of their own."""
    return manager_of(
        library,
        server_domain("dom1", method="TLSv1_3", cipher_list="TLS_AES_256_GCM_SHA384"),
    )


class Client:
    """A client of TLS 1.3 whose records the test writes.

    Args:
        port: of the listener.
        keylog: where the keys may be written.
    """

    def __init__(self, port: int, keylog: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_verify_locations(pki("root.pem"))
        context.keylog_filename = str(keylog)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="dom1.test")
        self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(outgoing.read())
                incoming.write(self.sock.recv(65536))
        self.sock.sendall(outgoing.read())
        self.keys = RecordKeys(secret_of(keylog, SECRETS["client"]))

    def send(self, content: bytes, kind: int = APPLICATION_DATA) -> None:
        """Send one record, if anybody is there."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(self.keys.seal(kind, content))

    def is_cut(self) -> bool:
        """Wait until we hang up."""
        with self.sock, contextlib.suppress(ConnectionError):
            while self.sock.recv(65536):
                pass
        return True


@pytest.fixture
def echo() -> Iterator[Greeter]:
    with Greeter(b"") as found:
        yield found


def test_empty_records_have_a_bound(suited: TLSManager, echo: Greeter, tmp_path: Path) -> None:
    """Both libraries have one of their own, and say so in their words."""
    with listening(suited, echo.address) as (listener, ends):
        client = Client(port_of(listener), tmp_path / "keys")
        for _ in range(BOUND + 1):
            client.send(b"")
        assert client.is_cut()
        assert ends.one().status == "client-error"


def test_data_in_between_starts_anew(suited: TLSManager, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        listening(suited, f"tcp:127.0.0.1:{server.getsockname()[1]}") as (listener, _),
    ):
        client = Client(port_of(listener), tmp_path / "keys")
        far, _ = server.accept()
        far.settimeout(TIMEOUT)
        with client.sock, far:
            for _ in range(5):
                for _ in range(BOUND // 2):  # the libraries' own bounds lie about there, too
                    client.send(b"")
                client.send(b"data")
                assert read_exactly(far, 4) == b"data"
        assert listener.statistics()["limit_records_without_data_total"] == 0


def flood(client: Client, keylog: Path, count: int) -> None:
    """Send KeyUpdates; each is under the keys of the one before (RFC 8446 section 7.2)."""
    secret = secret_of(keylog, SECRETS["client"])
    for _ in range(count):
        client.send(KEY_UPDATE, HANDSHAKE)
        secret = client.keys.update(secret)


def test_key_updates_have_a_bound(suited: TLSManager, echo: Greeter, tmp_path: Path) -> None:
    with listening(suited, echo.address) as (listener, ends):
        client = Client(port_of(listener), tmp_path / "keys")
        flood(client, tmp_path / "keys", BOUND + 1)
        assert client.is_cut()
        assert ends.one().reason == "the peer sends records without data"
        assert listener.statistics()["limit_records_without_data_total"] == 1


@pytest.mark.parametrize(("bound", "count"), [(BOUND, BOUND), (0, 10 * BOUND), (100, 100)])
def test_key_updates_within_the_bound(
    suited: TLSManager, tmp_path: Path, bound: int, count: int
) -> None:
    limits = Limits(records_without_data=bound)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        listening(suited, f"tcp:127.0.0.1:{server.getsockname()[1]}", limits=limits) as (
            listener,
            _,
        ),
    ):
        client = Client(port_of(listener), tmp_path / "keys")
        far, _ = server.accept()
        far.settimeout(TIMEOUT)
        with client.sock, far:
            flood(client, tmp_path / "keys", count)
            client.send(b"data")
            assert read_exactly(far, 4) == b"data"


def test_a_record_may_come_byte_by_byte(suited: TLSManager, tmp_path: Path) -> None:
    """Each byte is a read that brings no record; they are counted, and nobody is cut."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        listening(suited, f"tcp:127.0.0.1:{server.getsockname()[1]}") as (listener, _),
    ):
        client = Client(port_of(listener), tmp_path / "keys")
        far, _ = server.accept()
        far.settimeout(TIMEOUT)
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def reads() -> int:
            return listener.statistics()["reads_without_record_total"]

        with client.sock, far:
            client.send(b"first")
            assert read_exactly(far, 5) == b"first"
            before = reads()
            wire = client.keys.seal(APPLICATION_DATA, b"data" * 25)
            for number, byte in enumerate(wire[:-1], 1):
                client.sock.sendall(bytes([byte]))
                wait_until(functools.partial(lambda count: reads() == count, before + number))
            client.sock.sendall(wire[-1:])
            assert read_exactly(far, 100) == b"data" * 25
            assert reads() == before + len(wire) - 1
