"""Signals that come while the proxy still loads."""

from __future__ import annotations

import signal
from collections.abc import Set
from types import FrameType, TracebackType
from typing import Final, Self

__all__ = ["EarlySignals"]

_NOTED: Final = (signal.SIGHUP, signal.SIGUSR1)


class EarlySignals:
    """Notes SIGHUP and SIGUSR1 until the event loop handles them; either would end the process.

    SIGTERM and SIGINT do end it: there is nothing to drain.  To be used in the main thread.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    @property
    def seen(self) -> Set[int]:
        """The signals that have come."""
        return self._seen

    def __enter__(self) -> Self:
        self._before = {number: signal.getsignal(number) for number in _NOTED}
        for number in _NOTED:
            signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._seen.add(number)
