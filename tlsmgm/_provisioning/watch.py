"""Reloads the domains of a database as soon as they change, from a thread.

With PostgreSQL the thread listens for notifications, so every node of a fleet follows within a
moment; with other databases it looks at the change marker every so many seconds (see
:mod:`tlsmgm._provisioning.notices`).  Whenever it has got a connection anew it reloads once, for
what it may have missed.  A reload that fails leaves the old state in place and is tried again.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm._domains.report import ReloadReport
from tlsmgm._provisioning.engine import connect, run
from tlsmgm._provisioning.notices import channel_of, check_notifies, read_marker
from tlsmgm._provisioning.watcher import DatabaseWatcher
from tlsmgm.errors import ConfigError, TLSError

__all__ = ["WatchingThread"]

logger = logging.getLogger("tlsmgm.provisioning")

#: Seconds between the first tries after a failure, and at most.
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 30.0

#: Seconds after which a listening thread looks whether it shall stop.
_LISTENING: Final = 0.25

#: Seconds between two tries to end a reload.
_CANCEL_INTERVAL: Final = 0.02

#: Seconds after which it looks whether there still is something to listen to.
_LOOKING: Final = 10.0

Outcome = ReloadReport | TLSError


class WatchingThread(DatabaseWatcher):
    """A thread that reloads.

    Args:
        settings_now: gives the database as it is now, whose ``watch`` says how; a reload of the
            configuration may bring another one, which is then followed.
        reload: what to do after a change.
        on_change: is told what came of it; the same failure is told once, until it has gone.
        cancel: lets a reload of that thread fail soon.

    Raises:
        ConfigError: ``watch`` is not set, or this database does not notify.
    """

    def __init__(
        self,
        settings_now: Callable[[], DatabaseSettings],
        reload: Callable[[], ReloadReport],
        on_change: Callable[[Outcome], None] | None = None,
        cancel: Callable[[threading.Thread], None] | None = None,
    ) -> None:
        self._cancel = cancel
        self._is_reloading = False
        self._settings_now = settings_now
        self._settings = settings_now()
        _check(self._settings)
        self._reload = reload
        self._on_change = on_change
        self._stopping = threading.Event()
        self._watching = threading.Event()
        self._told: str | None = None
        self._thread = threading.Thread(target=self._run, name="tlsmgm-watch", daemon=True)
        self._thread.start()

    def wait_until_watching(self, timeout: float | None = None) -> bool:
        """See :meth:`DatabaseWatcher.wait_until_watching`."""
        return self._watching.wait(timeout)

    def stop(self) -> None:
        """See :meth:`DatabaseWatcher.stop`."""
        self._stopping.set()
        if threading.current_thread() is self._thread:
            return
        end = time.monotonic() + self._settings.timeout + _LISTENING  # it may wait for the database
        while self._thread.is_alive() and time.monotonic() < end:
            if self._is_reloading and self._cancel is not None:
                self._cancel(self._thread)  # again and again: it may not have begun yet
            self._thread.join(_CANCEL_INTERVAL)

    # In the thread.

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            try:
                self._settings = self._settings_now()
                _check(self._settings)
                follow = self._listen if self._settings.watch == "notify" else self._poll
                follow()
            except TLSError as error:
                self._tell(error)
            except Exception:  # of on_change, say; the watch must go on
                logger.exception("watching the database was interrupted")
            wait = _FIRST_WAIT if self._watching.is_set() else min(2 * wait, _LONGEST_WAIT)
            self._watching.clear()
            self._stopping.wait(wait)

    def _listen(self) -> None:
        """Follow notifications until something fails."""
        with connect(self._settings) as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            quote = connection.dialect.identifier_preparer.quote_identifier
            connection.execute(sa.text(f"LISTEN {quote(channel_of(self._settings))}"))
            driver: Any = connection.connection.driver_connection
            due, wait = 0.0, _FIRST_WAIT  # when to reload next; infinity: after a notification
            look = 0.0  # when to see next whether the trigger is still there
            while self._goes_on():
                if time.monotonic() >= look:
                    check_notifies(connection, self._settings)
                    look = time.monotonic() + _LOOKING
                if time.monotonic() >= due:
                    done = self._follow()
                    wait = _FIRST_WAIT if done else min(2 * wait, _LONGEST_WAIT)
                    due = math.inf if done else time.monotonic() + wait
                    self._watching.set()
                if _notifications(driver):
                    due, wait = 0.0, _FIRST_WAIT

    def _poll(self) -> None:
        """Look at the change marker again and again until something fails."""
        seconds = float(self._settings.watch or 0)
        seen: int | None = None
        while self._goes_on():
            marker = run(self._settings, lambda connection: read_marker(connection, self._settings))
            if marker != seen and self._follow():
                seen = marker
            self._watching.set()
            self._stopping.wait(seconds)

    def _goes_on(self) -> bool:
        return not self._stopping.is_set() and self._settings_now() == self._settings

    def _follow(self) -> bool:
        """Reload, and say whether that went well."""
        self._is_reloading = True
        try:
            report = self._reload()
        except TLSError as error:
            self._tell(error)
            return False
        finally:
            self._is_reloading = False
        self._told = None
        if self._on_change is not None:
            self._on_change(report)
        return True

    def _tell(self, error: TLSError) -> None:
        if self._on_change is not None and str(error) != self._told:
            self._on_change(error)
        self._told = str(error)


def _check(settings: DatabaseSettings) -> None:
    """See that a database can be watched in the way that its settings say."""
    if settings.watch is None:
        raise ConfigError("is not set", parameter="watch", hint="'notify', or seconds")
    if settings.watch == "notify" and settings.dialect != "postgresql":
        raise ConfigError(
            f"{settings.dialect} does not notify",
            parameter="watch",
            hint="give the seconds between looks at the change marker",
        )


def _notifications(driver: Any) -> list[Any]:
    """Wait a moment for notifications of psycopg; an error of it becomes SQLAlchemy's."""
    try:
        return list(driver.notifies(timeout=_LISTENING, stop_after=1))
    except driver.OperationalError as error:
        raise sa.exc.OperationalError("LISTEN", None, error) from None
