"""How a listener ends: closed from anywhere, dropped, interrupted, with callbacks that fail."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from tests.support.proxy import ROOT, TIMEOUT, connect, ends_uncleanly, wait_until
from tlsmgm import Ended, Listener, TLSManager
from tlsmgm._engine import engine

NOBODY = "tcp:127.0.0.1:9"


def in_time(call: Callable[[], object]) -> None:
    """Call something in a thread, and see that it comes back."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive()


def threads_of_engines() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("tlsmgm")]


def descriptors() -> int:
    if not Path("/proc/self/fd").exists():
        pytest.skip("there is no /proc here")
    return len(os.listdir("/proc/self/fd"))


def test_nothing_waits_for_the_next_tick(
    manager: TLSManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever attends to an idle listener sleeps, and is woken."""
    monkeypatch.setattr(engine, "_TICK", 3600.0)
    in_time(manager.listen(ANYWHERE, NOBODY, workers=2).close)
    draining = manager.listen(ANYWHERE, NOBODY)
    draining.drain(3600)
    in_time(draining.wait)


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_a_callback_that_fails_hinders_no_other(
    manager: TLSManager,
    greeter: Greeter,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
) -> None:
    seen = Ends()

    def fail(ended: Ended) -> None:
        seen(ended)
        raise error("as it is")

    with manager.listen(ANYWHERE, greeter.address, on_end=fail) as listener:
        for _ in range(3):
            assert ask(listener) == b"hello"
        assert [one.status for one in seen.wait_for(3)] == ["ok"] * 3
        in_time(listener.close)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
    assert "a callback for connections that have ended failed" in caplog.text


def test_a_callback_that_closes_its_listener(manager: TLSManager, greeter: Greeter) -> None:
    closed = threading.Event()

    def close(_: Ended) -> None:
        listener.close()
        closed.set()

    listener = manager.listen(ANYWHERE, greeter.address, on_end=close)
    assert ask(listener) == b"hello"
    assert closed.wait(TIMEOUT)
    assert listener.wait(TIMEOUT)
    in_time(listener.close)


def test_a_callback_that_waits_for_its_listener(manager: TLSManager, greeter: Greeter) -> None:
    errors: list[RuntimeError] = []

    def wait(_: Ended) -> None:
        try:
            listener.wait()
        except RuntimeError as error:
            errors.append(error)

    listener = manager.listen(ANYWHERE, greeter.address, on_end=wait)
    assert ask(listener) == b"hello"
    in_time(listener.close)
    assert "cannot wait" in str(errors[0])


class Holder:
    """Keeps a listener in a circle, so that only garbage collection finds it."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.me = self


def test_a_listener_that_its_own_thread_collects(manager: TLSManager, greeter: Greeter) -> None:
    """Garbage collection begins in any thread, so also in one that would wait for itself."""
    collected = threading.Event()

    def collect(_: Ended) -> None:
        gc.collect()
        collected.set()

    holder = Holder(manager.listen(ANYWHERE, greeter.address, on_end=collect))
    with connect(port_of(holder.listener)) as client:
        greeting(client)
        gc.disable()
        try:
            del holder
            leave(client)
            assert collected.wait(TIMEOUT)
        finally:
            gc.enable()
    wait_until(lambda: not threads_of_engines())


def test_a_listener_that_is_collected_under_a_lock_of_its_callback(
    manager: TLSManager, greeter: Greeter
) -> None:
    """Such as that of a log: nobody who collects may wait for threads that want it."""
    lock = threading.Lock()

    def take(_: Ended) -> None:
        with lock:
            pass

    listener = manager.listen(ANYWHERE, greeter.address, on_end=take)
    with connect(port_of(listener)) as client:
        greeting(client)
        with lock:
            del listener
            gc.collect()
            assert ends_uncleanly(client)
    wait_until(lambda: not threads_of_engines())


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_no_threads(
    manager: TLSManager, greeter: Greeter, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    """Nothing listens then, and the manager knows of nobody."""
    left = allowed
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        nonlocal left
        if thread.name.startswith("tlsmgm"):
            if not left:
                raise RuntimeError("can't start new thread")
            left -= 1
        start(thread)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = descriptors()
    monkeypatch.setattr(threading.Thread, "start", start_some)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        manager.listen(f"tls:127.0.0.1:{port}", greeter.address, workers=2)
    monkeypatch.undo()
    gc.collect()
    wait_until(lambda: not threads_of_engines())
    assert not manager._changes._followers
    assert descriptors() <= before
    with listening(manager, greeter.address, f"tls:127.0.0.1:{port}") as (listener, _):
        assert ask(listener) == b"hello"


# The end of the program.

BEGIN = """
import os, signal, sys, threading
from tests.support.listeners import Greeter, greeting, port_of
from tests.support.managers import manager_of
from tests.support.proxy import connect
manager = manager_of(sys.argv[1])
ended = []
upstream = sys.argv[2]
listener = manager.listen("tls:127.0.0.1:0", upstream, workers=2, on_end=ended.append)
clients = [connect(port_of(listener)) for _ in range(5)]
for client in clients:
    greeting(client)
"""


def run(library: str, greeter: Greeter, program: str) -> Any:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(program), library, greeter.address],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize("has_listener", [True, False])
def test_exit_with_connections(library: str, greeter: Greeter, has_listener: bool) -> None:
    program = """
    import atexit, time
    @atexit.register
    def tell():
        print(len(ended), {one.status for one in ended})
    """
    if not has_listener:
        program += "del listener\n    "
    # What is registered last is called first, so the other way round.
    program += """
    import tlsmgm._engine.engine as engine
    atexit.unregister(engine._end_all)
    atexit.register(engine._end_all)
    """
    done = run(library, greeter, program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "5 {'drained'}\n", "")


def test_exit_by_an_exception(library: str, greeter: Greeter) -> None:
    done = run(library, greeter, "with listener: raise ValueError('as it is')")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: as it is"


def test_an_interrupt_ends_waiting(library: str, greeter: Greeter) -> None:
    done = run(
        library,
        greeter,
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
        timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        try:
            listener.wait()
        except KeyboardInterrupt:
            print("interrupted")
        for client in clients:
            client.sendall(b"more")
            assert client.recv(4) == b"more"
        listener.close()
        print(len(ended))
        """,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n5\n", "")


def test_an_interrupt_of_with(library: str, greeter: Greeter) -> None:
    done = run(
        library,
        greeter,
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
        timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with listener:
            listener.wait()
        """,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
