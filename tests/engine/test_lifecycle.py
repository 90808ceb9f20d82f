"""How listeners end: drained, closed, forgotten, with the interpreter."""

from __future__ import annotations

import gc
import os
import socket
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.listeners import (
    ANYWHERE,
    Ends,
    Greeter,
    ask,
    greeting,
    leave,
    listening,
    port_of,
)
from tests.support.managers import manager_of, server_domain
from tests.support.process import assert_silent, run_python
from tests.support.proxy import TIMEOUT, connect, ends_uncleanly, read_exactly, wait_until
from tlsmgm import ConfigError, TLSManager, Upstream


def is_deaf(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), TIMEOUT).close()
    except ConnectionRefusedError:
        return True
    return False


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("tlsmgm-")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    gc.collect()
    wait_until(lambda: not our_threads())


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors cannot be counted")
def test_no_descriptor_is_left(manager: TLSManager) -> None:
    before = descriptors()
    with Greeter() as greeter:
        for workers in (1, 2):
            with listening(manager, greeter.address, workers=workers) as (listener, _):
                ask(listener)
            listener.close()
        del listener
    assert descriptors() == before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors cannot be counted")
@pytest.mark.parametrize("how", ["close", "drain"])
def test_a_listener_that_has_ended_has_no_descriptor(manager: TLSManager, how: str) -> None:
    """Though somebody still has it."""
    with Greeter() as greeter:
        before = descriptors()
        listener = manager.listen(ANYWHERE, {"dom1": None, "*": greeter.address}, workers=2)
        assert ask(listener, "dom2.test") == b"hello"
        if how == "drain":
            listener.drain(0)
            assert listener.wait(TIMEOUT)
        else:
            listener.close()
        assert descriptors() == before
        assert listener.accept() is None
        assert listener.accept(1) is None
        assert listener.statistics()["connections_ended_total"] == 1


def test_a_drain_waits_for_those_that_are_there(manager: TLSManager) -> None:
    with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
        with connect(port_of(listener)) as client:
            greeting(client)
            listener.drain(TIMEOUT)
            assert is_deaf(port_of(listener))
            assert not listener.wait(0)
            client.sendall(b"more")
            assert read_exactly(client, 4) == b"more"
            leave(client)
        assert listener.wait(TIMEOUT)
        assert [ended.status for ended in ends.all] == ["ok"]
        assert listener.statistics()["connections_open"] == 0


def test_a_drain_has_an_end(manager: TLSManager) -> None:
    with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
        with connect(port_of(listener)) as client:
            greeting(client)
            listener.drain(0.05)
            assert ends_uncleanly(client)
        assert listener.wait(TIMEOUT)
        assert [ended.status for ended in ends.all] == ["drained"]


def test_a_second_drain_can_only_be_shorter(manager: TLSManager) -> None:
    with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
        with connect(port_of(listener)) as client:
            greeting(client)
            listener.drain(1000)
            listener.drain(2000)
            assert not listener.wait(0.05)
            listener.drain(0)
            listener.drain(1000)
            assert listener.wait(TIMEOUT)
            assert ends_uncleanly(client)
        assert [ended.status for ended in ends.all] == ["drained"]


def test_waiting_ends_nothing(manager: TLSManager) -> None:
    with Greeter() as greeter, listening(manager, greeter.address) as (listener, _):
        assert not listener.wait(0.01)
        assert ask(listener) == b"hello"


@pytest.mark.parametrize("workers", [1, 2])
def test_closing_resets_and_tells(manager: TLSManager, workers: int) -> None:
    ends = Ends()
    with Greeter() as greeter:
        listener = manager.listen(ANYWHERE, greeter.address, workers=workers, on_end=ends)
        with connect(port_of(listener)) as client:
            greeting(client)
            listener.close()
            assert len(ends.all) == 1, "all are told by then"
            assert ends_uncleanly(client)
        assert is_deaf(port_of(listener))
        assert listener.wait(0)
        assert listener.statistics()["connections_ended_total"] == 1
        assert not our_threads()


