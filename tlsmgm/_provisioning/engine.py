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

from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm.errors import DatabaseError, TLSError, UnsupportedError

__all__ = ["connect", "make_engine", "run", "without_traces"]

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
        late = "; what was written may still arrive" if job.abandon() else ""
        raise DatabaseError(
            f"does not answer within {settings.timeout:g} seconds{late}", origin=settings.safe_url
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
        self._deciding = threading.Lock()  # held while it is settled whether a commit may begin
        self._is_abandoned = False
        self._is_committing = False

    def run(self) -> None:
        """Do it, in a thread."""
        try:
            with connect(self._settings, create=self._create) as connection:
                self._connection = connection.connection.driver_connection
                self._result = self._work(connection)
                with self._deciding:
                    if self._is_abandoned:
                        return  # the caller was told that nothing was done
                    self._is_committing = True
                connection.commit()
        except BaseException as error:
            self._error = without_traces(error)

    def result(self) -> T:
        """Return or raise what came of it."""
        if self._error is not None:
            raise self._error
        return self._result

    def abandon(self) -> bool:
        """Cut the connection, so that the thread comes to an end instead of piling up.

        Returns:
            Whether a commit is under way, whose outcome nobody knows.
        """
        with self._deciding:
            self._is_abandoned = True
        connection = self._connection
        with contextlib.suppress(Exception):
            if hasattr(connection, "interrupt"):  # SQLite
                connection.interrupt()
            elif hasattr(connection, "fileno"):  # psycopg
                with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
                    duplicate.shutdown(socket.SHUT_RDWR)
            else:  # PyMySQL
                connection._sock.shutdown(socket.SHUT_RDWR)
        return self._is_committing


def without_traces(error: BaseException) -> BaseException:
    """Take away what hangs on an error: rows with keys, URLs with passwords.

    Args:
        error: any.

    Returns:
        The same error, alone.
    """
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


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
    except TLSError:
        raise
    except (SQLAlchemyError, OSError) as error:
        raise DatabaseError(_reason(error), origin=settings.safe_url) from None
    except TypeError as error:  # a driver's word for a parameter of the URL that it does not know
        raise DatabaseError(_line(error), origin=settings.safe_url) from None
    except Exception as error:  # its text may quote values
        reason = f"the driver failed ({type(error).__name__})"
        raise DatabaseError(reason, origin=settings.safe_url) from None
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
        engine = sa.create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=_arguments(settings)
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise UnsupportedError(
            f"the driver of {settings.safe_url} is not installed ({_line(error)}): "
            "pip install 'tlsmgm[sql]'"
        ) from None
    except (ArgumentError, ValueError):
        raise DatabaseError("the URL cannot be read", origin=settings.safe_url) from None
    if settings.dialect == "sqlite":
        sa.event.listen(engine, "connect", _take_any_text)
    return engine


def _take_any_text(connection: Any, _record: object) -> None:
    """Text that is not UTF-8 costs its row; SQLite's own error would cost all, and quote it."""
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")


def _sqlite_url(settings: DatabaseSettings, create: bool) -> str:
    """A URL that does not create a file by mistake."""
    path = sa.make_url(settings.url).database or ""
    if not create and not os.path.exists(path):
        raise DatabaseError(
            "there is no such file", origin=settings.safe_url, hint="tlsmgm db init creates it"
        )
    if create:
        _create_file(path)
    mode = "rwc" if create else "rw"
    return f"sqlite:///file:{quote(path)}?mode={mode}&uri=true"


def _create_file(path: str) -> None:
    """There will be keys in it, so it is ours alone; what SQLite puts beside it is as well."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with contextlib.suppress(OSError):  # it is there, or SQLite says why it cannot be
        os.close(os.open(path, flags, 0o600))


def _arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Time limits, and what else a driver must be told beside the URL."""
    seconds = settings.timeout
    whole = max(1, round(seconds))
    if settings.dialect == "sqlite":
        return {"timeout": seconds}
    url = sa.make_url(settings.url)
    if settings.dialect == "postgresql":
        limit = f"-c statement_timeout={int(seconds * 1000)}"
        return {
            "connect_timeout": url.query.get("connect_timeout", max(2, whole)),  # 1 counts as 2
            "options": f"{url.query.get('options', '')} {limit}".strip(),
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
    limits: dict[str, Any] = dict.fromkeys(
        ("connect_timeout", "read_timeout", "write_timeout"), whole
    )
    if url.password is not None:
        limits["password"] = str(url.password).encode()  # PyMySQL would take text for Latin-1
    return limits


def _reason(error: SQLAlchemyError | OSError) -> str:
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
