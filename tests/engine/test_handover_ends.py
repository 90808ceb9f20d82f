"""Connections that wait for the program when the listener ends, and those who wait for them."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.engine.test_handover import PYTHONS_VERSIONS, open_now, take, wait_until, write
from tests.engine.test_handover import read as receive
from tests.support.listeners import ANYWHERE, Greeter, greeting, leave, listening, port_of
from tests.support.proxy import TIMEOUT, connect, ends_uncleanly, read_exactly, read_to_end
from tlsmgm import Listener, TLSManager
from tlsmgm._engine import arrivals


def arrived(listener: Listener) -> bool:
    return listener.statistics()["connections_handed_over_total"] == 1


def test_whoever_waits_for_the_program_ends_with_the_drain(manager: TLSManager) -> None:
    """The time of the drain is over, and nobody has taken it."""
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        wait_until(lambda: arrived(listener))
        listener.drain(0)
        assert ends_uncleanly(client)
        assert listener.wait(TIMEOUT)
        assert listener.accept() is None
        assert open_now(listener) == 0


def test_whoever_waits_for_the_program_is_taken_while_it_drains(manager: TLSManager) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        wait_until(lambda: arrived(listener))
        listener.drain(TIMEOUT)
        with take(listener) as connection:
            write(connection, b"here")
            assert read_exactly(client, 4) == b"here"
        assert listener.wait(TIMEOUT)


def test_a_callback_that_closes_leaves_nobody_waiting(
    manager: TLSManager, greeter: Greeter
) -> None:
    """``close()`` does not wait there; what waits for the program is reset all the same."""
    closed = threading.Event()

    def close(_: object) -> None:
        listener.close()
        closed.set()

    routes = {"dom1": None, "*": greeter.address}
    listener = manager.listen(ANYWHERE, routes, on_end=close)
    with connect(port_of(listener)) as client:
        wait_until(lambda: arrived(listener))
        with connect(port_of(listener), "dom2.test") as other:
            greeting(other)
            leave(other)
        assert closed.wait(TIMEOUT)
        assert ends_uncleanly(client)
        assert listener.wait(TIMEOUT)
    assert open_now(listener) == 0


def test_many_threads_hear_of_the_end(manager: TLSManager) -> None:
    """Each of those who wait is woken, and the last one closes what has woken them."""
    answers: list[object] = []
    listener = manager.listen(ANYWHERE)
    threads = [
        threading.Thread(target=lambda: answers.append(listener.accept())) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: listener._inside.engine.arrivals._ears == len(threads))
    listener.close()
    for thread in threads:
        thread.join(TIMEOUT)
    assert answers == [None] * len(threads)
    assert not listener._inside.engine.arrivals.bell.descriptors


def test_time_is_that_of_the_engine(
    manager: TLSManager, greeter: Greeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's monotonic clock may be another one, as on macOS."""
    monkeypatch.setattr(arrivals.Arrivals, "sweep", lambda self: None)
    with listening(manager, {"dom1": None, "*": greeter.address}) as (listener, ends):
        with connect(port_of(listener), "dom2.test") as client:
            greeting(client)
            leave(client)
        ended = ends.one()
        with connect(port_of(listener)):
            wait_until(lambda: arrived(listener))
            far = time.monotonic() + 1e6
            with monkeypatch.context() as patch:
                patch.setattr(time, "monotonic", lambda: far)
                found = listener.accept(0)
            assert found is not None
            found.close()
    assert abs(time.time() - ended.timestamp) < 1000


@pytest.mark.parametrize("read", ["nothing was sent", "nothing was read", "all was read"])
def test_whoever_is_rejected_is_reset(manager: TLSManager, version: str, read: str) -> None:
    """Below Python's ``ssl``, which calls every reset an end of file."""
    with (
        manager.listen(ANYWHERE) as listener,
        connect(port_of(listener), version=PYTHONS_VERSIONS[version]) as client,
    ):
        connection = take(listener)
        if read != "nothing was sent":
            client.sendall(b"question")
        if read == "all was read":
            assert receive(connection) == b"question"
        connection.reject()
        with socket.socket(fileno=client.detach()) as below:
            below.settimeout(TIMEOUT)
            with pytest.raises(ConnectionResetError):
                read_to_end(below)
