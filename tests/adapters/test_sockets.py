"""Contexts over sockets: waiting or not, both directions at once, and the way back to plain."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tlsmgm
from tests.adapters.ecosystem import Contexts, contexts
from tests.support.flooding import HANDSHAKE, KEY_UPDATE, KEY_UPDATE_REQUESTED
from tests.support.hostile import APPLICATION_DATA, split_records
from tests.support.managers import pki
from tests.support.proxy import client_context
from tests.support.tls13_records import SECRETS, RecordKeys, secret_of

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


@pytest.fixture
def ends(serving: Any, fetching: Any, pool: ThreadPoolExecutor) -> Iterator[Any]:
    """Makes a client and a server that are connected."""
    opened: list[socket.socket] = []

    def connect(**client: Any) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
        left, right = socket.socketpair()
        left.settimeout(20)
        right.settimeout(20)
        accepted = pool.submit(serving.wrap_socket, right, server_side=True)
        called = fetching.wrap_socket(left, server_hostname="dom1.test", **client)
        opened.extend((called, accepted.result()))
        return called, accepted.result()

    yield connect
    for one in opened:
        one.close()


def received(end: ssl.SSLSocket, count: int, size: int) -> bytes:
    found = b""
    while len(found) < count:
        found += end.recv(size)
    return found


@pytest.mark.parametrize("size", [100, 8192, 65536])
def test_all_sizes_of_reading(ends: Any, pool: ThreadPoolExecutor, size: int) -> None:
    client, server = ends()
    count = size * 100 if size < 8192 else len(MEGABYTE)
    sent = pool.submit(server.sendall, MEGABYTE[:count])
    assert received(client, count, size) == MEGABYTE[:count]
    assert client.pending() == 0
    sent.result()


def test_both_directions_at_once(ends: Any, pool: ThreadPoolExecutor) -> None:
    client, server = ends()
    done = [
        pool.submit(client.sendall, MEGABYTE),
        pool.submit(server.sendall, MEGABYTE),
        pool.submit(received, client, len(MEGABYTE), 65536),
    ]
    assert received(server, len(MEGABYTE), 4096) == MEGABYTE
    assert [one.result() for one in done] == [None, None, MEGABYTE]


def test_a_socket_that_does_not_wait(ends: Any) -> None:
    client, server = ends()
    client.setblocking(False)
    server.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        client.recv(1)
    sent, rest = 0, memoryview(MEGABYTE * 8)
    try:
        while True:
            sent += client.send(rest[sent:])
            assert sent < len(rest)
    except ssl.SSLWantWriteError:
        pass
    found = b""
    while sent < len(MEGABYTE) * 4 or len(found) < sent:
        try:
            found += server.recv(65536)
        except ssl.SSLWantReadError:
            try:
                sent += client.send(rest[sent:])  # the same data, as OpenSSL wants it
            except ssl.SSLWantWriteError:
                continue
    assert found == rest[: len(found)]


def test_a_timeout_is_kept(ends: Any) -> None:
    client, _ = ends()
    client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="read operation timed out"):
        client.recv(1)


def test_the_way_back_to_plain_text(ends: Any, pool: ThreadPoolExecutor) -> None:
    client, server = ends()
    client.sendall(b"secret")
    assert server.recv(100) == b"secret"
    other = pool.submit(server.unwrap)
    plain = client.unwrap()
    plain.sendall(b"plain")
    assert other.result().recv(100) == b"plain"


def test_an_end_without_goodbye(ends: Any) -> None:
    client, server = ends(suppress_ragged_eofs=False)
    server.close()
    with pytest.raises(ssl.SSLEOFError) as caught:
        client.recv(1)
    assert isinstance(caught.value, tlsmgm.TruncatedError)
    calm, other = ends()
    other.close()
    assert calm.recv(1) == b""


def test_what_is_behind_the_handshake_stays_in_the_socket(
    serving: Any, fetching: Any, pool: ThreadPoolExecutor
) -> None:
    """Or programs that wait with select() would never hear of it."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(20)
        right.settimeout(20)
        accepted = pool.submit(serving.wrap_socket, right, server_side=True)
        with fetching.wrap_socket(left, server_hostname="dom1.test") as client:
            client.sendall(b"early")
            with accepted.result() as server:
                seen = socket.fromfd(server.fileno(), server.family, server.type)
                with seen:
                    assert seen.recv(5, socket.MSG_PEEK)[:1] == b"\x17"
                assert server.recv(100) == b"early"


