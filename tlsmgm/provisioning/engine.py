"""Work on a database within a deadline, with the errors of drivers in our words.

A reload must never hang: not when the database's host is gone, not when the server has stopped
answering, not when somebody has locked the table.  Drivers have time limits for some of this, none
for all; so the work is done by a thread that is left behind when its time is over, with its
connection cut.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tlsmgm.errors import DatabaseError, TLSError, UnsupportedError
from tlsmgm.provisioning.settings import DatabaseSettings

__all__ = ["connect", "make_engine", "run"]

T = TypeVar("T")

_MAX_REASON: Final = 500


def run(
    settings: DatabaseSettings, work: Callable[[sa.Connection], T], *, create: bool = False
) -> T:
    """Do some work in one transaction, within the time that the settings allow.

    Args:
        settings: the database.
        work: gets a connection; its transaction is committed when it returns.
        create: a file of SQLite may be created.

    Returns:
        What the work returns.

    Raises:
        DatabaseError: the database cannot be reached, does not answer in time, or refuses.
        UnsupportedError: its driver is not installed.
        TLSError: what the work raises.
    """
    job = _Job(settings, work, create)
    thread = threading.Thread(target=job.run, name="tlsmgm-database", daemon=True)
    thread.start()
    thread.join(settings.timeout)
    if thread.is_alive():
        job.abandon()
        raise DatabaseError(
            f"does not answer within {settings.timeout:g} seconds", origin=settings.safe_url
        )
    return job.result()


class _Job(Generic[T]):
    """Work that a thread does."""

    def __init__(
        self, settings: DatabaseSettings, work: Callable[[sa.Connection], T], create: bool
    ) -> None:
        self._settings = settings
        self._work = work
        self._create = create
        self._connection: Any = None  # the driver's, once there is one
        self._result: T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do it, in a thread."""
        try:
            with connect(self._settings, create=self._create) as connection:
                self._connection = connection.connection.driver_connection
                self._result = self._work(connection)
                connection.commit()
        except BaseException as error:
            self._error = error

    def result(self) -> T:
        """Return or raise what came of it."""
        if self._error is not None:
            raise self._error
        return self._result

    def abandon(self) -> None:
        """Cut the connection, so that the thread comes to an end instead of piling up."""
        connection = self._connection
        with contextlib.suppress(Exception):
            if hasattr(connection, "interrupt"):  # SQLite
                connection.interrupt()
            elif hasattr(connection, "fileno"):  # psycopg; PyMySQL has time limits of its own
                duplicate = socket.socket(fileno=os.dup(connection.fileno()))
                with duplicate:
                    duplicate.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def connect(settings: DatabaseSettings, *, create: bool = False) -> Iterator[sa.Connection]:
    """Connect, and speak of errors in our words.

    Args:
        settings: the database.
        create: a file of SQLite may be created.

    Yields:
        A connection; closed in the end, rolled back unless it was committed.

    Raises:
        DatabaseError: the database cannot be reached, or refuses.
        UnsupportedError: its driver is not installed.
    """
    engine = make_engine(settings, create=create)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(_reason(error), origin=settings.safe_url) from None
    finally:
        engine.dispose()


def make_engine(settings: DatabaseSettings, *, create: bool = False) -> sa.Engine:
    """Make an engine that keeps no connections and shows no values in its errors.

    Args:
        settings: the database.
        create: a file of SQLite may be created.

    Returns:
        The engine; nothing was connected yet.

    Raises:
        DatabaseError: the URL cannot be used, or the file of SQLite is not there.
        UnsupportedError: the driver is not installed.
    """
    url = settings.url
    if settings.dialect == "sqlite":
        url = _sqlite_url(settings, create)
    try:
        return sa.create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=_time_limits(settings)
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise UnsupportedError(
            f"the driver of {settings.safe_url} is not installed ({_line(error)}): "
            "pip install 'tlsmgm[sql]'"
        ) from None
    except (ArgumentError, ValueError):
        raise DatabaseError("the URL cannot be read", origin=settings.safe_url) from None


def _sqlite_url(settings: DatabaseSettings, create: bool) -> str:
    """A URL that does not create a file by mistake."""
    path = sa.make_url(settings.url).database or ""
    if not create and not os.path.exists(path):
        raise DatabaseError(
            "there is no such file", origin=settings.safe_url, hint="tlsmgm db init creates it"
        )
    mode = "rwc" if create else "rw"
    return f"sqlite:///file:{quote(path)}?mode={mode}&uri=true"


def _time_limits(settings: DatabaseSettings) -> dict[str, Any]:
    seconds = settings.timeout
    whole = max(1, round(seconds))
    if settings.dialect == "sqlite":
        return {"timeout": seconds}
    if settings.dialect == "postgresql":
        return {
            "connect_timeout": max(2, whole),  # libpq takes 1 for 2
            "options": f"-c statement_timeout={int(seconds * 1000)}",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
    return {"connect_timeout": whole, "read_timeout": whole, "write_timeout": whole}


def _reason(error: SQLAlchemyError) -> str:
    """What the driver says, without SQLAlchemy's words around it, and in one line."""
    original = getattr(error, "orig", None)
    if isinstance(original, TLSError):
        return str(original)
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    if len(arguments) == 2 and isinstance(arguments[0], int):  # PyMySQL: number and text
        return _line(f"{arguments[1]} (error {arguments[0]})")
    return _line(original or error)


def _line(what: object) -> str:
    text = " ".join(str(what).split())
    return text if len(text) <= _MAX_REASON else text[:_MAX_REASON] + "..."
