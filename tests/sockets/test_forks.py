"""A TLS socket in a forked process: closed, and the peer hears nothing of it."""

from __future__ import annotations

import os

import pytest

from tests.support.process import assert_silent, run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

TALK = """
import errno, socket, warnings
from tests.sockets.talk import NAME, Running, manager_for, read_all, wrap_both

warnings.simplefilter("error")
manager = manager_for(library, "TLSv1.3")
pair = wrap_both(manager, manager)

def in_child(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0

def goes_on():
    pair.client.sendall(b"ping")
    assert read_all(pair.server, 4) == b"ping"
    pair.server.sendall(b"pong")
    assert read_all(pair.client, 4) == b"pong"
"""


def check(program: str, library: str) -> None:
    """Run a program that forks behind the beginning above."""
    assert_silent(run_python(TALK + program, library))


def test_close_in_a_child_says_nothing(library: str) -> None:
    program = """
def close():
    pair.client.close()
    pair.close()

in_child(close)
goes_on()
pair.client.close()
assert pair.server.recv(1) == b""
pair.server.close()
"""
    check(program, library)


def test_what_a_child_collects_says_nothing(library: str) -> None:
    """Neither to the peer, nor of a socket that was not closed: it is the parent's."""
    program = """
def collect():
    global pair
    pair = None
    gc.collect()

in_child(collect)
goes_on()
pair.close()
"""
    check(program, library)


def test_a_child_cannot_use_it(library: str) -> None:
    """Two processes that speak under the same keys would give them away."""
    program = """
file = pair.client.makefile("rwb", 0)

def use():
    client = pair.client
    assert client.fileno() == -1 and "TLSSocket" in repr(client)
    calls = [
        lambda: client.recv(1), lambda: client.send(b"x"), lambda: client.sendall(b"x"),
        lambda: client.recv_into(bytearray(1)), client.pending, client.unwrap, client.detach,
        lambda: client.shutdown(socket.SHUT_RDWR), client.makefile,
        lambda: file.read(1), lambda: file.write(b"x"),
    ]
    for call in calls:
        try:
            call()
        except OSError as error:
            assert error.errno == errno.EBADF, error
            assert "belongs to the process that has made it" in str(error), error
        else:
            raise AssertionError(call)
    file.close()
    with pair.server:
        pass

in_child(use)
goes_on()
file.close()
pair.close()
"""
    check(program, library)


def test_a_fork_while_threads_are_in_it(library: str) -> None:
    """Nobody in the child opens the locks that they have."""
    program = """
pair.server.settimeout(None)
reading = Running(lambda: read_all(pair.server, 3_000_000))
sending = Running(lambda: pair.client.sendall(bytes(3_000_000)))
for _ in range(20):
    in_child(pair.close)
sending.result()
assert len(reading.result()) == 3_000_000
goes_on()
pair.close()
"""
    check(program, library)


def test_the_end_of_the_parent_is_heard(library: str) -> None:
    """A child that lives longer does not keep the connection open."""
    program = """
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)
os.close(pair.client.detach())
try:
    pair.server.recv(1)
except (tlsmgm.TruncatedError, ConnectionError):
    pass
os.close(writer)
assert os.waitpid(child, 0)[1] == 0
pair.server.close()
"""
    check(program, library)
