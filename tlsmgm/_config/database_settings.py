"""Where the table of domains is and what its columns are called (manual 1.9.17 to 1.9.33)."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, unquote

from tlsmgm._domains.domain import Origin
from tlsmgm._domains.parameters import COLUMNS, OUR_COLUMNS
from tlsmgm._domains.words import did_you_mean
from tlsmgm.errors import ConfigError

__all__ = [
    "COLUMNS",
    "DEFAULT_TABLE",
    "DEFAULT_TIMEOUT",
    "OUR_COLUMNS",
    "DatabaseSettings",
    "Watch",
    "normal_url",
    "opensips_url",
]

DEFAULT_TABLE: Final = "tls_mgm"

#: Seconds that reading the table may take, connecting included.
DEFAULT_TIMEOUT: Final = 10.0

#: How changes are noticed: by notifications of PostgreSQL, or by asking every so many seconds.
Watch = float | Literal["notify"]

#: SQLAlchemy's dialect and driver, by what a URL may begin with.
_DIALECTS: Final = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "sqlite": "sqlite",
}
#: Names of databases that OpenSIPS has for SQLAlchemy's.
_OPENSIPS_NAMES: Final = {"postgresql": "postgres", "mariadb": "mysql"}
#: Names of tables and columns; what would need escapes in some database is not taken.
_NAME = re.compile(r"[\w$-]{1,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9_+.-]*")
_HOST_URL = re.compile(r"(?:(?P<user>[^:]*)(?::(?P<password>.*))?@)?(?P<rest>[^@]*)", re.DOTALL)
#: A local socket in the place of a host, as OpenSIPS' db_id.c and Kamailio have it.
_SOCKET = re.compile(r"unix\((?P<path>[^()]*)\)/?(?P<database>.*)", re.DOTALL | re.IGNORECASE)
_SOCKET_QUERY = "unix_socket="
#: ASCII that stands for itself in the user and password of OpenSIPS' URLs, whatever the release.
_LOGIN: Final = frozenset(string.ascii_letters + string.digits + "-._~!*+,;^$&")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """A table of domains.

    Args:
        url: in SQLAlchemy's form, see :func:`normal_url`; it may hold a password.
        table: name of the table.
        columns: other names of columns, by the usual one.
        timeout: seconds that reading may take, connecting included.
        watch: ``"notify"`` or seconds between looks at the change marker; None: do not watch.
        origin: where this was written.

    Raises:
        ConfigError: there is no such column, or a value cannot be used.
    """

    url: str = field(repr=False)  # It may hold a password.
    table: str = DEFAULT_TABLE
    columns: Mapping[str, str] = field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT
    watch: Watch | None = None
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name, called in self.columns.items():
            if name not in (known := COLUMNS + OUR_COLUMNS):
                hint = did_you_mean(name, known) or "known: " + ", ".join(known)
                raise self._complaint(f"there is no column {name!r}", "columns", hint)
            if not _is_name(called):
                raise self._complaint(f"{called!r} is no name for column {name!r}", "columns")
        if not _is_name(self.table):
            raise self._complaint(f"{self.table!r} is no name of a table", "table")
        if not _is_number(self.timeout) or not 0 < self.timeout <= 3600:
            raise self._complaint("must be seconds above 0, at most 3600", "timeout")
        watch = self.watch
        if watch not in (None, "notify") and not (
            _is_number(watch) and isinstance(watch, (int, float)) and 0.05 <= watch <= 86400
        ):
            raise self._complaint("must be 'notify' or seconds from 0.05 to 86400", "watch")

    def _complaint(self, reason: str, parameter: str, hint: str | None = None) -> ConfigError:
        return ConfigError(reason, origin=self.origin, parameter=parameter, hint=hint)

    def column(self, name: str) -> str:
        """Say what a column is called in this table.

        Args:
            name: one of :data:`COLUMNS` or :data:`OUR_COLUMNS`.
        """
        return self.columns.get(name, name)

    @property
    def dialect(self) -> str:
        """``"sqlite"``, ``"postgresql"``, ``"mysql"`` or ``"mariadb"``."""
        return self.url.partition(":")[0].partition("+")[0]

    @property
    def file(self) -> str | None:
        """Path of the file of SQLite; None for other databases."""
        if self.dialect != "sqlite":
            return None
        return self.url.partition(":///")[2].partition("?")[0] or None

    @property
    def has_password(self) -> bool:
        """Whether the URL holds a password."""
        login = self.url.partition("://")[2].rpartition("@")[0]
        return bool(login.partition(":")[2])

    @property
    def safe_url(self) -> str:
        """The URL for people: without its password, and of its parameters the local socket."""
        scheme, _, rest = self.url.partition("://")
        login, at, place = rest.rpartition("@")
        place, _, query = place.partition("?")
        if query.startswith(_SOCKET_QUERY):
            place += "?" + query.partition("&")[0]
        return f"{scheme}://{login.partition(':')[0]}{at}{place}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_name(text: object) -> bool:
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def normal_url(url: str, folder: str = "", *, opensips: bool = False) -> str:
    """Bring the URL of a database into SQLAlchemy's form.

    Args:
        url: as OpenSIPS writes it (``mysql://user:password@host/db``, ``postgres://...``,
            ``mysql://user:password@unix(/path)/db``, ``sqlite:///absolute/path``) or as
            SQLAlchemy does.
        folder: where a relative path of SQLite starts.
        opensips: ``sqlite:///x`` means the file ``/x``, as in OpenSIPS; otherwise it means ``x``,
            as in SQLAlchemy, unless only ``/x`` is there.

    Returns:
        The URL with the driver that we use; special characters in a password are escaped.

    Raises:
        ConfigError: it is no URL, asks for a TLS domain, or for a database that we cannot read.
    """
    scheme, colon, rest = url.strip().partition("://")
    name = scheme.lower()
    if not colon or not _SCHEME.fullmatch(name):
        raise ConfigError("is no URL", hint="write mysql://user:password@host/database or the like")
    if "tls_domain=" in rest:
        raise ConfigError(
            "'tls_domain=' cannot be used here: these domains come from that database",
            hint="let the server or a local socket protect this connection",
        )
    if name == "sqlite":
        return _sqlite_url(rest, folder, opensips)
    if name not in _DIALECTS and name not in _DIALECTS.values():
        raise ConfigError(
            f"{scheme!r} is no database that can be read",
            hint="there are " + ", ".join(_DIALECTS),
        )
    dialect = _DIALECTS.get(name, name)
    return f"{dialect}://{_socket_as_parameter(_escaped_login(rest), dialect)}"


def _escaped_login(rest: str) -> str:
    """OpenSIPS takes passwords as they are, SQLAlchemy wants them escaped; both are understood."""
    place, question, query = rest.partition("?")
    if "@" in query:
        raise ConfigError(
            "cannot be told apart: there is '?' before '@'", hint="write %3F or %40 for them"
        )
    match = _HOST_URL.fullmatch(place)
    if match is None or match["user"] is None:
        return rest
    login = quote(unquote(match["user"]), safe="")
    if match["password"] is not None:
        login += ":" + quote(unquote(match["password"]), safe="")
    return f"{login}@{match['rest']}{question}{query}"


def _socket_as_parameter(rest: str, dialect: str) -> str:
    login, at, place = rest.rpartition("@")
    match = _SOCKET.fullmatch(place)
    if match is None:
        return rest
    if not dialect.startswith(("mysql", "mariadb")):
        raise ConfigError(
            "'unix(...)' stands for a socket of MySQL and MariaDB only",
            hint="write postgresql:///database?host=/run/postgresql",
        )
    if not match["path"] or "?" in match["database"]:
        raise ConfigError("names no socket", hint="write user:password@unix(/path)/database")
    path = quote(unquote(match["path"]), safe="/")
    return f"{login}{at}localhost/{match['database']}?{_SOCKET_QUERY}{path}"


def _sqlite_url(rest: str, folder: str, opensips: bool) -> str:
    path, question, _ = rest.partition("?")
    if question:
        raise ConfigError("takes no parameters after '?'")
    if not path.startswith("/"):
        raise ConfigError("names no file", hint="write sqlite:////absolute/path")
    relative = path[1:]
    if not relative:
        raise ConfigError("names no file", hint="a database in memory has no domains to read")
    inside = os.path.join(folder, relative)  # of an absolute path, the path itself
    only_absolute = os.path.exists(path) and not os.path.exists(inside)
    chosen = path if opensips or only_absolute else inside
    absolute = "/" + os.path.abspath(chosen).lstrip("/")  # POSIX lets two slashes stand
    return f"sqlite:///{absolute}"


def opensips_url(url: str) -> str:
    """Bring the URL of a database into the form of OpenSIPS, the reverse of :func:`normal_url`.

    Args:
        url: in SQLAlchemy's form.

    Returns:
        What ``db_url`` takes (manual 1.9.17), without the driver.  Characters of user and password
        that end them there are escaped; OpenSIPS undoes that since 2.4 (its ``db_id.c``).

    Raises:
        ConfigError: OpenSIPS has no such URL; the message does not show it.
    """
    scheme, _, rest = url.partition("://")
    dialect = scheme.partition("+")[0]
    if dialect in ("mysql", "mariadb"):
        rest = _socket_as_host(rest)
    if "?" in rest:
        raise ConfigError(
            "has parameters after '?', which OpenSIPS does not know", hint="leave them out"
        )
    if dialect == "sqlite":
        if not rest.startswith("//"):
            raise ConfigError("names no absolute path", hint="write sqlite:////absolute/path")
        return f"sqlite://{rest[1:]}"
    name = _OPENSIPS_NAMES.get(dialect, dialect)
    match = _HOST_URL.fullmatch(rest)
    if match is not None and match["user"] is not None:
        login = _opensips_login(match["user"], "user")
        if match["password"] is not None:
            login += ":" + _opensips_login(match["password"], "password")
        rest = f"{login}@{match['rest']}"
    if "%" in rest.rpartition("@")[2]:
        raise ConfigError(
            "has '%' in the host or the name of the database, which OpenSIPS reads as an escape",
            hint="choose another name",
        )
    return f"{name}://{rest}"


def _opensips_login(escaped: str, what: str) -> str:
    """A user or a password as ``db_id.c`` undoes it: escapes of printable ASCII, all else as is."""
    text = unquote(escaped)
    if any(character < " " or character == "\x7f" for character in text):
        raise ConfigError(
            f"has a control character in the {what}, which OpenSIPS cannot read",
            hint=f"choose another {what}",
        )
    return "".join(
        character if character in _LOGIN or not character.isascii() else f"%{ord(character):02X}"
        for character in text
    )


def _socket_as_host(rest: str) -> str:
    place, _, query = rest.partition("?")
    if not query.startswith(_SOCKET_QUERY) or "&" in query:
        return rest
    path = unquote(query.removeprefix(_SOCKET_QUERY))
    login, at, place = place.rpartition("@")
    if set("()?@") & set(path) or not path:
        return rest
    return f"{login}{at}unix({path})/{place.partition('/')[2]}"
