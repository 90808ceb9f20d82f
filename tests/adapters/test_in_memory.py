"""Ends between two buffers, beside those of Python's own ``ssl``: same calls, same answers."""

from __future__ import annotations

import array
import contextlib
import random
import ssl
from functools import partial
from typing import Any

import pytest

from tests.adapters.pairs import Pair
from tests.support.managers import pki
from tests.support.threads import run_together
from tlsmgm import adapters


@pytest.fixture(params=["ours", "stock"])
def kind(request: pytest.FixtureRequest, library: str) -> Any:
    """Makes contexts: ours, and Python's own, for which the same tests hold."""
    if request.param == "ours":
        return lambda protocol: adapters.SSLContext(protocol, library=library)
    return ssl.SSLContext


def contexts(kind: Any) -> tuple[Any, Any]:
    """Return a client's and a server's, of TLS 1.3."""
    fetching, serving = kind(ssl.PROTOCOL_TLS_CLIENT), kind(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
    fetching.load_verify_locations(pki("root.pem"))
    fetching.verify_flags &= ~ssl.VERIFY_X509_STRICT
    for context in (fetching, serving):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return fetching, serving


#: Of the context, of the buffers that it reads from, and of those that it writes to.
WAYS = (
    "stock stock stock",
    "ours stock stock",
    "ours ours ours",
    "ours ours stock",
    "ours stock ours",
)


@pytest.fixture(params=WAYS)
def pair(request: pytest.FixtureRequest, library: str) -> Pair:
    """Both ends, connected, with nothing on the way."""
    whose, incoming, outgoing = request.param.split()
    memory = {"ours": adapters.MemoryBIO, "stock": ssl.MemoryBIO}
    kind: Any = ssl.SSLContext
    if whose == "ours":
        kind = partial(adapters.SSLContext, library=library)
    made = Pair(*contexts(kind), buffers=(memory[incoming], memory[outgoing])).connected()
    with pytest.raises(ssl.SSLWantReadError):
        made.client.read(1)
    return made


def test_buffers_are_filled_from_their_beginning(pair: Pair) -> None:
    client: Any = pair.client
    pair.server.write(b"0123456789" * 10)
    pair.carry()
    room = bytearray(30)
    assert client.read(7, room) == 7
    assert room == b"0123456" + bytes(23)
    assert client.pending() == 93
    assert client.read(0, room) == 30  # as many as it has
    assert room == b"7890123456" * 2 + b"7890123456"
    assert client.read(1000, room) == 30  # no more than it has
    assert client.read(30, memoryview(room)) == 30
    assert client.read(30, room) == 3
    with pytest.raises(ssl.SSLWantReadError):
        client.read(30, room)
    assert client.read(10, bytearray()) == 0


@pytest.mark.parametrize("buffer", [b"x", "x", memoryview(bytearray(9))[::2]])
def test_buffers_that_cannot_be_filled(pair: Pair, buffer: Any) -> None:
    with pytest.raises(TypeError):
        pair.client.read(1, buffer)


def test_sizes(pair: Pair) -> None:
    pair.server.write(b"data")
    pair.carry()
    assert pair.client.read(0) == b""
    with pytest.raises(ValueError, match="negative"):
        pair.client.read(-1)
    assert pair.client.read(100) == b"data"
    with pytest.raises(TypeError):
        pair.client.write("data")  # type: ignore[arg-type, unused-ignore]


@pytest.mark.parametrize("size", [1, 16384, 65536, 300_000, 1 << 20])
def test_all_of_it_is_written(pair: Pair, size: int) -> None:
    """Whatever its pieces, and whatever the pieces it is read in."""
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert pair.client.write(data) == size
    pair.carry()
    found = b""
    while len(found) < size:
        found += pair.server.read(50_000)
    assert found == data


def test_what_is_no_bytes_counts_in_bytes(pair: Pair) -> None:
    numbers = array.array("I", [1, 2, 3])
    assert pair.client.write(numbers) == numbers.itemsize * 3
    pair.carry()
    assert pair.server.read(100) == numbers.tobytes()


@pytest.mark.parametrize("into", [False, True])
def test_behind_goodbye(pair: Pair, into: bool) -> None:
    """Nothing comes any more; who has said goodbye, too, is told by an exception."""
    buffer: Any = bytearray(10)

    def read() -> Any:
        return pair.server.read(10, buffer) if into else pair.server.read(10)

    pair.client.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.carry()
    assert read() == (4 if into else b"last")
    assert read() == (0 if into else b"")
    pair.server.unwrap()
    with pytest.raises(ssl.SSLZeroReturnError):
        read()


def test_an_end_without_goodbye(pair: Pair) -> None:
    pair.to_server.write_eof()
    with pytest.raises(ssl.SSLEOFError):
        pair.server.read(10, bytearray(10))


def test_a_class_of_the_program_makes_its_objects(kind: Any) -> None:
    """As ``sslobject_class`` says."""

    class Counted(ssl.SSLObject):
        made = 0

        @classmethod
        def _create(cls, *arguments: Any, **options: Any) -> Any:
            cls.made += 1
            return super()._create(*arguments, **options)  # type: ignore[misc]

    fetching, serving = contexts(kind)
    serving.sslobject_class = Counted
    pair = Pair(fetching, serving).connected()
    assert isinstance(pair.server, Counted)
    assert Counted.made == 1
    assert pair.server.server_side
    assert type(pair.client) is ssl.SSLObject


def is_stock(end: ssl.SSLObject) -> bool:
    """Whether a connection is one of Python's own."""
    return not isinstance(end.context, adapters.SSLContext)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_bytes_that_come_in_pieces(pair: Pair, size: int) -> None:
    """As many as wait at once, each of them written by itself."""
    data = random.randbytes(300_000 if size > 7 else 3000)
    pair.client.write(data)
    wire = pair.from_client.read()
    for at in range(0, len(wire), size):
        pair.to_server.write(wire[at : at + size])
    found = pair.server.read(2)
    while len(found) < len(data):
        found += pair.server.read(50_000)
    assert found == data
    with pytest.raises(ssl.SSLWantReadError):
        pair.server.read(1)


def test_a_handshake_that_comes_byte_by_byte(library: str, version: str) -> None:
    """It goes on as far as it can with one call."""
    fetching, serving = contexts(partial(adapters.SSLContext, library=library))
    for context in (fetching, serving):
        context.maximum_version = context.minimum_version = ssl.TLSVersion[
            version.replace(".", "_")
        ]
    pair = Pair(fetching, serving, buffers=(adapters.MemoryBIO, adapters.MemoryBIO))
    ways = ((pair.from_client, pair.to_server), (pair.from_server, pair.to_client))
    calls = 0
    for turn in range(6):
        with contextlib.suppress(ssl.SSLWantReadError):
            (pair.client, pair.server)[turn % 2].do_handshake()
            calls += 1
        outgoing, incoming = ways[turn % 2]
        wire = outgoing.read()
        for at in range(len(wire)):
            incoming.write(wire[at : at + 1])
    assert calls >= 2
    assert pair.client.version() == pair.server.version() == version


def test_a_buffer_that_was_closed_takes_what_the_connection_says(pair: Pair) -> None:
    """But for Python's own, which takes it from Python's own connections only."""
    pair.from_client.write_eof()
    if isinstance(pair.from_client, ssl.MemoryBIO) and not is_stock(pair.client):
        with pytest.raises(ssl.SSLError):
            pair.client.write(b"data")
        return
    pair.client.write(b"data")
    pair.carry()
    assert pair.server.read(10) == b"data"
    assert pair.from_client.eof


def test_an_alert_comes_behind_what_failed(library: str) -> None:
    fetching, serving = contexts(partial(adapters.SSLContext, library=library))
    pair = Pair(fetching, serving, buffers=(adapters.MemoryBIO, adapters.MemoryBIO))
    pair.to_server.write(b"GET / HTTP/1.1")
    with pytest.raises(ssl.SSLError):
        pair.server.do_handshake()
    assert pair.from_server.read()[:1] == b"\x15"


def test_what_is_no_buffer_is_refused(kind: Any) -> None:
    fetching, _ = contexts(kind)
    for buffers in ((object(), ssl.MemoryBIO()), (ssl.MemoryBIO(), None), (None, ssl.MemoryBIO())):
        with pytest.raises(TypeError):
            fetching.wrap_bio(*buffers, server_hostname="dom1.test")


@pytest.mark.parametrize("memory", [ssl.MemoryBIO, adapters.MemoryBIO])
def test_threads_that_share_an_object_do_no_harm(library: str, memory: Any) -> None:
    """It is a mistake; who comes second waits or is told so, without an interpreter lock, too."""
    made = contexts(partial(adapters.SSLContext, library=library))
    pair = Pair(*made, buffers=(memory, memory)).connected()

    def read(_: object) -> None:
        with contextlib.suppress(RuntimeError, ssl.SSLError):
            pair.client.read(50)

    def look(_: object) -> None:
        with contextlib.suppress(RuntimeError):
            pair.client.pending()

    for _ in range(5):
        pair.server.write(bytes(200_000))
        pair.carry()
        run_together([read, read, read, look], turns=1000)
