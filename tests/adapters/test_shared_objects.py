"""One ``ssl.SSLObject`` in many threads: they are told of it, or wait, and nothing breaks."""

from __future__ import annotations

import contextlib
import functools
import random
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.adapters.pairs import Pair
from tests.support.managers import pki
from tests.support.threads import many_switches, run_together
from tlsmgm import adapters

#: Connections of each test, and calls of each thread on each of them.
CONNECTIONS = 4
TURNS = 40

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}

#: What a call may raise; the second one is the answer to a call that makes no sense now.
ERRORS = (ssl.SSLError, ValueError)


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Let nothing pass but what a second thread is told while one is in the TLS library."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "this connection is in use by another thread":
            raise


@pytest.fixture
def contexts(library: str, version: str) -> tuple[Any, Any]:
    """A client's and a server's."""
    fetching = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    serving = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    serving.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
    fetching.load_verify_locations(pki("root.pem"))
    fetching.verify_flags &= ~ssl.VERIFY_X509_STRICT
    for context in (fetching, serving):
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return fetching, serving


def calls_of(end: Any) -> list[Callable[[random.Random], object]]:
    """What threads do with an object, from the first call to the last."""

    def read_into(chance: random.Random) -> None:
        end.read(chance.randrange(40_000), bytearray(40_000))

    return [
        lambda _: end.do_handshake(),
        lambda chance: end.read(chance.randrange(40_000)),
        read_into,
        lambda chance: end.write(bytes(chance.randrange(40_000))),
        lambda _: end.pending(),
        lambda _: end.version(),
        lambda _: end.cipher(),
        lambda _: end.getpeercert(),
        lambda _: end.selected_alpn_protocol(),
        lambda _: end.get_channel_binding("tls-unique"),
        lambda _: end.session,
        lambda _: end.session_reused,
        lambda _: repr(end),
        lambda chance: chance.random() < 0.1 and end.unwrap(),
    ]


def one_of(calls: Sequence[Callable[[random.Random], object]]) -> Callable[[random.Random], None]:
    """What a thread does in its turn."""

    def work(chance: random.Random) -> None:
        with contextlib.suppress(*ERRORS), refused():
            chance.choice(calls)(chance)

    return work


def carrier(pair: Pair, other: Any) -> Callable[[random.Random], None]:
    """Carries bytes to the other end, which answers, and back; that one has a thread alone."""

    def carry(chance: random.Random) -> None:
        with contextlib.suppress(*ERRORS):
            pair.carry()
            other.read(65_536)
            other.write(bytes(chance.randrange(40_000)))
        pair.carry()

    return carry


@pytest.mark.parametrize("shared", ["client", "server"])
@pytest.mark.parametrize("is_connected", [False, True], ids=["new", "connected"])
def test_nothing_breaks(contexts: tuple[Any, Any], *, shared: str, is_connected: bool) -> None:
    for _ in range(CONNECTIONS):
        pair = Pair(*contexts)
        if is_connected:
            pair.connected()
        end, other = pair.client, pair.server
        if shared == "server":
            end, other = other, end
        calls = one_of(calls_of(end))
        with many_switches():
            run_together([calls, calls, calls, calls, carrier(pair, other)], turns=TURNS)


def test_data_stays_whole(contexts: tuple[Any, Any]) -> None:
    """Several write, one reads what is there: each record arrives as it was made, in its turn."""
    for _ in range(CONNECTIONS):
        pair = Pair(*contexts).connected()
        found = bytearray()
        left = [TURNS] * 3

        def write(_: random.Random, number: int, pair: Pair = pair, left: list[int] = left) -> None:
            with refused():
                if left[number]:
                    pair.client.write(b"0123456789" * 100)
                    left[number] -= 1

        def look(_: random.Random, pair: Pair = pair) -> None:
            with contextlib.suppress(ssl.SSLWantReadError), refused():
                pair.client.read(1000)
            with refused():
                pair.client.pending()

        def carry(_: random.Random, pair: Pair = pair, found: bytearray = found) -> None:
            pair.carry()
            with contextlib.suppress(ssl.SSLWantReadError):
                while True:
                    found.extend(pair.server.read(65_536))

        writers = [functools.partial(write, number=number) for number in range(3)]
        with many_switches():
            run_together([*writers, look, carry], turns=TURNS)
        carry(random.Random())
        assert found == b"0123456789" * ((3 * TURNS - sum(left)) * 100)
        assert len(found) > 0
