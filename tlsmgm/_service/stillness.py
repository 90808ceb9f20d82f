"""Notices that something has not moved for a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tlsmgm._service.timer import Timer

__all__ = ["Stillness"]

#: It is looked at so often within the time, which may get longer by one of these parts.
_LOOKS: Final = 4


class Stillness:
    """Calls back once a value has stayed the same for a time.

    Looking now and then costs a busy connection less than a timer that each byte starts anew.

    Args:
        seconds: how long it may stay the same; a quarter more may pass until that is noticed.
        look: returns the value; None ends the watch.
        then: is called once; the watch has ended.
    """

    def __init__(
        self, seconds: float, look: Callable[[], object], then: Callable[[], None]
    ) -> None:
        self._pause = seconds / _LOOKS
        self._look = look
        self._then = then
        self._seen: object = None
        self._times = 0
        self._timer = Timer()

    def start(self) -> None:
        """Watch from now on; nothing happens if it watches already."""
        if not self._timer.is_set:
            self._seen = self._look()
            self._times = 0
            self._wait()

    def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    def _wait(self) -> None:
        self._timer.set(self._pause, self._tick)

    def _tick(self) -> None:
        value = self._look()
        if value is None:
            return
        self._times = self._times + 1 if value == self._seen else 0
        self._seen = value
        if self._times < _LOOKS:
            self._wait()
        else:
            self._then()
