"""A fork in a program that has a listener: the child's is dead, the parent's knows nothing of it.

Each test is a program of its own, since one that forks must not have pytest's threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.proxy import ROOT, TIMEOUT
from tests.support.sanitizers import IS_SANITIZED

#: Ends a child that hangs; ``ending()`` returns its exit status.
BEGIN = """
import gc, multiprocessing, os, signal, socket, sys, threading
from tests.support.listeners import Greeter, ask, greeting, leave, listening, port_of
from tests.support.managers import manager_of, server_domain
from tests.support.proxy import connect, read_to_end
manager = manager_of(sys.argv[1])

def fork():
    pid = os.fork()
    if not pid:
        signal.alarm(20)
    return pid

def ending(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def run(library: str, program: str) -> None:
    check(["-W", "ignore", "-c", BEGIN + textwrap.dedent(program), library])


def check(arguments: Sequence[str]) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3 * TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_whatever_a_child_asks_is_an_error(library: str) -> None:
    run(
        library,
        """
        with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
            assert ask(listener) == b"hello"
            if not (pid := fork()):
                for call in (
                    listener.statistics,
                    listener.wait,
                    lambda: listener.drain(0),
                    lambda: listener.set_routes({None: ()}),
                ):
                    try:
                        call()
                    except RuntimeError as error:
                        assert "a forked one" in str(error), error
                    else:
                        raise AssertionError
                assert port_of(listener)
                assert repr(listener).startswith("<Listener tls:")
                listener.close()
                listener.close()
                os._exit(7)
            assert ending(pid) == 7
            assert ask(listener) == b"hello"
            assert len(ends.wait_for(2)) == 2
        """,
    )


@pytest.mark.parametrize("how", ["sys.exit(7)", "del listener; gc.collect(); sys.exit(7)"])
def test_a_child_ends_as_others_do(library: str, how: str) -> None:
    """With what ``atexit`` and garbage collection do, for which no thread is there."""
    run(
        library,
        f"""
        greeter = Greeter()
        greeter.__enter__()
        listener = manager.listen("tls:127.0.0.1:0", greeter.address)
        with connect(port_of(listener)) as client:
            greeting(client)
            if not (pid := fork()):
                client.detach()
                {how}
            assert ending(pid) == 7
            client.sendall(b"more")
            assert client.recv(4) == b"more"
            leave(client)
        assert ask(listener) == b"hello"
        listener.close()
        greeter.__exit__(None, None, None)
        """,
    )


def test_a_child_that_lives_on_keeps_no_port(library: str) -> None:
    run(
        library,
        """
        there, here = os.pipe()
        begun, tell = os.pipe()
        with Greeter() as greeter:
            with listening(manager, greeter.address, workers=2) as (listener, _):
                if not (pid := fork()):
                    os.close(here)
                    os.write(tell, b"x")
                    os.read(there, 1)
                    os._exit(7)
                os.read(begun, 1)
            port = port_of(listener)
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                pass
            else:
                raise AssertionError
            with listening(manager, greeter.address, f"tls:127.0.0.1:{port}") as (again, _):
                assert ask(again) == b"hello"
            os.close(here)
            assert ending(pid) == 7
        """,
    )


def test_a_child_leaves_descriptors_alone_that_came_later(library: str) -> None:
    """The numbers of a listener that is closed may be anybody's."""
    run(
        library,
        """
        listener = manager.listen("tls:127.0.0.1:0", "tcp:127.0.0.1:9", workers=2)
        listener.close()
        pairs = [socket.socketpair() for _ in range(20)]
        files = [open(sys.executable, "rb") for _ in range(20)]
        if not (pid := fork()):
            for one, other in pairs:
                one.sendall(b"x")
                assert other.recv(1) == b"x"
            assert all(file.read(1) for file in files)
            os._exit(7)
        assert ending(pid) == 7
        """,
    )


def test_a_child_has_listeners_of_its_own(library: str) -> None:
    """And a manager that changes, without a thought of those of the parent."""
    run(
        library,
        """
        with Greeter() as greeter, listening(manager, greeter.address) as (listener, _):
            if not (pid := fork()):
                manager.handshake_timeout = 5
                manager.remove_domain("dom1", "server")
                manager.add_domain(server_domain("dom3"))
                child = manager.listen("tls:127.0.0.1:0", greeter.address)
                assert ask(child, "dom3.test") == b"hello"
                if not (inner := fork()):
                    child.close()
                    os._exit(7)
                assert ending(inner) == 7
                assert ask(child, "dom3.test") == b"hello"
                child.close()
                os._exit(7)
            assert ending(pid) == 7
            assert ask(listener) == b"hello"
        """,
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(library: str, method: str, tmp_path: Path) -> None:
    """Its processes end while the parent goes on to serve."""
    program = tmp_path / "program.py"
    body = """
        def work(queue):
            found = manager_of(sys.argv[1])
            with Greeter() as greeter, listening(found, greeter.address) as (inner, _):
                queue.put(ask(inner))

        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[2])
            with Greeter() as greeter, listening(manager, greeter.address) as (listener, _):
                queue = context.Queue()
                process = context.Process(target=work, args=[queue])
                process.start()
                assert queue.get(timeout=20) == b"hello"
                process.join(20)
                assert process.exitcode == 0
                assert ask(listener) == b"hello"
        """
    program.write_text(BEGIN + textwrap.dedent(body), encoding="utf-8")
    check(["-W", "ignore", str(program), library, method])


def test_a_program_that_is_run_inherits_nothing(library: str) -> None:
    run(
        library,
        """
        import subprocess
        program = "import os; print(sum('socket' in os.readlink(f'/proc/self/fd/{n}')"
        program += " for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))"
        with Greeter() as greeter, listening(manager, greeter.address, workers=2) as (listener, _):
            with connect(port_of(listener)) as client:
                greeting(client)
                done = subprocess.run(
                    [sys.executable, "-c", program], close_fds=False, capture_output=True
                )
                assert done.stdout == b"0\\n", done
                leave(client)
        """,
    )


def test_a_child_that_lives_on_keeps_no_client(library: str) -> None:
    """Who is ended by the parent hears of that, though the child had his connection, too."""
    run(
        library,
        """
        from tests.support.proxy import Upstream, ends_uncleanly
        there, here = os.pipe()
        begun, tell = os.pipe()
        with Upstream() as upstream:
            listener = manager.listen("tls:127.0.0.1:0", upstream.address)
            with connect(port_of(listener)) as client, upstream.accept() as server:
                client.sendall(b"ping")
                assert server.recv(4) == b"ping"
                if not (pid := fork()):
                    os.closerange(client.fileno(), client.fileno() + 1)
                    os.closerange(server.fileno(), server.fileno() + 1)
                    os.close(here)
                    os.write(tell, b"x")
                    os.read(there, 1)
                    os._exit(7)
                os.read(begun, 1)
                listener.close()
                assert ends_uncleanly(client)
                assert ends_uncleanly(server)
            os.close(here)
            assert ending(pid) == 7
        """,
    )


@pytest.mark.skipif(
    IS_SANITIZED, reason="a child waits for a lock of AddressSanitizer's allocator now and then"
)
def test_children_of_a_busy_parent_use_the_same_manager(library: str) -> None:
    """No lock that a thread of the engine has in the moment of the fork is waited for."""
    run(
        library,
        """
        from tests.support.managers import connect as connect_in_memory
        from tests.support.managers import assert_echo
        over = threading.Event()

        def come():
            while not over.is_set():
                ask(listener)

        with Greeter() as greeter, listening(manager, greeter.address, workers=2) as (listener, _):
            threads = [threading.Thread(target=come) for _ in range(3)]
            for thread in threads:
                thread.start()
            for _ in range(30):
                if not (pid := fork()):
                    assert_echo(*connect_in_memory(manager, manager))
                    os._exit(7)
                assert ending(pid) == 7
            over.set()
            for thread in threads:
                thread.join()
        """,
    )
