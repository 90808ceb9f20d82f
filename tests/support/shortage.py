"""Lets every allocation of our own C code fail in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.support.contract import Connection, Outcome, Rig

MOST = 500
S = TypeVar("S")
T = TypeVar("T")


def has_struck(rig: Rig, allowed: int) -> bool:
    """Tell whether the shortage came during the attempt, and end it."""
    lib, null = rig.c.lib, rig.c.ffi.NULL
    blocks = [lib.tlsmgm_calloc(1, 1) for _ in range(allowed + 1)]
    lib.tlsmgm_test_fail_after(-1)
    for block in blocks:
        lib.tlsmgm_free(block)
    return null not in blocks


def shortages(rig: Rig, prepare: Callable[[], S], attempt: Callable[[S], T]) -> Iterator[T]:
    """Fail the first allocation of an attempt, then the second and so on, while there are any.

    Args:
        rig: whose allocations.
        prepare: what comes before each attempt, while there is memory.
        attempt: takes what was prepared.

    Yields:
        What each attempt gave.
    """
    for allowed in range(MOST):
        prepared = prepare()
        rig.c.lib.tlsmgm_test_fail_after(allowed)
        got = attempt(prepared)
        if not has_struck(rig, allowed):
            return
        yield got
    raise AssertionError("it never ended")


def shake_short(client: Connection, server: Connection) -> tuple[Outcome, Outcome]:
    """Shake hands as far as it goes; what cannot be fed for want of memory is fed again."""
    for _ in range(20):
        ours, theirs = client.handshake(), server.handshake()
        moved = False
        for source, target in ((client, server), (server, client)):
            data = source.drain()
            moved |= bool(data)
            if target.feed(data).status != "OK":
                assert target.feed(data).status == "OK"
        if not moved:
            return ours, theirs
    raise AssertionError("the handshake never came to rest")
