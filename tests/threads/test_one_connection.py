"""One connection that many threads use at once, which is a mistake that must not do any harm.

Who comes second is told so by RuntimeError, and nothing has happened then; every other answer is
right.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.managers import (
    LOCAL,
    client_domain,
    connect,
    manager_of,
    method_of,
    mutual_domain,
    pki,
    server_domain,
    session_of,
)
from tests.support.threads import many_switches, run_together
from tlsmgm import Connection, Session, TLSError, TLSManager
from tlsmgm._backends import load
from tlsmgm._core.context import Context

BUSY = "this connection is in use by another thread"
LABEL = b"EXPORTER-tests"

#: Bytes that each writer must have got through; how many rounds that takes nobody can tell.
ENOUGH = 300_000
MOST_ROUNDS = 500

Call = Callable[[Connection, random.Random], object]


def write(conn: Connection, chance: random.Random) -> None:
    conn.write(bytes(chance.choice([1, 1000, 100_000])))


def read_into(conn: Connection, _: random.Random) -> None:
    conn.read_into(bytearray(5000))


def variables(conn: Connection, _: random.Random) -> None:
    dict(conn.variables)


def feed(conn: Connection, chance: random.Random) -> None:
    """Now and then something that ends the connection; else nothing."""
    garbage = chance.random() < 0.08
    conn.feed(chance.choice([bytes, bytearray])(b"garbage" if garbage else b""))


def feed_eof(conn: Connection, chance: random.Random) -> None:
    if chance.random() < 0.02:
        conn.feed_eof()


def shutdown(conn: Connection, chance: random.Random) -> None:
    if chance.random() < 0.02:
        conn.shutdown()


def encrypt(conn: Connection, chance: random.Random) -> None:
    """Now and then: the peer never sees these records, and takes no others behind them."""
    if chance.random() < 0.02:
        conn.encrypt(b"lost")


def asks(name: str) -> Call:
    return lambda conn, _: getattr(conn, name)


#: A call for each public name; drain() and feed() with real bytes are done by who carries them.
CALLS: dict[str, Call] = {
    "channel_binding": lambda conn, _: conn.channel_binding("tls-server-end-point"),
    "decrypt": lambda conn, _: conn.decrypt(b""),
    "drain": lambda conn, _: None,
    "encrypt": encrypt,
    "expand": lambda conn, _: conn.expand("$tls_peer_subject_cn"),
    "export_keying_material": lambda conn, _: conn.export_keying_material(LABEL, 32),
    "feed": feed,
    "feed_eof": feed_eof,
    "handshake": lambda conn, _: conn.handshake(),
    "is_peer_verified": lambda conn, _: conn.is_peer_verified(),
    "read": lambda conn, _: conn.read(5000),
    "read_into": read_into,
    "shutdown": shutdown,
    "variables": variables,
    "write": write,
}
PROPERTIES = {
    *("alpn", "backend", "binds_channel", "certificate", "cipher", "cipher_bits"),
    *("cipher_description", "context", "domain", "ended", "group", "handshake_complete"),
    *("is_server", "output_pending", "own_signature", "peer_certificate", "peer_chain"),
    *("peer_signature", "peer_verified", "records_without_data", "server_name", "session"),
    *("session_reused", "verify_name", "verify_reason", "version"),
}
CALLS |= {name: asks(name) for name in PROPERTIES} | {"__repr__": lambda conn, _: repr(conn)}


def test_every_public_name_is_called() -> None:
    names = {name for name in dir(Connection) if not name.startswith("_")}
    assert names | {"__repr__"} == CALLS.keys()


class Pair:
    """A connection that everybody uses, and its peer, which one thread at a time does.

    Args:
        managers: of the server and of the client.
        is_server: whether the connection is the server's end.
    """

    def __init__(self, managers: tuple[TLSManager, TLSManager], is_server: bool) -> None:
        server = managers[0].server_connection(LOCAL)
        client = managers[1].client_connection("client", "dom1.test")
        self.conn, self.peer = (server, client) if is_server else (client, server)
        self.collisions = 0
        self.received: Counter[int] = Counter()  # by the peer, by the value of the byte
        self._carrying = threading.Lock()
        self._back = b""  # of the peer, for the connection

    def attempt(self, call: Callable[[], Any]) -> Any:
        """Return what a call gives; None when another thread is inside, which gets counted."""
        try:
            return call()
        except RuntimeError as error:
            if str(error) != BUSY:
                raise
            self.collisions += 1
            return None

    def carry(self, _: random.Random | None = None) -> None:
        """Carry bytes both ways, in their order, and let the peer go on."""
        with self._carrying:
            self.peer.feed(self.attempt(self.conn.drain) or b"")
            if self.peer.handshake():
                while data := self.peer.read():
                    self.received.update(data)
            self._back += self.peer.drain()
            back = self._back

            def feed() -> bool:
                self.conn.feed(back)
                return True

            if back and self.attempt(feed):
                self._back = b""


@pytest.fixture
def managers(library: str, version: str) -> tuple[TLSManager, TLSManager]:
    method = {"method": method_of(version)}
    shown = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
    return (
        manager_of(library, mutual_domain("dom1", alpn=["h2"], **method)),
        manager_of(library, client_domain(alpn=["h2"], **method, **shown)),
    )


@pytest.mark.parametrize("is_server", [True, False])
def test_any_call_at_any_time(managers: tuple[TLSManager, TLSManager], is_server: bool) -> None:
    """From the first byte to the last, whatever comes in between."""
    calls = list(CALLS.values())
    collisions = 0
    ways: Counter[str] = Counter()
    for _ in range(25):
        pair = Pair(managers, is_server)

        def anything(chance: random.Random, pair: Pair = pair) -> None:
            # What the calls may say by themselves, too; Python's own errors are none of these.
            try:
                if chance.random() < 0.2:
                    pair.carry()
                else:
                    pair.attempt(lambda: chance.choice(calls)(pair.conn, chance))
                ways["good"] += 1
            except (TLSError, ValueError) as error:
                ways[type(error).__name__] += 1

        with many_switches():
            run_together([anything] * 4, 100)
        collisions += pair.collisions
    assert collisions > 0
    assert ways["good"] > 1000
    assert ways.keys() > {"good", "ValueError"}


def go_on(server: Connection, wire: bytes) -> None:
    """Feed what came and shake hands, as soon as nobody else is inside."""
    steps: list[Callable[[], object]] = [lambda: server.feed(wire), server.handshake]
    while steps:
        with contextlib.suppress(RuntimeError):
            steps[0]()
            del steps[0]


def look(server: Connection, going: Future[None]) -> set[object]:
    """Return all protocols that were seen meanwhile, and in the end."""
    seen: set[object] = set()
    done = False
    while not done:
        done = going.done()
        with contextlib.suppress(RuntimeError):
            seen.add(server.alpn)
    return seen


def test_the_second_hello_comes_while_others_look(library: str) -> None:
    """The server asks for another group, and the library then reads the protocols anew."""
    protocol = "h2-0123456789abcdef"
    both = {"alpn": [protocol], "method": "TLSv1_3"}
    server_manager = manager_of(library, server_domain("dom1", ec_curve="secp256r1", **both))
    client_manager = manager_of(
        library, client_domain("client", ec_curve="x25519:secp256r1", **both)
    )
    seen: set[object] = set()
    for _ in range(50):
        server = server_manager.server_connection(LOCAL)
        client = client_manager.client_connection("client", "dom1.test")
        for here, there in ((client, server), (server, client)):
            here.handshake()
            there.feed(here.drain())
        client.handshake()
        second = client.drain()
        with many_switches(), ThreadPoolExecutor(3) as pool:
            going = pool.submit(go_on, server, second)
            looking = [pool.submit(look, server, going) for _ in range(2)]
        going.result()
        for looked in looking:
            seen |= looked.result()
    assert {protocol} <= seen <= {protocol, None}


def facts(conn: Connection) -> tuple[object, ...]:
    """What does not change any more once a handshake is complete."""
    peer = conn.peer_certificate
    return (
        *(conn.version, conn.cipher, conn.group, conn.alpn, conn.verify_reason),
        *(conn.session_reused, conn.server_name, conn.cipher_bits, conn.peer_verified),
        *(None if peer is None else peer.der, [item.der for item in conn.peer_chain]),
        conn.export_keying_material(LABEL, 32),
    )


@pytest.mark.parametrize("is_server", [True, False])
def test_no_byte_is_lost_or_doubled(
    managers: tuple[TLSManager, TLSManager], is_server: bool
) -> None:
    """Two write, two read, one carries, one asks; all begin before the handshake."""
    pair = Pair(managers, is_server)
    taken, sent = Counter[int](), Counter[int]()
    read: list[bytes] = []
    seen: set[str] = set()

    def writes(value: int) -> Callable[[random.Random], None]:
        def work(chance: random.Random) -> None:
            data = bytes([value]) * chance.choice([1, 500, 40_000])
            with contextlib.suppress(ValueError):  # before the handshake is complete
                taken[value] += pair.attempt(lambda: pair.conn.write(data)) or 0

        return work

    def reads(_: random.Random) -> None:
        read.append(pair.attempt(lambda: pair.conn.read(3000)) or b"")

    def asks(_: random.Random) -> None:
        if pair.conn.handshake_complete:
            found = pair.attempt(lambda: facts(pair.conn))
            if found is not None:
                seen.add(repr(found))

    def answers(chance: random.Random) -> None:
        pair.carry()
        with pair._carrying:
            if pair.peer.handshake_complete:
                data = bytes([7]) * chance.choice([1, 5000])
                sent.update(data[: pair.peer.write(data)])

    works = [writes(1), writes(2), reads, reads, asks, answers]
    with many_switches():
        for _ in range(MOST_ROUNDS):
            run_together(works, 50)
            if seen and min(taken[1], taken[2], sent[7]) > ENOUGH:
                break
    for _ in range(1000):
        pair.carry()
        reads(random.Random())
    assert pair.collisions > 0
    assert taken == pair.received
    assert Counter(b"".join(read)) == sent
    assert min(taken[1], taken[2], sent[7]) > ENOUGH
    assert len(seen) == 1


def test_one_session(managers: tuple[TLSManager, TLSManager], library: str) -> None:
    """It may be offered, saved and loaded by all threads at once."""
    first, _ = connect(managers[0], managers[1])
    session = session_of(first)
    saved = session.export()
    resumed: list[bool] = []

    def work(chance: random.Random) -> None:
        assert len(session.export()) == len(saved)
        offered = session if chance.random() < 0.5 else Session.load(load(library), saved)
        client, server = connect(managers[0], managers[1], session=offered)
        assert server.peer_verified
        assert client.session_reused == server.session_reused
        resumed.append(client.session_reused)
        assert repr(session) == f"<Session {library}>"

    with many_switches():
        run_together([work] * 6, 15)
    assert len(resumed) >= 6 * 15
    assert all(resumed)


def test_one_context(library: str) -> None:
    """Its certificate is read when somebody asks for the first time."""
    for _ in range(30):
        context = Context(
            load(library),
            is_server=True,
            domain="any",
            certificate=pki("dom1.pem"),
            private_key=pki("dom1.key"),
        )
        found: set[tuple[object, ...]] = set()

        def work(_: random.Random, context: Context = context, found: Any = found) -> None:
            conn = Connection(context)
            assert conn.handshake() is False
            assert context.certificate is not None
            found.add((context.certificate.subject_cn, context.domain, repr(context)))

        with many_switches():
            run_together([work] * 4, 5)
        assert len(found) == 1