@pytest.mark.parametrize("server_side", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"EHLO x\r\n",
        b"220 mail ready\r\n",
        b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02me",
        b"\x16\x02\x00\x00\x40",  # a version that TLS never had
        b"\x16\x03\x03\x48\x01",  # a byte longer than any record
    ],
)
def test_a_peer_without_tls_is_told_at_once(both: Contexts, said: bytes, server_side: bool) -> None:
    """It goes on waiting for an answer, so that nothing else would end the handshake."""
    left, right = socket.socketpair()
    context = both.server if server_side else both.client
    name = None if server_side else "dom1.test"
    with left, right:
        left.settimeout(20)
        right.sendall(said)
        with pytest.raises(ssl.SSLError) as caught:
            context.wrap_socket(left, server_side=server_side, server_hostname=name)
    assert isinstance(caught.value, tlsmgm.ProtocolError)


def test_a_peer_that_stops_to_speak_tls_is_told_at_once(ends: Any) -> None:
    client, server = ends()
    plain = socket.socket(fileno=server.detach())
    with plain:
        plain.sendall(b"HTTP/1.0 200 OK\r\n")
        with pytest.raises(ssl.SSLError):
            client.recv(100)


def talk(client: ssl.SSLSocket) -> None:
    client.sendall(b"too late")
    client.recv(1)


def test_a_refused_client_hears_why(serving: Any, fetching: Any, pool: ThreadPoolExecutor) -> None:
    """In TLS 1.3 a client that sends may find the connection gone, and the alert in it."""
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(pki("root.pem"))
    left, right = socket.socketpair()

    def serve() -> None:
        with right, pytest.raises(ssl.SSLError):
            serving.wrap_socket(right, server_side=True)

    left.settimeout(20)
    served = pool.submit(serve)
    with fetching.wrap_socket(left, server_hostname="dom1.test") as client:
        served.result()
        with pytest.raises(ssl.SSLError) as caught:
            talk(client)
    assert caught.value.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def test_values_may_change_while_others_connect(
    ends: Callable[..., Any], serving: Any, pool: ThreadPoolExecutor
) -> None:
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            serving.options ^= ssl.OP_NO_TICKET

    changing = pool.submit(change)
    try:
        for _ in range(20):
            client, server = ends()
            client.sendall(b"x")
            assert server.recv(1) == b"x"
    finally:
        stop.set()
    changing.result()


def test_a_send_that_has_run_out_of_time_goes_on(ends: Any, pool: ThreadPoolExecutor) -> None:
    """Called again with the same data, as with stock: nothing is sent twice."""
    client, server = ends()
    client.settimeout(0.05)
    left = memoryview(MEGABYTE * 4)
    reading: Any = None
    while left:
        try:
            left = left[client.send(left) :]
        except TimeoutError:
            reading = reading or pool.submit(received, server, 4 * len(MEGABYTE), 65536)
    assert reading.result() == MEGABYTE * 4
    client.sendall(b"behind")
    assert received(server, 6, 100) == b"behind"


def test_a_send_that_does_not_wait_takes_all_or_says_so(
    ends: Any, pool: ThreadPoolExecutor
) -> None:
    client, server = ends()
    client.setblocking(False)
    reading: Any = None
    while True:
        try:
            assert client.send(MEGABYTE * 4) == 4 * len(MEGABYTE)
            break
        except ssl.SSLWantWriteError:
            with pytest.raises(ssl.SSLError, match="bad write retry"):
                client.send(b"something else")
            reading = reading or pool.submit(received, server, 4 * len(MEGABYTE), 65536)
    assert reading.result() == MEGABYTE * 4


