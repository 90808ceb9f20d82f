"""The table of domains as OpenSIPS creates it, and the table of versions beside it.

``db init`` makes these tables, so that OpenSIPS, its Control Panel and tlsmgm can share them.  One
thing is wider than the original: in MySQL and MariaDB certificates and keys are LONGBLOB, which
OpenSIPS reads like its own BLOB, because a chain may not fit into 64 KiB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from tlsmgm._config.database_settings import COLUMNS, OUR_COLUMNS, DatabaseSettings
from tlsmgm._config.model import FLAG_FIELDS, NUMBER_FIELDS, PEM_FIELDS
from tlsmgm._domains.parameters import PARAMETERS
from tlsmgm.errors import DatabaseError

__all__ = [
    "BLOBS",
    "MAX_TEXT",
    "TABLE_VERSION",
    "check_version",
    "columns_unread",
    "create_tables",
    "domain_table",
    "missing_columns",
    "our_columns",
]

#: What ``version`` must say about the table.
TABLE_VERSION: Final = 3

#: Columns that hold PEM.
BLOBS: Final = PEM_FIELDS

#: Characters that a text column may have.
MAX_TEXT: Final = {"domain": 64} | {item.field: item.size for item in PARAMETERS}

_MYSQL: Final = ("mysql", "mariadb")
_NUMBERS: Final = FLAG_FIELDS | NUMBER_FIELDS | {"id", "type"}
_DEFAULTS: Final = {"type": "1"} | {item.field: item.default for item in PARAMETERS}


def domain_table(settings: DatabaseSettings, ours: Iterable[str] = ()) -> sa.Table:
    """Describe the table of domains.

    Args:
        settings: its name and those of its columns.
        ours: which of the columns that OpenSIPS does not know are in it.

    Returns:
        The table; the key of each column is its usual name.
    """
    columns = [_column(name, settings) for name in (*COLUMNS, *ours)]
    constraint = sa.UniqueConstraint("domain", "type", name=f"{settings.table}_domain_type_idx")
    return sa.Table(
        settings.table,
        sa.MetaData(),
        *columns,
        constraint,
        sqlite_autoincrement=True,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def _column(name: str, settings: DatabaseSettings) -> sa.Column[Any]:
    called = settings.column(name)
    if name == "id":
        number = sa.Integer().with_variant(mysql.INTEGER(unsigned=True), *_MYSQL)
        return sa.Column(called, number, primary_key=True, key=name)
    default = _DEFAULTS.get(name)
    if name in _NUMBERS:
        written = None if default is None else sa.text(default)
        return sa.Column(
            called, sa.Integer, nullable=name != "type", server_default=written, key=name
        )
    if name in BLOBS:
        blob = sa.LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL)
        return sa.Column(called, blob, key=name)
    text = _text(MAX_TEXT[name])
    return sa.Column(called, text, nullable=name != "domain", server_default=default, key=name)


def _text(size: int) -> sa.types.TypeEngine[str]:
    return sa.CHAR(size).with_variant(sa.VARCHAR(size), "postgresql")


def _version_table() -> sa.Table:
    return sa.Table(
        "version",
        sa.MetaData(),
        sa.Column("table_name", _text(32), primary_key=True),
        sa.Column("table_version", sa.Integer, nullable=False, server_default=sa.text("0")),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def check_version(connection: sa.Connection, settings: DatabaseSettings) -> None:
    """See that the table, if it is there, has the layout that we read.

    Args:
        connection: to the database.
        settings: the table.

    Raises:
        DatabaseError: there is a table of versions and it says otherwise.
    """
    inspector = sa.inspect(connection)
    if not (inspector.has_table("version") and inspector.has_table(settings.table)):
        return
    versions = _version_table()
    query = sa.select(versions.c.table_version).where(versions.c.table_name == settings.table)
    found = connection.execute(query).scalar()
    if found is None or int(found) != TABLE_VERSION:
        what = "has no entry" if found is None else f"says {found}"
        raise DatabaseError(
            f"table 'version' {what} for {settings.table!r}, where {TABLE_VERSION} is expected",
            origin=settings.safe_url,
            hint="migrate the database to the layout of OpenSIPS 3.0 or newer",
        )


def missing_columns(connection: sa.Connection, settings: DatabaseSettings) -> list[str] | None:
    """Say which columns the table lacks.

    Args:
        connection: to the database.
        settings: the table.

    Returns:
        Their names in the database; None if there is no such table.
    """
    found = _columns_there(connection, settings)
    if found is None:
        return None
    wanted = [settings.column(name) for name in (*COLUMNS, *_named_ours(settings))]
    return [name for name in wanted if name.lower() not in found]


def _columns_there(connection: sa.Connection, settings: DatabaseSettings) -> set[str] | None:
    """Names in lower case; None if there is no such table."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(settings.table):
        return None
    return {column["name"].lower() for column in inspector.get_columns(settings.table)}


