"""The memory of the process is exhausted while Python takes what the engine has put down for it.

Nothing is lost: what cannot be taken waits, and whoever cannot be served is reset.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.listeners import ANYWHERE, Greeter, ask, listening, port_of
from tests.support.managers import client_domain, manager_of, server_domain
from tests.support.process import run_python
from tests.support.proxy import TIMEOUT, connect, ends_uncleanly, wait_until
from tlsmgm import AcceptedConnection, Listener, OnDemand, TLSManager
from tlsmgm._core.question import Question
from tlsmgm._engine import accepted, arrivals, engine, listener
from tlsmgm._engine.asking import Asking
from tlsmgm._engine.ended import Ended

#: Three clients each time, and a call in which one allocation of Python fails, each in its turn.
BEGIN = """
import _testcapi, logging, os, sys
from tests.support.listeners import ANYWHERE, Greeter, ask, listening, port_of
from tests.support.managers import manager_of
from tests.support.proxy import connect, ends_uncleanly, wait_until
from tlsmgm._engine.engine import Engine
from tlsmgm._engine.listener import arrivals_of
manager = manager_of(sys.argv[1])
logging.disable()

def wait_for(listener, name, total):
    wait_until(lambda: listener.statistics()[name] == total)
    listener._inside.engine.hold()  # what is counted comes just behind the count
    listener._inside.engine.release()

def failing(number, call):
    _testcapi.set_nomemory(number, number + 1)
    try:
        return call()
    except MemoryError:
        return None
    finally:
        _testcapi.remove_mem_hooks()
"""

#: More than the calls make.
ALLOCATIONS = 80


def run(library: str, program: str) -> None:
    pytest.importorskip("_testcapi", reason="this Python has no way to run out of memory")
    done = run_python(
        program,
        library,
        str(ALLOCATIONS),
        options=("-W", "ignore"),
        prelude=BEGIN,
        timeout=6 * TIMEOUT,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("call", ["arrivals.take_many(3)", "[listener.accept(0)]"])
def test_connections(library: str, call: str) -> None:
    """At most the one that is being made is lost: its client is reset, its place is free."""
    run(
        library,
        f"""
        with manager.listen(ANYWHERE) as listener:
            arrivals = arrivals_of(listener)
            for number in range(int(sys.argv[2])):
                descriptors = len(os.listdir("/dev/fd"))
                clients = [connect(port_of(listener)) for _ in range(3)]
                wait_for(listener, "connections_handed_over_total", 3 * number + 3)
                found = failing(number, lambda: {call}) or []
                found += arrivals.take_many(3)
                found = [one for one in found if one is not None]
                assert len(found) >= 2, (number, found)
                while found:
                    found.pop().reject()
                for client in clients:
                    assert ends_uncleanly(client), number
                    client.close()
                assert listener.statistics()["connections_open"] == 0, number
                assert len(os.listdir("/dev/fd")) == descriptors, number
        """,
    )


def test_records(library: str) -> None:
    """Main takes them instead of the attendant; each is there once, with its connection."""
    run(
        library,
        """
        take, Engine._take_records = Engine._take_records, lambda engine: True
        with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
            engine = listener._inside.engine
            for number in range(int(sys.argv[2])):
                for _ in range(3):
                    ask(listener)
                wait_for(listener, "connections_ended_total", 3 * number + 3)
                ended, told = [], []
                failing(number, lambda: engine._gather(ended, told))
                engine._gather(ended, told)
                assert len(set(map(id, ended))) == 3, (number, ended)
                for one in ended:
                    assert (one.status, one.connection.server_name) == ("ok", "dom1.test")
                    assert one.upstream == greeter.address.removeprefix("tcp:")
            Engine._take_records = take
        """,
    )


class _Refusing:
    """Raises MemoryError the first few times.

    Args:
        times: how often.
    """

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        if self.left:
            self.left -= 1
            raise MemoryError


def test_the_attendant_goes_on(
    manager: TLSManager, greeter: Greeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = _Refusing(2)

    class Raising(Ended):
        def __new__(cls) -> Raising:
            refuse()
            return super().__new__(cls)

    monkeypatch.setattr(engine, "Ended", Raising)
    with listening(manager, greeter.address) as (found, ends):
        for _ in range(3):
            assert ask(found) == b"hello"
        assert [one.status for one in ends.wait_for(3)] == ["ok"] * 3
        assert refuse.left == 0
        assert ask(found) == b"hello"


def test_the_last_records(
    manager: TLSManager, greeter: Greeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody rings for them again."""
    refuse = _Refusing(0)

    class Raising(Ended):
        def __new__(cls) -> Raising:
            refuse()
            return super().__new__(cls)

    monkeypatch.setattr(engine, "Ended", Raising)
    with listening(manager, greeter.address) as (found, ends):
        client = connect(port_of(found))
        client.recv(1)
        refuse.left = 2
        found.close()
        client.close()
        assert [one.status for one in ends.wait_for(1)] == ["drained"]


