"""The management interface over a FIFO, as ``mi_fifo`` of OpenSIPS has it.

A client writes ``:NAME:JSON``, and reads one line from the FIFO called NAME, which it has made in
the reply directory. Whoever may write to our FIFO is trusted with the commands, but not with our
files: the reply goes into a FIFO of that directory or nowhere, and a client that does not read its
reply, or not to its end, costs a few seconds of one task.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import stat
from typing import Final

from tlsmgm.errors import ConfigError
from tlsmgm.mi._endpoints import FIFOEndpoint
from tlsmgm.mi._framing import Frame, Framer, is_reply_name
from tlsmgm.mi._jsonrpc import Dispatcher
from tlsmgm.mi._paths import Identity, clear_stale_fifo, identity, identity_of, remove_own
from tlsmgm.mi._starting import undone_by
from tlsmgm.mi._workers import Workers

__all__ = ["FIFOListener"]

logger = logging.getLogger("tlsmgm.mi")

_READ_SIZE: Final = 65_536

#: Seconds until a request that was broken off is given up.
_REQUEST_TIMEOUT: Final = 2.0

#: Seconds in which the client must have its reply FIFO open, and between looking.
_OPEN_TIMEOUT: Final = 2.0
_OPEN_INTERVAL: Final = 0.02

#: Seconds in which the client must have taken the reply.
_WRITE_TIMEOUT: Final = 5.0

_OPEN_FLAGS: Final = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY


class FIFOListener:
    """Reads requests from a FIFO that it makes.

    Args:
        endpoint: where.
        dispatcher: answers.

    Attributes:
        endpoint: where.
    """

    def __init__(self, endpoint: FIFOEndpoint, dispatcher: Dispatcher) -> None:
        self.endpoint = endpoint
        self._dispatcher = dispatcher
        self._framer = Framer()
        self._workers = Workers(self._answer, self._pause, self._resume)
        self._timer: asyncio.TimerHandle | None = None
        self._reply_dir = -1
        self._reader = -1
        self._writer = -1
        self._identity: Identity | None = None

    async def start(self) -> None:
        """Make the FIFO and read it.

        Raises:
            ConfigError: another program reads it, or another kind of file has its name.
            OSError: it cannot be made.
        """
        async with undone_by(self.stop):
            self._reply_dir = os.open(
                self.endpoint.reply_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            )
            self._make()
            self._workers.start()

    async def stop(self) -> None:
        """Close the FIFO and remove it; requests that are not answered yet stay so."""
        if self._reader >= 0:
            self._pause()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._workers.stop()
        remove_own(self.endpoint.path, self._identity)
        self._identity = None
        for descriptor in (self._reader, self._writer, self._reply_dir):
            if descriptor >= 0:
                os.close(descriptor)
        self._reader = self._writer = self._reply_dir = -1

    def _make(self) -> None:
        path = self.endpoint.path
        clear_stale_fifo(path)
        os.mkfifo(path, 0o600)
        self._identity = identity(path)
        self._reader = os.open(path, os.O_RDONLY | _OPEN_FLAGS)
        # As long as somebody has the other end open, nobody's close is an end for us: reading at
        # the end of a FIFO would give nothing again and again.
        self._writer = os.open(path, os.O_WRONLY | _OPEN_FLAGS)
        for descriptor in (self._reader, self._writer):
            if identity_of(os.fstat(descriptor)) != self._identity:
                raise ConfigError("was replaced by somebody", origin=path)
        os.fchmod(self._reader, 0o600)  # whatever the umask took away

    def _pause(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)

    def _resume(self) -> None:
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._take(self._framer.feed(os.read(self._reader, _READ_SIZE)))

    def _expire(self) -> None:
        self._timer = None
        self._take(self._framer.expire())

    def _take(self, frames: list[Frame]) -> None:
        """Start the work, and a clock for a request of which more must come."""
        for frame in frames:
            self._workers.put(frame)
        if self._timer is not None and (frames or not self._framer.is_pending):
            self._timer.cancel()
            self._timer = None
        if self._timer is None and self._framer.is_pending:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_REQUEST_TIMEOUT, self._expire)

    async def _answer(self, frame: Frame) -> None:
        if not is_reply_name(frame.name):
            logger.warning("refused a management request with the reply name %r", frame.name)
            return
        reply = await self._dispatcher.reply(frame.body)
        if reply is None:
            return
        try:
            await self._send(frame.name, reply + b"\n")
        except TimeoutError:
            logger.warning("nobody reads the reply FIFO %r", frame.name)
        except OSError as error:
            logger.warning("cannot write to the reply FIFO %r: %s", frame.name, error.strerror)

    async def _send(self, name: bytes, line: bytes) -> None:
        async with asyncio.timeout(_OPEN_TIMEOUT):
            descriptor = await _open_reply(name, self._reply_dir)
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT):
                await _write(descriptor, line)
        finally:
            os.close(descriptor)


async def _open_reply(name: bytes, directory: int) -> int:
    """Open a reply FIFO as soon as its client has done so.

    Raises:
        OSError: there is none, or it is something else.
    """
    while True:
        try:
            descriptor = os.open(name, os.O_WRONLY | _OPEN_FLAGS, dir_fd=directory)
        except OSError as error:
            # ENXIO: the client has made it and not opened it yet.
            if error.errno != errno.ENXIO:
                raise
        else:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no FIFO")
        await asyncio.sleep(_OPEN_INTERVAL)


async def _write(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            await _writable(descriptor)


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)
