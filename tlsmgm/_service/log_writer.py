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

#: Bytes that are written at once, about.
_BATCH: Final = 64 * 1024

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
        self._queue: queue.SimpleQueue[bytes | object] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of the next four; never held while anything is written
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
            else:
                self._lost += 1
        if has_room:
            self._queue.put(data)
        else:
            self._warn()

    def reopen(self) -> None:
        """Have the file opened anew, behind the lines that wait; an error is logged."""
        if not self._is_closed:
            self._queue.put(_REOPEN)

    def close(self, seconds: float) -> None:
        """Write what waits, but not for ever; what is left then is lost.

        Args:
            seconds: how long that may take.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.put(_END)
        self._thread.join(seconds)
        with self._lock:
            self._lost += self._waiting_lines
            self._waiting_lines = 0
        self._tell_of_losses()

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
        while True:
            lines, item = self._next_batch()
            if lines:
                self._count(lines, file.append(lines))
            if item is _REOPEN:
                file.reopen()
            elif item is _END:
                break
        file.close()

    def _next_batch(self) -> tuple[list[bytes], object]:
        """Take lines that belong to the same file, and what follows them if that is no line."""
        lines: list[bytes] = []
        size = 0
        item = self._queue.get()
        while isinstance(item, bytes):
            lines.append(item)
            size += len(item)
            if size >= _BATCH or self._queue.empty():
                return lines, None
            item = self._queue.get()
        return lines, item

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
