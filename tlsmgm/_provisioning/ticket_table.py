"""Secrets of session tickets in the database, which all who read it derive the same keys from.

They stand in a small table of ours, beside the table of domains.  The newest secret seals tickets,
the one before still opens them.  Whoever can read this table can open tickets; but the private
keys of all domains are in the same database.
"""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm._material.ticket_schedule import SECRET_SIZE_MIN
from tlsmgm._material.ticket_secrets import parse_secrets
from tlsmgm._provisioning.engine import run
from tlsmgm.errors import ConfigError, DatabaseError

__all__ = ["TICKET_SECRETS", "new_ticket_secret", "read_ticket_secrets"]

#: Name of the table.
TICKET_SECRETS: Final = "tlsmgm_ticket_secret"

#: How many secrets stay: the one that seals and the one before.
_KEPT: Final = 2


def _table() -> sa.Table:
    return sa.Table(
        TICKET_SECRETS,
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(255), nullable=False),
        sqlite_autoincrement=True,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def read_ticket_secrets(connection: sa.Connection, settings: DatabaseSettings) -> tuple[bytes, ...]:
    """Read the secrets.

    Args:
        connection: to the database.
        settings: the table of domains that they belong to.

    Returns:
        The newest first; empty if the table is not there or holds none.

    Raises:
        DatabaseError: one of them cannot be used.
    """
    if not sa.inspect(connection).has_table(TICKET_SECRETS):
        return ()
    table = _table()
    query = (
        sa.select(table.c.secret)
        .where(table.c.table_name == settings.table)
        .order_by(table.c.id.desc())
        .limit(_KEPT)
    )
    found = [str(secret).strip() for secret in connection.execute(query).scalars()]
    try:
        return parse_secrets("\n".join(found).encode()) if found else ()
    except ConfigError as error:
        raise DatabaseError(
            f"table {TICKET_SECRETS!r} {error.reason}",
            origin=settings.safe_url,
            hint="tlsmgm db ticket-secret writes a new one",
        ) from None


def new_ticket_secret(settings: DatabaseSettings) -> None:
    """Write a new secret, which seals from the next reload on; only the latest one stays beside it.

    Args:
        settings: the table of domains that it belongs to.

    Raises:
        DatabaseError: the database cannot be used.
    """

    def write(connection: sa.Connection) -> None:
        table = _table()
        table.create(connection, checkfirst=True)
        ours = table.c.table_name == settings.table
        ids = sa.select(table.c.id).where(ours).order_by(table.c.id.desc())
        older = list(connection.execute(ids).scalars())[_KEPT - 1 :]
        connection.execute(table.delete().where(table.c.id.in_(older)))
        secret = secrets.token_hex(SECRET_SIZE_MIN)
        connection.execute(table.insert().values(table_name=settings.table, secret=secret))

    run(settings, write)
