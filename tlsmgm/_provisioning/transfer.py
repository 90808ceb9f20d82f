"""Writes domains into the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm._domains.domain import Domain
from tlsmgm._material.reading import Reader
from tlsmgm._provisioning.engine import run
from tlsmgm._provisioning.notices import create_notices
from tlsmgm._provisioning.rows import KINDS, row_of_domain
from tlsmgm._provisioning.schema import check_version, create_tables, domain_table, our_columns
from tlsmgm.errors import ConfigError

__all__ = ["Imported", "import_domains", "init_database"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        added: names of domains that are new in the table.
        replaced: names of domains whose row was written anew.
    """

    added: tuple[str, ...]
    replaced: tuple[str, ...]


def init_database(settings: DatabaseSettings, *, notices: bool = False) -> bool:
    """Create the table of domains, and that of versions, where they are missing.

    Args:
        settings: where; a file of SQLite is created.
        notices: also let the database tell of changes, by notifications or a change marker.

    Returns:
        Whether the table was created.

    Raises:
        DatabaseError: the database cannot be used, or the table is there in another layout.
    """

    def create(connection: sa.Connection) -> bool:
        created = create_tables(connection, settings)
        if notices:
            create_notices(connection, settings)
        return created

    return run(settings, create, create=True)


def import_domains(
    settings: DatabaseSettings, domains: Iterable[Domain], *, replace: bool = False
) -> Imported:
    """Write domains into the table, all or none; files that they name are read.

    Args:
        settings: where.
        domains: what to write, in order.
        replace: write the row of a domain that is there already anew; False: refuse.

    Returns:
        What was added and replaced.

    Raises:
        ConfigError: a domain does not fit into a row, or is there already.
        DatabaseError: the database cannot be used.
    """
    ours = run(settings, lambda connection: our_columns(connection, settings))
    with Reader() as reader:
        rows = [row_of_domain(domain, ours, reader=reader) for domain in domains]
    table = domain_table(settings, ours)
    return run(settings, lambda connection: _write(connection, settings, table, rows, replace))


def _write(
    connection: sa.Connection,
    settings: DatabaseSettings,
    table: sa.Table,
    rows: list[dict[str, Any]],
    replace: bool,
) -> Imported:
    check_version(connection, settings)
    added: list[str] = []
    replaced: list[str] = []
    for row in rows:
        this = (table.c.domain == row["domain"]) & (table.c.type == row["type"])
        found = connection.execute(sa.select(table.c.id).where(this)).scalar()
        if found is None:
            connection.execute(table.insert().values(_named(table, row)))
            added.append(row["domain"])
        elif replace:
            connection.execute(table.update().where(this).values(_named(table, row)))
            replaced.append(row["domain"])
        else:
            raise ConfigError(
                f"the table has such a {KINDS[row['type']]} domain already",
                origin=f"{settings.table} row {found}",
                domain=row["domain"],
                hint="replace it by --replace",
            )
    return Imported(tuple(added), tuple(replaced))


def _named(table: sa.Table, row: dict[str, Any]) -> dict[sa.Column[Any], Any]:
    return {table.c[name]: value for name, value in row.items()}
