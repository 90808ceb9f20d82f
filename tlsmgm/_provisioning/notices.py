"""How a database tells that the table of domains has changed.

PostgreSQL notifies whoever listens, when a transaction that changes the table is committed.  MySQL,
MariaDB and SQLite have no such thing: there triggers raise a *change marker*, a number in a small
table of ours, and readers look at it.  Both are made by ``tlsmgm db init --notify`` and by nobody
else; the original's table stays as it is.  (TRUNCATE fires no trigger in MySQL and MariaDB.)
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm.errors import DatabaseError

__all__ = ["channel_of", "check_notifies", "create_notices", "read_marker"]

#: The table of change markers.
MARKERS: Final = "tlsmgm_change"

_FUNCTION: Final = "tlsmgm_notify"
_HINT: Final = "tlsmgm db init --notify makes it"
_EVENTS: Final = ("INSERT", "UPDATE", "DELETE")


def channel_of(settings: DatabaseSettings) -> str:
    """Name the channel of PostgreSQL's notifications.

    Args:
        settings: the table.

    Returns:
        A name of at most 63 bytes, which is what PostgreSQL takes.
    """
    return f"tlsmgm_{settings.table}".encode()[:63].decode(errors="ignore")


def create_notices(connection: sa.Connection, settings: DatabaseSettings) -> None:
    """Let the database tell of changes from now on; doing this twice does no harm.

    Args:
        connection: to the database; may create triggers.
        settings: the table.
    """
    if settings.dialect == "postgresql":
        _create_notification(connection, settings)
    else:
        _create_marker(connection, settings)


def _create_notification(connection: sa.Connection, settings: DatabaseSettings) -> None:
    table, trigger = _quoted(connection, settings.table), _quoted(connection, _FUNCTION)
    statements = (
        f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify(TG_ARGV[0], ''); RETURN NULL; END $$",
        f"DROP TRIGGER IF EXISTS {trigger} ON {table}",
        f"CREATE TRIGGER {trigger} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {trigger}({_literal(channel_of(settings))})",
    )
    for statement in statements:
        connection.exec_driver_sql(statement)


def _create_marker(connection: sa.Connection, settings: DatabaseSettings) -> None:
    markers = _markers()
    markers.create(connection, checkfirst=True)
    this = markers.c.table_name == settings.table
    if connection.execute(sa.select(markers.c.marker).where(this)).scalar() is None:
        connection.execute(markers.insert().values(table_name=settings.table, marker=0))
    table = _quoted(connection, settings.table)
    raised = f"UPDATE {MARKERS} SET marker = marker + 1 WHERE table_name = "
    raised += _literal(settings.table)
    body = f"BEGIN {raised}; END" if settings.dialect == "sqlite" else raised
    for event in _EVENTS:
        trigger = _quoted(connection, f"tlsmgm_{event.lower()}_{settings.table}"[:64])
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
        statement = f"CREATE TRIGGER {trigger} AFTER {event} ON {table} FOR EACH ROW {body}"
        connection.exec_driver_sql(statement)


def check_notifies(connection: sa.Connection, settings: DatabaseSettings) -> None:
    """See that PostgreSQL will notify.

    Args:
        connection: to the database.
        settings: the table.

    Raises:
        DatabaseError: the table has no such trigger.
    """
    query = (
        "SELECT 1 FROM pg_trigger WHERE tgname = :trigger AND tgrelid = to_regclass(:table) "
        "AND tgenabled <> 'D'"
    )
    names = {"trigger": _FUNCTION, "table": _quoted(connection, settings.table)}
    if connection.execute(sa.text(query), names).scalar() is None:
        raise DatabaseError(
            f"table {settings.table!r} has no trigger that notifies",
            origin=settings.safe_url,
            hint=_HINT,
        )


def read_marker(connection: sa.Connection, settings: DatabaseSettings) -> int:
    """Read the change marker.

    Args:
        connection: to the database.
        settings: the table.

    Returns:
        A number that is another one after each change.

    Raises:
        DatabaseError: there is none.
    """
    markers = _markers()
    query = sa.select(markers.c.marker).where(markers.c.table_name == settings.table)
    try:
        found = connection.execute(query).scalar()
    except DBAPIError as error:
        if sa.inspect(connection).has_table(MARKERS):
            raise
        found, _ = None, error
    if found is None:
        raise DatabaseError(
            f"there is no change marker of table {settings.table!r}",
            origin=settings.safe_url,
            hint=_HINT,
        )
    return int(found)


def _markers() -> sa.Table:
    return sa.Table(
        MARKERS,
        sa.MetaData(),
        sa.Column("table_name", sa.VARCHAR(128), primary_key=True),
        sa.Column("marker", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _literal(name: str) -> str:
    """A string literal of the name of a table, in which there is nothing to escape."""
    return f"'{name}'"
