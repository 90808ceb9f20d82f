"""Addresses that race: one that says nothing goes on while the next is asked."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.csrc.test_worker import nobody
from tests.support.contract import Rig
from tests.support.worker import (
    ANY,
    PATIENCE,
    Engine,
    Place,
    Upstream,
    is_cut,
    plain_client,
    until,
    who,
)

PLAIN = (("127.0.0.1", True),)
LONG = {"connect_timeout": 20 * PATIENCE * 1000}


@pytest.fixture
def engines(rig: Rig) -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []

    def make(routes: dict[int, Sequence[Place]], **options: Any) -> Engine:
        made.append(Engine(rig, routes, **options).start())
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream("up")
    yield found
    found.close()


@contextlib.contextmanager
def full_backlog() -> Iterator[socket.socket]:
    """A listening socket that answers nobody, as long as nobody takes those who wait there."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        yield full


def test_the_next_address_is_asked_beside_a_silent_one(engines: Any, upstream: Upstream) -> None:
    """Long before its share of the time is over; after that it is asked last."""
    with full_backlog() as full:
        places = [full.getsockname()[1], upstream.place]
        engine = engines({ANY: places}, listeners=PLAIN, settings=LONG)
        for _ in range(5):
            with plain_client(engine.port) as client:
                assert who(client) == "up"
        assert {record.status for record in engine.records(5)} <= {"ok", "client-error"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nobody tells who connects")
def test_the_first_address_may_answer_after_all(engines: Any) -> None:
    """Its connection has gone on while the next one was asked."""
    with full_backlog() as full, full_backlog() as other:
        places = [full.getsockname()[1], other.getsockname()[1]]
        engine = engines({ANY: places}, listeners=PLAIN, settings=LONG)
        full.settimeout(PATIENCE)
        with plain_client(engine.port) as client:
            until(lambda: _is_asked(places[1]))
            while True:  # those who have filled the backlog, then the client's
                far, _ = full.accept()
                with far:
                    far.sendall(b"late")
                    client.settimeout(0.05)
                    with contextlib.suppress(TimeoutError):
                        assert client.recv(4) == b"late"
                        break


def _is_asked(port: int) -> bool:
    """Tell whether a fourth connection to a port has begun, beside the three that fill it."""
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ends = [row.split()[2:4] for row in rows]
    return sum(far.endswith(f":{port:04X}") and state in "01 02" for far, state in ends) > 3


@pytest.mark.parametrize("others", [0, 1, 2])
def test_the_first_address_stays_alone(engines: Any, others: int) -> None:
    """The others refuse at once, so it has the rest of the time."""
    with full_backlog() as full:
        places = [full.getsockname()[1], *(nobody() for _ in range(others))]
        settings = {"connect_timeout": 1000}
        engine = engines({ANY: places}, listeners=PLAIN, settings=settings)
        with plain_client(engine.port) as client:
            assert is_cut(client)
        [record] = engine.records()
        assert record.status == "upstream-timeout"