def _hand_over(found: Listener, clients: int) -> None:
    wait_until(lambda: found.statistics()["connections_handed_over_total"] == clients)
    found._inside.engine.hold()  # what is counted comes just behind the count
    found._inside.engine.release()


def test_one_of_many_cannot_be_made(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are there, and the client of that one is reset."""
    refuse = _Refusing(1)

    class Connection(AcceptedConnection):
        def __new__(cls, given: Any) -> Connection:
            refuse()
            return super().__new__(cls, given)

    with manager.listen(ANYWHERE) as found:
        clients = [connect(port_of(found)) for _ in range(3)]
        _hand_over(found, 3)
        with monkeypatch.context() as patch:
            patch.setattr(accepted, "AcceptedConnection", Connection)
            taken = listener.arrivals_of(found).take_many(3)
        assert (refuse.left, len(taken)) == (0, 2)
        assert ends_uncleanly(clients[0])
        assert found.statistics()["connections_open"] == 2
        for connection in taken:
            connection.close()
        for client in clients:
            client.close()
        assert found.statistics()["connections_open"] == 0


def test_a_socket_that_cannot_be_made(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made when somebody asks for it, and can be asked for again."""
    refuse = _Refusing(1)
    original = socket.socket.__init__

    def begin(sock: socket.socket, *args: Any, **options: Any) -> None:
        refuse()
        original(sock, *args, **options)

    with manager.listen(ANYWHERE) as found, connect(port_of(found)) as client:
        connection = found.accept(TIMEOUT)
        assert connection is not None
        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "__init__", begin)
            with pytest.raises(MemoryError):
                connection.sock  # noqa: B018
        assert connection.sock is not None
        assert connection.sock.getpeername() == client.getsockname()
        connection.close()
        assert found.statistics()["connections_open"] == 0


def test_a_callback_goes_on(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = _Refusing(2)

    def gather(waiting: arrivals.Arrivals) -> None:
        refuse()
        original(waiting)

    seen: list[AcceptedConnection] = []
    original = arrivals.Arrivals._gather
    monkeypatch.setattr(arrivals.Arrivals, "_gather", gather)
    with manager.listen(ANYWHERE, on_connection=seen.append) as found:
        with connect(port_of(found)):
            wait_until(lambda: len(seen) == 1)
        seen.pop().close()
        assert refuse.left == 0


def test_one_question_of_many(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client is refused, and others get their answers."""
    refuse = _Refusing(1)

    def consider(asking: Asking, worker: int, question: Question) -> None:
        refuse()
        original(asking, worker, question)

    original = Asking._consider
    monkeypatch.setattr(Asking, "_consider", consider)
    manager = manager_of(library, server_domain("dom2"), client_domain())
    with (
        Greeter() as greeter,
        listening(
            manager, greeter.address, on_client_hello=OnDemand(lambda hello: server_domain())
        ) as (found, _),
        ThreadPoolExecutor(3) as threads,
    ):
        answers = list(threads.map(lambda _: _outcome(found), range(3)))
    assert sorted(answers) == ["SSLError", "hello", "hello"]


def _outcome(found: Listener) -> str:
    try:
        return ask(found).decode()
    except OSError as error:
        return type(error).__name__
