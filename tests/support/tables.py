"""A table of domains in a database that tests fill and change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from tests.support.managers import pem
from tlsmgm._config.database_settings import OUR_COLUMNS, DatabaseSettings, normal_url
from tlsmgm._domains.parameters import of_kind
from tlsmgm._provisioning.engine import make_engine
from tlsmgm._provisioning.schema import domain_table
from tlsmgm._provisioning.transfer import init_database


def server_row(name: str = "dom1", **values: Any) -> dict[str, Any]:
    """Return the row of a server domain for ``NAME.test`` that asks for no certificate."""
    return {
        "domain": name,
        "type": 2,
        "match_sip_domain": f"{name}.test",
        "certificate": pem(f"{name}.pem"),
        "private_key": pem(f"{name}.key"),
        "verify_cert": 0,
        "require_cert": 0,
    } | values


def client_row(name: str = "client", **values: Any) -> dict[str, Any]:
    """Return the row of a client domain that trusts the recorded root."""
    return {"domain": name, "type": 1, "ca_list": pem("root.pem")} | values


class DomainTable:
    """A table of domains.

    Args:
        url: of an empty database.
        rows: what to put into the table.
        ours: columns that OpenSIPS does not know, and that somebody has added.
        settings: other fields of DatabaseSettings.
    """

    def __init__(
        self, url: str, *rows: dict[str, Any], ours: Iterable[str] = (), **settings: Any
    ) -> None:
        self.url = url
        self.settings = DatabaseSettings(normal_url(url), **settings)
        init_database(self.settings)
        for name in ours:
            kind = "INTEGER" if name in of_kind("number") else "VARCHAR(32)"
            self.execute(f"ALTER TABLE {self.settings.table} ADD COLUMN {name} {kind}")
        named = [name for name in OUR_COLUMNS if name in self.settings.columns]
        self.table = domain_table(self.settings, (*ours, *named))
        self.insert(*rows)

    def insert(self, *rows: dict[str, Any]) -> None:
        """Add rows, all in one transaction."""
        with self.engine().begin() as connection:
            for row in rows:
                values = {self.table.c[name]: value for name, value in row.items()}
                connection.execute(self.table.insert().values(values))

    def update(self, name: str, **values: Any) -> None:
        """Change the rows of the domains of this name."""
        with self.engine().begin() as connection:
            changed = {self.table.c[key]: value for key, value in values.items()}
            connection.execute(
                self.table.update().where(self.table.c.domain == name).values(changed)
            )

    def delete(self, name: str) -> None:
        """Delete the rows of the domains of this name."""
        with self.engine().begin() as connection:
            connection.execute(self.table.delete().where(self.table.c.domain == name))

    def execute(self, statement: str) -> None:
        """Run a statement of SQL."""
        with self.engine().begin() as connection:
            connection.execute(sa.text(statement))

    def engine(self) -> sa.Engine:
        """Return an engine that keeps no connections."""
        return make_engine(self.settings)

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows, by usual column names."""
        with self.engine().connect() as connection:
            columns = [column.label(column.key) for column in self.table.c]
            found = connection.execute(sa.select(*columns).order_by(self.table.c.id))
            return [dict(row) for row in found.mappings()]
