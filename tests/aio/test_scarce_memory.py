"""A server without memory in the middle of sending: its client gets all, or hears it has not."""

from __future__ import annotations

import pytest

from tests.support.aio import TIMEOUT
from tests.support.process import run_python

#: The last one is behind all that sending what waits makes.
ALLOCATIONS = 3000

PROGRAM = """
import _testcapi
import asyncio
import sys

from tests.aio.test_protocols import pair
from tests.support.aio import Note, run
from tests.support.managers import manager_of
from tlsmgm._aio.sockets import SocketTransport

manager = manager_of(sys.argv[1])
data = bytes(range(256)) * 20_000
go_on = SocketTransport._on_writable
failing = []


def go_on_without_memory(transport):
    if not failing:
        return go_on(transport)
    number = failing.pop()
    _testcapi.set_nomemory(number, number + 1)
    try:
        go_on(transport)
    finally:
        _testcapi.remove_mem_hooks()


async def send_all(number):
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with pair(manager) as (here, there):
        there.transport.pause_reading()
        here.transport.write(data)
        failing.append(number)
        there.transport.resume_reading()
        here.transport.close()
        await there.lost
        if there.error is None:
            assert there.data == data, (number, len(there.data))
        assert data.startswith(there.data), number
        assert not failing
        return there.error is None


SocketTransport._on_writable = go_on_without_memory
went_well = [run(send_all(number)) for number in (*range(12), 20, 40, int(sys.argv[2]))]
assert went_well[-1] and not all(went_well), went_well
"""


def test_nothing_is_left_out(library: str) -> None:
    pytest.importorskip("_testcapi", reason="this Python has no way to run out of memory")
    done = run_python(
        PROGRAM,
        library,
        str(ALLOCATIONS),
        options=("-W", "ignore"),
        prelude="",
        timeout=6 * TIMEOUT,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
