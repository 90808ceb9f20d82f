"""One reload at a time, whoever asks for it, and one way to log it.

Who asks while one runs gets the outcome of one that begins later, since the running one may have
read already what has changed just now.  All who wait for the same kind share one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Protocol

from tlsmgm._domains.words import counted, printable
from tlsmgm.errors import TLSError

if TYPE_CHECKING:
    from tlsmgm._manager import ReloadReport

__all__ = ["KINDS", "Manager", "Reloader", "log_outcome"]

logger = logging.getLogger("tlsmgm.mi")

_Action = Callable[[], "ReloadReport"]

#: Seconds.
_CANCEL_INTERVAL: Final = 0.02

#: What a report lists, in this order.
KINDS: Final = ("added", "changed", "removed", "failed", "kept")


class Manager(Protocol):
    """What the management interface needs of a :class:`~tlsmgm.TLSManager`."""

    @property
    def has_database(self) -> bool:
        """Whether domains come from a database, too."""

    def list_domains(self) -> dict[str, list[dict[str, Any]]]:
        """The reply to ``tls_list``."""

    def reload_database(self) -> ReloadReport:
        """Read the database anew; may take seconds."""

    def reload(self) -> ReloadReport:
        """Read files and database anew; may take seconds."""

    def cancel_reload(self) -> None:
        """Let a reload that another thread does just now fail soon."""


class Reloader:
    """Reloads a manager beside the event loop.

    However many ask while a reload runs, one more of each kind follows it, and all of them get what
    came of that one.

    Args:
        manager: whose domains are read anew.
        after: is called in the event loop after each reload that went well.
        during: makes what each reload is wrapped in, a context manager that is entered and left in
            the event loop.
    """

    def __init__(
        self,
        manager: Manager,
        after: Callable[[], None] | None = None,
        during: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._manager = manager
        self._after = after
        self._during = during
        self._lock = asyncio.Lock()
        self._waiting: dict[_Action, asyncio.Task[ReloadReport]] = {}  # that have not begun
        self._running: set[asyncio.Task[ReloadReport]] = set()  # those, and the one that has
        self._is_stopped = False

    async def reload(self) -> ReloadReport:
        """Read files and database anew.

        Returns:
            What changed.

        Raises:
            TLSError: something cannot be used; it is in the log, and nothing was changed.
        """
        return await self._run(self._manager.reload)

    async def reload_database(self) -> ReloadReport:
        """Read the database anew; domains of the script stay as they are.

        Returns:
            What changed.

        Raises:
            TLSError: the database cannot be read; it is in the log, and nothing was changed.
        """
        return await self._run(self._manager.reload_database)

    async def stop(self) -> None:
        """Let a running reload fail, wait until it has, and do none from now on."""
        self._is_stopped = True
        while self._running:
            self._manager.cancel_reload()  # again and again: it may not have begun yet
            await asyncio.wait(self._running, timeout=_CANCEL_INTERVAL)

    async def _run(self, action: _Action) -> ReloadReport:
        if self._is_stopped:
            raise _ending()
        task = self._waiting.get(action)
        if task is None:
            task = self._waiting[action] = asyncio.create_task(self._reload(action))
            self._running.add(task)
            task.add_done_callback(self._forget)
        # Who has asked may go away; others wait, the thread goes on, and stop() must know of it.
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[ReloadReport]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # it is in the log

    async def _reload(self, action: _Action) -> ReloadReport:
        async with self._lock:
            del self._waiting[action]
            if self._is_stopped:
                raise _ending()
            return await self._reload_now(action)

    async def _reload_now(self, action: _Action) -> ReloadReport:
        try:
            with self._during():
                report = await asyncio.to_thread(action)
        except TLSError as error:
            log_outcome(error)
            raise
        except Exception as error:
            logger.exception("reload failed, nothing was changed")
            raise TLSError("unexpected error") from error
        log_outcome(report)
        if self._after is not None:
            self._after()
        return report


def _ending() -> TLSError:
    return TLSError("the program is about to end")


def log_outcome(outcome: ReloadReport | TLSError) -> None:
    """Write what came of a reload into the log.

    Args:
        outcome: a report, or the error that kept the old state in place.
    """
    if isinstance(outcome, TLSError):
        logger.error("reload failed, nothing was changed: %s", printable(str(outcome)))
        return
    level = logging.WARNING if outcome.failed else logging.INFO
    logger.log(
        level, "reloaded: %s", ", ".join(counted(kind, getattr(outcome, kind)) for kind in KINDS)
    )
    for warning in outcome.warnings:
        logger.warning("%s", printable(warning))
