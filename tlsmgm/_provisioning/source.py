"""Reads the table of domains."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tlsmgm._config.database_settings import COLUMNS, DatabaseSettings
from tlsmgm._config.model import Configuration
from tlsmgm._provisioning.engine import run
from tlsmgm._provisioning.loaded import Rows
from tlsmgm._provisioning.rows import KINDS, domain_of_row
from tlsmgm._provisioning.schema import (
    check_version,
    domain_table,
    missing_columns,
    our_columns,
)
from tlsmgm._provisioning.ticket_table import read_ticket_secrets
from tlsmgm.errors import DatabaseError

__all__ = ["read_rows"]


def read_rows(settings: DatabaseSettings, config: Configuration | None = None) -> Rows:
    """Read the whole table, in one statement, and the secrets of session tickets.

    Args:
        settings: the table.
        config: has the defaults of columns that say nothing; None: those of Domain.

    Returns:
        A domain or a failure for each row, in the order of ``id``.

    Raises:
        DatabaseError: the database cannot be reached, does not answer in time, has no such table,
            or one in another layout.
        UnsupportedError: a driver is not installed.
    """
    defaults: dict[str, dict[str, Any]] = {
        kind: {} if config is None else config.default_values(kind) for kind in KINDS.values()
    }
    found, ours, secrets = run(settings, lambda connection: _select(connection, settings))
    columns = {name: settings.column(name) for name in (*COLUMNS, *ours)}
    items = tuple(domain_of_row(row, settings, defaults) for row in found)
    source = (settings.url, settings.table, tuple(columns.values()))
    return Rows(items, columns, source, secrets)


def _select(
    connection: sa.Connection, settings: DatabaseSettings
) -> tuple[list[dict[str, Any]], tuple[str, ...], tuple[bytes, ...]]:
    check_version(connection, settings)
    ours = our_columns(connection, settings)
    table = domain_table(settings, ours)
    # Types are left to the driver: who made the table may have chosen others, such as text.
    columns = [sa.type_coerce(item, sa.types.NullType()).label(item.key) for item in table.c]
    query = sa.select(*columns).order_by(table.c.id)
    try:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    except DBAPIError as error:
        connection.rollback()
        raise _explained(connection, settings) or error from None
    return rows, ours, read_ticket_secrets(connection, settings)


def _explained(connection: sa.Connection, settings: DatabaseSettings) -> DatabaseError | None:
    """Why the table cannot be read, if it is because of its layout."""
    missing = missing_columns(connection, settings)
    if missing is None:
        return DatabaseError(
            f"there is no table {settings.table!r}",
            origin=settings.safe_url,
            hint="tlsmgm db init creates it",
        )
    if missing:
        return DatabaseError(
            f"table {settings.table!r} has no column {', '.join(map(repr, missing))}",
            origin=settings.safe_url,
            hint="migrate it, or say what the column is called",
        )
    return None
