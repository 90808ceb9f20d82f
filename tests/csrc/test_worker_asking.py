"""The worker and clients for whom a domain is looked for."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.contract import Rig
from tests.support.pki import Authority
from tests.support.worker import ANY, PATIENCE, Engine, plain_client, tls_client, until

#: So many that their signatures take far longer than what a worker grants newcomers at a time.
NEWCOMERS = 8

#: From the headers of Linux; Python's socket has no name for it.
SO_TIMESTAMPNS = 35


@pytest.fixture(scope="module")
def slow_identity() -> dict[str, bytes]:
    """A certificate whose signatures take long."""
    return Authority().issue(names=["slow.test"], kind="rsa4096").fields()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.settimeout(PATIENCE)
        yield found


def hello(name: str) -> bytes:
    """What a client says first."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def received_at(sock: socket.socket) -> tuple[int, int]:
    """Receive something; returns when the system had it, in seconds and nanoseconds."""
    data, notes, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(16))
    assert data
    [stamp] = [note for _, kind, note in notes if kind == SO_TIMESTAMPNS]
    return struct.unpack("=qq", stamp)


def begin_stamps(sock: socket.socket) -> None:
    """The system notes when bytes come."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.settimeout(PATIENCE)


@pytest.mark.skipif(sys.platform != "linux", reason="needs to know when bytes have come")
def test_those_who_are_in_go_on_between_the_answers(
    rig: Rig, slow_identity: dict[str, Any], server: socket.socket
) -> None:
    """One look-up answers many; meanwhile bytes go through the worker two times, in two rounds.

    Whoever is in is relayed to another listener of the same worker, and from there to the server.
    """
    engine = Engine(
        rig,
        {},
        names=["dom1.test"],
        listeners=[("127.0.0.1", False), ("127.0.0.1", True)],
        asks=True,
    )
    place = server.getsockname()[1]
    engine.post(engine.plan(["dom1.test"], 2, {0: [engine.ports[1]], ANY: [place]}))
    engine.start()
    engine.add_context("dom9", rig.server_context(**slow_identity))
    found = engine.plan(["dom9.test"], 3, {ANY: [place]})
    client = tls_client(engine.port)
    behind, _ = server.accept()
    begin_stamps(behind)
    newcomers = [plain_client(engine.port) for _ in range(NEWCOMERS)]
    for one in newcomers:
        begin_stamps(one)
        one.sendall(hello("dom9.test"))
    until(lambda: engine.counts().asked == NEWCOMERS)
    questions = engine.questions()
    assert len(questions) == NEWCOMERS
    engine.pause()
    for question in questions:
        engine.answer(question.token, found)
    client.sendall(b"question")
    engine.resume()
    through_at = received_at(behind)
    assert through_at < max(received_at(one) for one in newcomers)
    engine.free_plan(found)
    engine.close()
    for sock in (client, behind, *newcomers):
        sock.close()