@pytest.mark.parametrize("size", [100, 65536])
def test_an_answer_that_came_before_a_reset_is_read(
    serving: Any, fetching: Any, pool: ThreadPoolExecutor, size: int
) -> None:
    """A server refuses a long request and goes: the client's send fails, and it reads why."""
    answer = MEGABYTE[:100_000]

    def refuse(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        plain.settimeout(20)
        server = serving.wrap_socket(plain, server_side=True)
        server.recv(100)
        server.sendall(answer)
        refused.wait(20)
        socket.close(server.detach())  # what is unread makes the system reset the client

    refused = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as plain:
        serving_one = pool.submit(refuse, listener)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        plain.settimeout(20)
        plain.connect(listener.getsockname())
        client = fetching.wrap_socket(plain, server_hostname="dom1.test")
        client.sendall(b"head")
        first = received(client, 1, 1)
        client.sendall(bytes(20_000))
        refused.set()
        serving_one.result()
        with pytest.raises(ConnectionError):
            send_for_ever(client)
        assert first + received(client, len(answer) - 1, size) == answer
        client.close()


def send_for_ever(end: ssl.SSLSocket) -> None:
    while True:
        end.sendall(bytes(100_000))


@pytest.mark.parametrize("call", ["do_handshake", "read", "write", "unwrap"])
def test_a_callback_cannot_use_its_own_connection(
    library: str, pool: ThreadPoolExecutor, call: str
) -> None:
    """It would wait for itself; the handshake goes on."""
    both = contexts(library, "calls")
    found: list[BaseException] = []

    def use(end: Any, *_: object) -> None:
        arguments: dict[str, tuple[Any, ...]] = {"read": (1,), "write": (b"x",)}
        try:
            getattr(end, call)(*arguments.get(call, ()))
        except (RuntimeError, ssl.SSLError) as error:
            found.append(error)

    both.server.sni_callback = use
    left, right = socket.socketpair()
    left.settimeout(20)
    right.settimeout(20)
    accepted = pool.submit(both.server.wrap_socket, right, server_side=True)
    with (
        both.client.wrap_socket(left, server_hostname="dom1.test") as client,
        accepted.result() as server,
    ):
        server.sendall(b"x")
        assert client.recv(1) == b"x"
    wanted = "shutdown while in init" if call == "unwrap" else "a callback of the handshake"
    assert [wanted in str(error) for error in found] == [True]


def test_requests_for_new_keys_are_answered(
    serving: Any, library: str, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """By wolfSSL while it only reads, by OpenSSL before its next data (RFC 8446 section 4.6.3)."""
    left, right = socket.socketpair()
    left.settimeout(20)
    right.settimeout(20)
    accepted = pool.submit(serving.wrap_socket, right, server_side=True)
    context = client_context()
    context.keylog_filename = str(tmp_path / "keys")
    with left:
        behind = shake_by_hand(context, left)
        with accepted.result() as server:
            asking, answering = (
                RecordKeys(secret_of(tmp_path / "keys", SECRETS[side]))
                for side in ("client", "server")
            )
            left.sendall(asking.seal(HANDSHAKE, KEY_UPDATE_REQUESTED))
            asking.update(secret_of(tmp_path / "keys", SECRETS["client"]))
            left.sendall(asking.seal(APPLICATION_DATA, b"x"))
            assert server.recv(1) == b"x"
            if library == "openssl":
                server.sendall(b"y")
            while not any(
                answering.open(record) == KEY_UPDATE + bytes([HANDSHAKE])
                for _, record in split_records(behind)
            ):
                behind = left.recv(65536)


def shake_by_hand(context: ssl.SSLContext, sock: socket.socket) -> bytes:
    """Do a client's handshake, and return what the server has sent behind it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="dom1.test")
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
        else:
            sock.sendall(outgoing.read())
            return incoming.read()


def test_questions_while_another_thread_reads(ends: Any, pool: ThreadPoolExecutor) -> None:
    """They wait for their turn; neither side hears that the connection is in use."""
    client, server = ends()
    done = [
        pool.submit(server.sendall, MEGABYTE * 8),
        pool.submit(received, client, 8 * len(MEGABYTE), 65536),
    ]
    asked = 0
    while not all(each.done() for each in done) or asked == 0:
        assert client.version() == "TLSv1.3"
        assert client.cipher() is not None
        assert client.getpeercert()
        assert client.selected_alpn_protocol() is None
        assert client.get_channel_binding("tls-unique") is None or not client.session_reused
        assert client.session is None or client.session.has_ticket
        asked += 1
    for each in done:
        each.result()
