"""Reader of ``tlsmgm.toml``: one table per domain.

::

    library = "auto"                     # auto, openssl, wolfssl or none
    listen = ["tls:10.0.0.10:5061"]

    [defaults]                           # for every domain that says nothing of its own
    ca_list = "ca.pem"

    [server.atlanta]                     # or [client.NAME]
    match_sip_domain = ["atlanta.com", "*.atlanta.com"]
    certificate = "atlanta.pem"
    private_key = "atlanta.key"

    [database]
    url = "sqlite:///tls.db"

Keys of a domain are the fields of :class:`~tlsmgm.domain.Domain`; the manual's names for them
(``tls_method``, ``ciphers_list``) are understood, too.  Relative paths start at the file's folder.
Where a path may stand, PEM may stand as well.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Collection, Mapping
from typing import Any, Final

from tlsmgm.config._toml_lines import Lines
from tlsmgm.config.model import DOMAIN_PARAMETERS, LIBRARIES, Configuration, DomainTable, Socket
from tlsmgm.config.sockets import parse_socket
from tlsmgm.domain import DomainKind, Origin, normalise
from tlsmgm.errors import ConfigError
from tlsmgm.provisioning.settings import DatabaseSettings, normal_url

__all__ = ["MAX_FILE_SIZE", "read_toml", "read_toml_text"]

#: Bytes that the file may have.
MAX_FILE_SIZE: Final = 64 * 1024 * 1024

_KINDS: Final[tuple[DomainKind, ...]] = ("server", "client")
_TEXTS: Final = ("client_tls_domain_avp", "client_sip_domain_avp")
_TIMES: Final = ("handshake_timeout", "send_timeout")
_TOP: Final = ("library", "listen", *_TEXTS, *_TIMES, "defaults", *_KINDS, "database")
_DATABASE: Final = ("url", "table", "timeout", "watch", "columns")
_FIELDS: Final = {**DOMAIN_PARAMETERS, **{field: field for field in DOMAIN_PARAMETERS.values()}}


def read_toml(path: str | os.PathLike[str]) -> Configuration:
    """Read a TOML file.

    Args:
        path: of the file.

    Returns:
        What it says; no file that it names was looked at.

    Raises:
        ConfigError: it cannot be read, or a value cannot be used; the message names file, line,
            domain, parameter and reason.
    """
    name = os.fsdecode(path)
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_FILE_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read {name!r}: {reason}", origin=name) from error
    if len(data) > MAX_FILE_SIZE:
        raise ConfigError(f"is larger than {MAX_FILE_SIZE} bytes", origin=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 at byte {error.start}", origin=name) from None
    return read_toml_text(text, name)


def read_toml_text(text: str, path: str | os.PathLike[str] = "tlsmgm.toml") -> Configuration:
    """Read TOML from memory.

    Args:
        text: the TOML.
        path: where it would lie: for messages and relative paths.

    Returns:
        Like :func:`read_toml`.

    Raises:
        ConfigError: like :func:`read_toml`.
    """
    name = os.fsdecode(path)
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "is nested too deep"
        raise ConfigError(f"is no TOML: {reason}", origin=name) from None
    return _Reader(name, Lines(text)).read(content)


class _Reader:
    """Takes the content table by table."""

    def __init__(self, path: str, lines: Lines) -> None:
        self._path = path
        self._lines = lines

    def read(self, content: Mapping[str, Any]) -> Configuration:
        self._check_keys((), content, _TOP)
        defaults = content.get("defaults")
        tables = [
            self._domain((kind, name), name, kind, values)
            for kind in _KINDS
            for name, values in self._table((kind,), content.get(kind, {})).items()
        ]
        return Configuration.of_tables(
            self._path,
            None
            if defaults is None
            else self._domain(("defaults",), "default", "server", defaults),
            tables,
            sockets=self._sockets(content.get("listen", [])),
            tls_library=self._library(content.get("library")),
            database=self._database(content.get("database")),
            **{name: self._text((name,), content.get(name)) for name in _TEXTS},
            **{name: self._seconds((name,), content.get(name)) for name in _TIMES},
        )

    def _origin(self, *path: str) -> Origin:
        return Origin(self._path, self._lines.of(path))

    def _wrong(
        self, path: tuple[str, ...], reason: str, *, domain: str | None = None, hint: str | None
    ) -> ConfigError:
        return ConfigError(
            reason, origin=self._origin(*path), domain=domain, parameter=path[-1], hint=hint
        )

    def _check_keys(
        self,
        path: tuple[str, ...],
        table: Mapping[str, Any],
        known: Collection[str],
        domain: str | None = None,
    ) -> None:
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)
                raise self._wrong((*path, key), "is unknown here", domain=domain, hint=hint)

    def _table(self, path: tuple[str, ...], value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            hint = f"write [{'.'.join((*path, 'NAME') if path[0] in _KINDS else path)}]"
            raise self._wrong(path, "must be a table", hint=hint)
        return value

    def _domain(
        self, path: tuple[str, ...], written_name: str, kind: DomainKind, content: object
    ) -> DomainTable:
        table = self._table(path, content)
        shown = written_name if len(path) > 1 else None
        try:
            name = normalise("name", written_name)
        except ConfigError as error:
            raise error.at(origin=self._origin(*path), parameter=f"{kind} name") from None
        self._check_keys(path, table, _FIELDS, shown)
        made = DomainTable(name, kind, self._origin(*path))
        for key, value in table.items():
            field = _FIELDS[key]
            if field in made.values:
                hint = "it is the same parameter by another name"
                raise self._wrong((*path, key), "is set twice", domain=shown, hint=hint)
            origin = made.origins[field] = self._origin(*path, key)
            try:
                made.values[field] = normalise(field, value)
            except ConfigError as error:
                raise error.at(origin=origin, domain=shown, parameter=key) from None
        return made

    def _text(self, path: tuple[str, ...], value: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(path, f"must be text, not {value!r}", hint=None)
        return value.strip()

    def _seconds(self, path: tuple[str, ...], value: object) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e6:
            raise self._wrong(path, f"must be seconds above 0, not {value!r}", hint=None)
        return float(value)

    def _library(self, value: object) -> str | None:
        name = self._text(("library",), value)
        if name is not None and name.lower() not in LIBRARIES:
            hint = "known: " + ", ".join(LIBRARIES)
            raise self._wrong(("library",), f"unknown library {name!r}", hint=hint)
        return None if name is None else name.lower()

    def _sockets(self, value: object) -> tuple[Socket, ...]:
        entries = [value] if isinstance(value, str) else value
        if not isinstance(entries, list) or not all(isinstance(item, str) for item in entries):
            raise self._wrong(("listen",), "must be a list of texts", hint='as "tls:[::1]:5061"')
        sockets = [parse_socket(item, self._origin("listen")) for item in entries]
        return tuple(socket for socket in sockets if socket is not None)

    def _database(self, content: object) -> DatabaseSettings | None:
        if content is None:
            return None
        table = self._table(("database",), content)
        self._check_keys(("database",), table, _DATABASE)
        url = self._text(("database", "url"), table.get("url"))
        if url is None:
            raise self._wrong(("database", "url"), "is missing", hint='as "sqlite:///tls.db"')
        columns = self._table(("database", "columns"), table.get("columns", {}))
        settings = {key: table[key] for key in ("table", "timeout", "watch") if key in table}
        try:
            normal = normal_url(url, os.path.dirname(self._path))
        except ConfigError as error:
            raise error.at(origin=self._origin("database", "url"), parameter="url") from None
        try:
            return DatabaseSettings(
                normal, columns=columns, origin=self._origin("database"), **settings
            )
        except TypeError:
            raise self._wrong(("database",), "has a value of a wrong type", hint=None) from None
