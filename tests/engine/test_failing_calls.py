"""Calls of the system that fail: the worker goes on, and does not ask again and again.

Each test is a program of its own, under which a library of ours is preloaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support import c_build
from tests.support.proxy import ROOT, TIMEOUT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="nothing can be preloaded"
)

BEGIN = """
import ctypes, errno, socket, sys, threading
from tests.support.listeners import Ends, Greeter, ask, greeting, leave, listening, port_of
from tests.support.managers import manager_of
from tests.support.proxy import connect, ends_uncleanly, wait_until
from tlsmgm._serving.listening import bind
from tlsmgm._serving.targets import parse_target

ACCEPT, RECV, SEND = range(3)
calls = ctypes.CDLL(sys.argv[2])
manager = manager_of(sys.argv[1])
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shim") / "failing_calls.so"
    source = Path(__file__).with_name("failing_calls.c")
    c_build.run(
        [*c_build.compiler(), "-O1", "-shared", "-fPIC", str(source), "-o", str(out), "-ldl"]
    )
    return out


def run(library: str, shim: Path, program: str) -> None:
    before = os.environ.get("LD_PRELOAD")
    preload = f"{before}:{shim}" if before else str(shim)
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(program), library, str(shim)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "LD_PRELOAD": preload},
        capture_output=True,
        text=True,
        timeout=3 * TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_accept_finds_nothing_to_work_with(shim: Path) -> None:
    """Each failure is one call, after which nobody asks for half a second."""
    run(
        "openssl",
        shim,
        """
        bound = bind([parse_target("tls:127.0.0.1:0", listening=True)])
        calls.fail_listener(bound[0].socks[0].fileno())
        with Greeter() as greeter, listening(manager, greeter.address, bound) as (listener, _):
            def failures():
                return listener.statistics()["accept_errors_total"]
            seen = 0
            for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EPERM", "EACCES"):
                calls.fail_calls(ACCEPT, getattr(errno, name), -1)
                client = socket.create_connection(("127.0.0.1", port_of(listener)))
                wait_until(lambda: failures() >= seen + 2)
                calls.fail_calls(ACCEPT, 0, 0)
                client.close()
                assert ask(listener) == b"hello", name
                assert failures() - seen <= 3, name
                seen = failures()
        """,
    )


def test_accept_fails_for_one_client_after_another(shim: Path) -> None:
    """Such errors are about whoever has just come, so nobody else waits for them."""
    run(
        "openssl",
        shim,
        """
        bound = bind([parse_target("tls:127.0.0.1:0", listening=True)])
        calls.fail_listener(bound[0].socks[0].fileno())
        with Greeter() as greeter, listening(manager, greeter.address, bound) as (listener, _):
            for name in ("ECONNABORTED", "EINTR", "EPROTO", "ENETDOWN", "EHOSTUNREACH"):
                calls.fail_calls(ACCEPT, getattr(errno, name), 200)
                assert ask(listener) == b"hello", name
                assert calls.failed_calls(ACCEPT) == 200
            assert listener.statistics()["accept_errors_total"] == 0
        """,
    )


@pytest.mark.parametrize("call", ["RECV", "SEND"])
def test_one_connection_is_lost(library: str, shim: Path, call: str) -> None:
    """One call, then that connection is over, and all others go on."""
    run(
        library,
        shim,
        f"""
        with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
            with connect(port_of(listener)) as other:
                greeting(other)
                for number, name in enumerate(("ENOBUFS", "ENOMEM", "EPERM", "EIO"), 1):
                    with connect(port_of(listener)) as client:
                        greeting(client)
                        calls.fail_calls({call}, getattr(errno, name), 1)
                        client.sendall(b"more")
                        assert ends_uncleanly(client)
                        assert calls.failed_calls({call}) == 1
                    assert ends.wait_for(number)[-1].status.endswith("-error"), name
                other.sendall(b"more")
                assert other.recv(4) == b"more"
                leave(other)
        """,
    )


@pytest.mark.parametrize("call", ["RECV", "SEND"])
def test_signals_interrupt_nothing(library: str, shim: Path, call: str) -> None:
    run(
        library,
        shim,
        f"""
        with Greeter() as greeter, listening(manager, greeter.address) as (listener, ends):
            with connect(port_of(listener)) as client:
                greeting(client)
                calls.fail_calls({call}, errno.EINTR, 100)
                client.sendall(b"more")
                assert client.recv(4) == b"more"
                assert calls.failed_calls({call}) == 100
                leave(client)
            assert ends.one().status == "ok"
        """,
    )
