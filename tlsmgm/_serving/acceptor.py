"""Takes connections from a listening socket, and waits where the system has none to give.

asyncio's own servers log a traceback for each attempt that fails for want of descriptors, as often
as the backlog is long, and each arms a timer of its own: a thousand and more a second.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable
from typing import Final

__all__ = ["AT_ONCE", "Acceptor", "Mentions", "Shortage", "shortages"]

logger = logging.getLogger("tlsmgm")

#: Connections that are taken before those that are there get their turn again.
AT_ONCE: Final = 64

#: Seconds until the next attempt, once there were no descriptors.
_PAUSE: Final = 0.5

#: Seconds in which a shortage is mentioned in the log once.
_LOG_INTERVAL: Final = 10.0

_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

#: Errors of a connection that is gone already; accept(2) of Linux reports them, once each.
_GONE: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EPROTO,
    }
)


class Mentions:
    """Says whether it is time to mention something in the log again."""

    def __init__(self) -> None:
        self._last: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether whoever asks should do it; then others should not for a while.

        Args:
            now: in seconds.
        """
        if self._last is not None and now - self._last < _LOG_INTERVAL:
            return False
        self._last = now
        return True


#: Of shortages: descriptors are the process's, whoever finds none.
shortages: Final = Mentions()


class Shortage:
    """Counts attempts that fail for want of descriptors, and logs them now and then.

    One is enough for all listening sockets of a program: the descriptors are those of the process.

    Args:
        count: is called for each attempt; None: nobody else counts.
        now: a clock, in seconds.
    """

    def __init__(
        self, count: Callable[[], None] | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = count
        self._now = now
        # Moments of another clock are not those of the process.
        self._mentions = shortages if now is time.monotonic else Mentions()
        self._count = 0

    def note(self, error: OSError) -> None:
        """Count an attempt that has failed; log it, unless that was done just now.

        Args:
            error: why.
        """
        self._count += 1
        if self._tell is not None:
            self._tell()
        if not self._mentions.is_due(self._now()):
            return
        logger.warning(
            "no connection can be taken: %s (failed attempts: %d); new ones wait until others end",
            error.strerror,
            self._count,
        )
        self._count = 0


class Acceptor:
    """Takes connections from a listening socket until it is closed.

    Args:
        sock: does not block; closed with this.
        make_protocol: makes the protocol of each connection; gets the client's address, as the
            system gives it, since a client that is gone by then has none any more.
        shortage: is told when there are no descriptors.
    """

    def __init__(
        self,
        sock: socket.socket,
        make_protocol: Callable[[object], asyncio.BaseProtocol],
        shortage: Shortage,
    ) -> None:
        self._sock = sock
        self._make_protocol = make_protocol
        self._shortage = shortage
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        self._start()

    def close(self) -> None:
        """Take no more; those that were taken go on."""
        if self._sock.fileno() < 0:
            return
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _start(self) -> None:
        self._retry = None
        self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _GONE:
                    continue
                if error.errno not in _SHORTAGES:
                    raise
                # The socket stays readable, so the loop would spin.
                self._loop.remove_reader(self._sock)
                self._retry = self._loop.call_later(_PAUSE, self._start)
                self._shortage.note(error)
                return
            task = self._loop.create_task(self._begin(sock, address))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, sock: socket.socket, address: object) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._make_protocol(address), sock)
        except OSError:  # the client has gone, or the system has no memory
            sock.close()