def _named_ours(settings: DatabaseSettings) -> tuple[str, ...]:
    return tuple(name for name in OUR_COLUMNS if name in settings.columns)


def our_columns(connection: sa.Connection, settings: DatabaseSettings) -> tuple[str, ...]:
    """Say which columns that OpenSIPS does not know are to be read.

    Args:
        connection: to the database.
        settings: the table.

    Returns:
        Their usual names: those that the table has, and those that the settings name.
    """
    found = _columns_there(connection, settings) or set()
    return tuple(
        name for name in OUR_COLUMNS if name in _named_ours(settings) or name.lower() in found
    )


def columns_unread(connection: sa.Connection, settings: DatabaseSettings) -> tuple[str, ...]:
    """Say which columns OpenSIPS will not read, because of the types that they were given.

    It goes by the type that the column has, not by the value: ``get_type_from_decltype()`` in its
    ``db_sqlite``, ``res.c`` in ``db_postgres`` and ``db_mysql``.  Here any type will do.

    Args:
        connection: to the database.
        settings: the table.

    Returns:
        A sentence for each such column; none if there is no such table.
    """
    inspector = sa.inspect(connection)
    if not inspector.has_table(settings.table):
        return ()
    names = {settings.column(name).lower(): name for name in COLUMNS}
    sentences = []
    for column in inspector.get_columns(settings.table):
        name = names.get(column["name"].lower())
        if name is None:
            continue
        wanted = "blob" if name in BLOBS else "number" if name in _NUMBERS else "text"
        if _family(column["type"], settings.dialect) != wanted:
            if isinstance(column["type"], sa.types.NullType):  # which has no text
                what = _declared_type(connection, settings, column["name"])
            else:
                what = str(column["type"].compile(connection.dialect))
            sentences.append(
                f"column {column['name']!r} is {what}; OpenSIPS wants a {wanted} there, and will "
                "not read it"
            )
    return tuple(sentences)


def _declared_type(connection: sa.Connection, settings: DatabaseSettings, column: str) -> str:
    """The type of a column as it was written, where SQLAlchemy makes nothing of it."""
    if settings.dialect == "sqlite":
        rows = connection.execute(
            sa.text("SELECT name, type FROM pragma_table_info(:table)"), {"table": settings.table}
        )
        found = {name: kind for name, kind in rows if kind}
        return str(found.get(column, "without a type"))
    return "another type"


def _family(kind: sa.types.TypeEngine[Any], dialect: str) -> str:
    """What OpenSIPS' drivers take a type for."""
    is_mysql = dialect in _MYSQL
    if isinstance(kind, (sa.BigInteger, sa.Float)):
        return "other"
    if isinstance(kind, sa.Integer):
        return "number"
    if dialect == "sqlite" and isinstance(kind, (sa.Numeric, sa.Boolean)):
        return "number"
    if isinstance(kind, sa.types._Binary):
        return "text" if is_mysql and isinstance(kind, (sa.BINARY, sa.VARBINARY)) else "blob"
    if isinstance(kind, (sa.String, sa.JSON)):
        return "blob" if is_mysql and type(kind).__name__.upper().endswith("TEXT") else "text"
    return "text" if dialect == "postgresql" and isinstance(kind, sa.Boolean) else "other"


def create_tables(connection: sa.Connection, settings: DatabaseSettings) -> bool:
    """Create what is not there: the table of domains, and that of versions with an entry.

    Of the columns that OpenSIPS does not know the table has those that the settings name.

    Args:
        connection: to the database.
        settings: the table.

    Returns:
        Whether the table of domains was created; False: it was there, and is as it should be.

    Raises:
        DatabaseError: the table is there in another layout.
    """
    missing = missing_columns(connection, settings)
    if missing:
        raise DatabaseError(
            f"table {settings.table!r} is there, without column {', '.join(map(repr, missing))}",
            origin=settings.safe_url,
            hint="choose another table, or migrate this one",
        )
    if missing is not None:
        check_version(connection, settings)
        return False
    versions = _version_table()
    versions.create(connection, checkfirst=True)
    this = versions.c.table_name == settings.table
    connection.execute(versions.delete().where(this))
    connection.execute(
        versions.insert().values(table_name=settings.table, table_version=TABLE_VERSION)
    )
    domain_table(settings, _named_ours(settings)).create(connection)
    return True
