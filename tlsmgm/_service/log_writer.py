"""The thread that writes the access log, so that nobody else waits for the disk.

``logging``'s ``QueueHandler`` is not used: ``logging.shutdown()``, which Python calls when it ends,
takes the lock of every handler, and a thread that is stuck in a write would hold it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Final

from tlsmgm._service.log_file import LogFile, cannot_write

__all__ = ["MAX_WAITING", "LogWriter"]

logger = logging.getLogger("tlsmgm.proxy")

#: Bytes that may wait for the disk; what comes then is lost.
MAX_WAITING: Final = 4 * 1024 * 1024

#: Lines that are written at once.
_PIECE: Final = 256

#: Seconds in which the file must have been opened for an error to be one of the start.
_OPENING_TIME: Final = 2.0

#: Seconds in which a loss is mentioned in the log once.
_WARNING_INTERVAL: Final = 10.0

_REOPEN: Final = object()
_END: Final = object()


class LogWriter:
    """Has lines written to a file, and counts those that were lost.

    It is used in one thread, and writes in another.

    Args:
        path: of the file; None is standard error.

    Raises:
        ConfigError: it cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[list[bytes] | object] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of the next five; never held while anything is written
        self._batch: list[bytes] | None = None  # lines of it may still be added to the queue's last
        self._waiting_bytes = 0
        self._waiting_lines = 0
        self._lost = 0
        self._told = 0
        self._warned = -_WARNING_INTERVAL
        self._is_closed = False
        self._error: OSError | None = None
        self._is_late = False
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tlsmgm-access-log", daemon=True)
        self._thread.start()
        self._wait_for_opening()

    @property
    def lost(self) -> int:
        """Lines that were not written."""
        return self._lost

    def write(self, line: str) -> None:
        """Have a line written; it is lost if too much waits already.

        Args:
            line: without its end.
        """
        if self._is_closed:
            return
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            has_room = self._waiting_bytes + len(data) <= MAX_WAITING
            if has_room:
                self._waiting_bytes += len(data)
                self._waiting_lines += 1
                self._add(data)
            else:
                self._lost += 1
        if not has_room:
            self._warn()

    def _add(self, data: bytes) -> None:
        """Into the batch that waits, so that the thread is not woken for each line."""
        if self._batch is None:
            self._batch = []
            self._queue.put(self._batch)
        self._batch.append(data)

    def reopen(self) -> None:
        """Have the file opened anew, behind the lines that wait; an error is logged."""
        if not self._is_closed:
            self._put_behind(_REOPEN)

    def close(self, seconds: float) -> None:
        """Write what waits, but not for ever; what is left then is lost.

        Args:
            seconds: how long that may take.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._put_behind(_END)
        self._thread.join(seconds)
        with self._lock:
            self._lost += self._waiting_lines
            self._waiting_lines = 0
        self._tell_of_losses()

    def _put_behind(self, item: object) -> None:
        """Behind all lines that wait, and before those that come."""
        with self._lock:
            self._batch = None
            self._queue.put(item)

    def _wait_for_opening(self) -> None:
        if not self._is_open.wait(_OPENING_TIME):
            self._is_late = True
            logger.warning("the access log does not answer; lines wait for it, until they are lost")
        if self._error is not None:
            raise cannot_write(self._path, self._error)

    # The thread.

    def _run(self) -> None:
        try:
            file = LogFile(self._path)
        except OSError as error:
            self._error = error
            if self._is_late:
                logger.error("%s", cannot_write(self._path, error))
            return
        finally:
            self._is_open.set()
        while (item := self._queue.get()) is not _END:
            if isinstance(item, list):
                self._write_batch(item, file)
            else:
                file.reopen()
        file.close()

    def _write_batch(self, lines: list[bytes], file: LogFile) -> None:
        with self._lock:
            if lines is self._batch:
                self._batch = None
        for start in range(0, len(lines), _PIECE):
            piece = lines[start : start + _PIECE]
            self._count(piece, file.append(piece))

    def _count(self, lines: list[bytes], lost: int) -> None:
        with self._lock:
            self._waiting_bytes -= sum(map(len, lines))
            if self._waiting_lines:  # else they were given up
                self._waiting_lines -= len(lines)
                self._lost += lost
        if not lost:
            self._tell_of_losses()

    # What is logged.

    def _warn(self) -> None:
        now = time.monotonic()
        if now - self._warned >= _WARNING_INTERVAL:
            self._warned = now
            logger.warning("the access log is not written fast enough; lines are lost")

    def _tell_of_losses(self) -> None:
        with self._lock:
            count = self._lost - self._told
            self._told = self._lost
        if count:
            logger.warning("%d access log lines were lost", count)
