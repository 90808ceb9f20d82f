"""Ends between two buffers, beside those of Python's own ``ssl``: same calls, same answers."""

from __future__ import annotations

import array
import contextlib
import ssl
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


@pytest.fixture
def pair(kind: Any) -> Pair:
    """Both ends, connected, with nothing on the way."""
    made = Pair(*contexts(kind)).connected()
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


def test_what_is_no_buffer_is_refused(kind: Any) -> None:
    """``ssl`` says so at once, we when it is needed."""
    fetching, _ = contexts(kind)
    with pytest.raises((TypeError, AttributeError)):
        fetching.wrap_bio(object(), object(), server_hostname="dom1.test").do_handshake()


def test_threads_that_share_an_object_do_no_harm(library: str) -> None:
    """It is a mistake; who comes second waits or is told so, without an interpreter lock, too."""
    pair = Pair(*contexts(lambda side: adapters.SSLContext(side, library=library))).connected()

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