def test_whatever_comes_behind_the_end_is_harmless(manager: TLSManager) -> None:
    with Greeter() as greeter:
        listener = manager.listen(ANYWHERE, greeter.address)
        listener.close()
        listener.close()
        listener.drain(1)
        listener.drain(0)
        assert listener.wait()
        manager.add_domain(server_domain("dom3"))
        manager.send_timeout = 5
        with listener:
            pass
        assert is_deaf(port_of(listener))


def test_its_address_is_free_at_once(manager: TLSManager) -> None:
    with Greeter() as greeter:
        with listening(manager, greeter.address) as (listener, _):
            ask(listener)
        with listening(manager, greeter.address, str(listener.addresses[0])) as (again, _):
            assert ask(again) == b"hello"


def test_one_that_nobody_has_any_more(manager: TLSManager) -> None:
    with Greeter() as greeter:
        listener = manager.listen(ANYWHERE, "tcp:localhost:9", workers=2)
        listener.set_routes({"*": [Upstream(greeter.address)]})
        port = port_of(listener)
        assert ask(listener) == b"hello"
        del listener
        gc.collect()
        wait_until(lambda: is_deaf(port))


def test_one_that_could_not_begin(manager: TLSManager) -> None:
    with pytest.raises(ConfigError):
        manager.listen(ANYWHERE, "tls:no-such-host.invalid:9")
    manager.add_domain(server_domain("dom3"))
    assert not our_threads()


def test_the_manager_may_go_first(library: str) -> None:
    with Greeter() as greeter:
        manager = manager_of(library)
        listener = manager.listen(ANYWHERE, greeter.address)
        del manager
        gc.collect()
        assert ask(listener) == b"hello"
        listener.close()


def test_two_listeners_of_one_manager(manager: TLSManager) -> None:
    with Greeter() as greeter, Greeter(b"other") as other:
        first = manager.listen(ANYWHERE, greeter.address)
        second = manager.listen(ANYWHERE, other.address)
        assert (ask(first), ask(second)) == (b"hello", b"other")
        first.close()
        assert is_deaf(port_of(first))
        manager.add_domain(server_domain("dom3"))
        assert ask(second, "dom3.test") == b"other"
        second.close()


ENDINGS = {
    "with a listener": "",
    "with a listener in sys.modules": "sys.kept = listener",
    "with a connection": "client = connect(port); client.sendall(b'x')",
    "with a client that says nothing": "client = socket.create_connection(('127.0.0.1', port))",
    "by exit": "sys.exit()",
    "in a drain": "listener.drain(1000)",
    "with a name to look up": "listener.set_routes('tcp:localhost:9')",
    "with a callback": """
        listener.close()
        listener = manager.listen("tls:127.0.0.1:0", route, on_end=print)
        client = connect(listener.addresses[0].port)
    """,
    "with a cycle": """
        class Cycle: pass
        cycle = Cycle()
        cycle.all = [cycle, listener, manager]
        del listener, manager, cycle
        gc.disable()
    """,
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_the_interpreter_ends(library: str, ending: str) -> None:
    program = """
import socket
from tests.support.proxy import connect
manager = manager_of(library)
upstream = socket.create_server(("127.0.0.1", 0))
route = "tcp:127.0.0.1:" + str(upstream.getsockname()[1])
listener = manager.listen("tls:127.0.0.1:0", route, workers=2)
port = listener.addresses[0].port
"""
    assert_silent(run_python(program + textwrap.dedent(ending), library))


def test_the_main_thread_ends_by_an_error(library: str) -> None:
    program = """
manager = manager_of(library)
listener = manager.listen("tls:127.0.0.1:0", "tcp:127.0.0.1:9")
raise SystemExit(3)
"""
    assert_silent(run_python(program, library), 3)
