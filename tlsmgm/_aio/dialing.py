"""TCP connections: to each address of a name in turn, or with a head start for the first ones.

The attempts are tasks of our own on ``loop.sock_connect()``, because a socket can be had back
from a transport of neither asyncio nor uvloop.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

__all__ = ["dial"]

#: Of ``getaddrinfo()``.
_Info: TypeAlias = tuple[Any, Any, int, str, Any]


async def dial(
    host: str,
    port: int,
    *,
    family: int,
    proto: int,
    flags: int,
    local_addr: tuple[str, int] | None,
    happy_eyeballs_delay: float | None,
    interleave: int | None,
) -> socket.socket:
    """Return a connected socket, which does not block.

    Args:
        host: name or address.
        port: TCP port.
        family: of ``getaddrinfo()``, as the next two.
        proto: see there.
        flags: see there.
        local_addr: to bind to first.
        happy_eyeballs_delay: seconds after which the next address is tried beside those before
            (RFC 8305); None: it is tried when those before have failed.
        interleave: how many addresses of the first family come before families take turns; None: 1
            with a delay, else addresses stay in the system's order.

    Raises:
        OSError: none was reached; the message names all attempts.
    """
    loop = asyncio.get_running_loop()
    infos = await _look_up(loop, host, port, family, proto, flags)
    local = await _look_up(loop, *local_addr, family, proto, flags) if local_addr else None
    if interleave is None:
        interleave = 0 if happy_eyeballs_delay is None else 1
    if interleave:
        infos = _interleaved(infos, interleave)
    return await _race(loop, infos, local, happy_eyeballs_delay)


async def _look_up(
    loop: asyncio.AbstractEventLoop, host: str, port: int, family: int, proto: int, flags: int
) -> Sequence[_Info]:
    found = await loop.getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, proto=proto, flags=flags
    )
    if not found:
        raise OSError(f"getaddrinfo({host!r}) returned empty list")
    return found


def _interleaved(infos: Iterable[_Info], first: int) -> list[_Info]:
    """Let families take turns (RFC 8305 section 4)."""
    by_family: dict[int, deque[_Info]] = {}
    for info in infos:
        by_family.setdefault(info[0], deque()).append(info)
    groups = list(by_family.values())
    ahead = [groups[0].popleft() for _ in range(min(first - 1, len(groups[0])))]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*groups))
    return ahead + [info for info in turns if info is not None]


async def _race(
    loop: asyncio.AbstractEventLoop,
    infos: Iterable[_Info],
    local: Sequence[_Info] | None,
    delay: float | None,
) -> socket.socket:
    """Return the socket of the first attempt that succeeds; all others are closed."""
    waiting = deque(infos)
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[OSError] = []
    won: socket.socket | None = None
    try:
        while won is None and (waiting or running):
            if waiting:
                running.add(loop.create_task(_attempt(loop, waiting.popleft(), local)))
            done, running = await asyncio.wait(
                running,
                timeout=delay if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                error = task.exception()
                if isinstance(error, OSError):
                    errors.append(error)
                elif won is None:
                    won = task.result()
                else:
                    task.result().close()
    finally:
        await _call_off(running)
    if won is None:
        raise _all_of(errors)
    return won


async def _call_off(running: Iterable[asyncio.Task[socket.socket]]) -> None:
    for task in running:
        task.add_done_callback(_close_result)
        task.cancel()


def _close_result(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _attempt(
    loop: asyncio.AbstractEventLoop, info: _Info, local: Sequence[_Info] | None
) -> socket.socket:
    family, kind, proto, _, address = info
    sock = socket.socket(family=family, type=kind, proto=proto)
    try:
        sock.setblocking(False)
        if local is not None:
            _bind(sock, family, local)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, family: int, local: Sequence[_Info]) -> None:
    error = OSError(f"no local address of family {family} is given")
    for info in local:
        if info[0] != family:
            continue
        try:
            sock.bind(info[4])
        except OSError as reason:
            text = f"error while attempting to bind on address {info[4]!r}: {reason.strerror}"
            error = OSError(reason.errno, text)
        else:
            return
    raise error


def _all_of(errors: Sequence[OSError]) -> OSError:
    """One error for all attempts, as asyncio words it."""
    first = errors[0]
    if all(str(error) == str(first) for error in errors):
        return first
    return OSError("Multiple exceptions: {}".format(", ".join(map(str, errors))))
