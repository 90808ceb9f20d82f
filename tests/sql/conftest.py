"""Database servers, one of each kind for a whole run of tests, and databases that are new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import MariaDBServer, PostgreSQLServer, Server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL server; tests share it, so what stops or pauses it starts it again."""
    with PostgreSQLServer() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDBServer]:
    """A MariaDB server; tests share it, so what stops or pauses it starts it again."""
    with MariaDBServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database of each kind, as SQLAlchemy writes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    server: Server = request.getfixturevalue(request.param)
    return server.create_database().url
