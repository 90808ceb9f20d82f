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

Keys of a domain are the fields of :class:`~tlsmgm.Domain`; the manual's names for them
(``tls_method``, ``ciphers_list``) are understood, too.  Relative paths start at the file's folder.
Where the path of a file may stand, PEM may stand as well.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any, Final

from tlsmgm._backends import known_libraries
from tlsmgm._config.database_settings import COLUMNS, OUR_COLUMNS, DatabaseSettings, normal_url
from tlsmgm._config.model import (
    DOMAIN_PARAMETERS,
    FLAG_FIELDS,
    NUMBER_FIELDS,
    PEM_FIELDS,
    Configuration,
    DomainTable,
    Socket,
    avp_name,
)
from tlsmgm._config.sockets import parse_socket
from tlsmgm._config.toml_lines import Lines
from tlsmgm._domains.domain import DomainKind, Origin, normalise
from tlsmgm._domains.parameters import of_kind
from tlsmgm._domains.values import PEM_START
from tlsmgm._domains.words import did_you_mean, os_reason
from tlsmgm._material.reading import Reader, read_file
from tlsmgm.errors import ConfigError

__all__ = ["MAX_FILE_SIZE", "read_toml", "read_toml_text", "reads_as_pem"]

#: Bytes that the file may have.
MAX_FILE_SIZE: Final = 64 * 1024 * 1024

_KINDS: Final[tuple[DomainKind, ...]] = ("server", "client")
_AVPS: Final = ("client_tls_domain_avp", "client_sip_domain_avp")
_TIMES: Final = ("handshake_timeout", "send_timeout")
_TOP: Final = ("library", "listen", *_AVPS, *_TIMES, "defaults", *_KINDS, "database")
_DATABASE: Final = ("url", "table", "timeout", "watch", "columns")
_FIELDS: Final = {**DOMAIN_PARAMETERS, **{field: field for field in DOMAIN_PARAMETERS.values()}}
_LIST_FIELDS: Final = frozenset(of_kind("filters", "list"))
_PEM_START: Final = PEM_START.decode()

_PLACE = re.compile(r"(?P<reason>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)


def read_toml(path: str | os.PathLike[str], reader: Reader | None = None) -> Configuration:
    """Read a TOML file.

    Args:
        path: of the file.
        reader: of the load; None: it is read for itself.

    Returns:
        What it says; no file that it names was looked at.

    Raises:
        ConfigError: it cannot be read, or a value cannot be used; the message names file, line,
            domain, parameter and reason.
    """
    name = os.fsdecode(path)
    try:
        data = read_file(name, MAX_FILE_SIZE, reader)
    except ConfigError as error:
        raise error.at(origin=name) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {name!r}: {os_reason(error)}", origin=name) from error
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
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(str(error), name) from None
    except RecursionError:
        raise ConfigError("is nested too deep", origin=name) from None
    except ValueError:  # of int(), which refuses thousands of digits
        raise ConfigError("holds a number that is too long", origin=name) from None
    return _Reader(name, Lines(text)).read(content)


def _no_toml(complaint: str, path: str) -> ConfigError:
    match = _PLACE.fullmatch(complaint)
    if match is None:
        return ConfigError(f"is no TOML: {complaint}", origin=path)
    origin = Origin(path, int(match["line"]))
    return ConfigError(f"is no TOML: {match['reason']} in column {match['column']}", origin=origin)


def reads_as_pem(text: str) -> bool:
    """Say whether a text that may be a path is PEM.

    Args:
        text: a value.

    Returns:
        True if it begins as PEM does, or has such a beginning somewhere below its first line:
        programs put comments before it.
    """
    return text.lstrip().startswith(_PEM_START) or ("\n" in text and _PEM_START in text)


class _Reader:
    """Takes the content table by table."""

    def __init__(self, path: str, lines: Lines) -> None:
        self._path = path
        self._lines = lines

    def read(self, content: Mapping[str, Any]) -> Configuration:
        self._check_keys((), content, _TOP)
        defaults = content.get("defaults")
        tables: dict[tuple[DomainKind, str], DomainTable] = {}
        for kind in _KINDS:
            for name, values in self._table((kind,), content.get(kind, {})).items():
                self._add(self._domain((kind, name), name, kind, values), tables)
        return Configuration.of_tables(
            self._path,
            None
            if defaults is None
            else self._domain(("defaults",), "default", "server", defaults),
            tuple(tables.values()),
            sockets=self._sockets(content.get("listen", [])),
            tls_library=self._library(content.get("library")),
            database=self._database(content.get("database")),
            **{name: self._avp(name, content.get(name)) for name in _AVPS},
            **{name: self._seconds((name,), content.get(name)) for name in _TIMES},
        )

    def _add(self, table: DomainTable, tables: dict[tuple[DomainKind, str], DomainTable]) -> None:
        """Keys that differ only in blanks around them make the same name."""
        other = tables.setdefault((table.kind, table.name), table)
        if other is not table:
            reason = f"{table.kind} domain {table.name!r} is already defined at {other.origin}"
            raise ConfigError(reason, origin=table.origin)

    def _origin(self, *path: str) -> Origin:
        return Origin(self._path, self._lines.of(path))

    def _wrong(
        self,
        path: tuple[str, ...],
        reason: str,
        *,
        domain: str | None = None,
        hint: str | None = None,
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
                longer = [name for name in known if len(key) > 2 and name.startswith(key)]
                hint = did_you_mean(key, known) or did_you_mean(key, longer[:1], cutoff=0.0)
                hint = hint or "known: " + ", ".join(known)
                if not path and key in _FIELDS:
                    hint = "write it below [server.NAME], [client.NAME] or [defaults]"
                raise self._wrong((*path, key), "is unknown here", domain=domain, hint=hint)

    def _table(self, path: tuple[str, ...], value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            header = f"{path[0]}.NAME" if path[0] in _KINDS else ".".join(path)
            reason = f"must be a table, not {_type_of(value)}"
            raise self._wrong(path, reason, hint=f"write [{header}]")
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
                made.values[field] = _field_value(field, value)
            except ConfigError as error:
                raise error.at(origin=origin, domain=shown, parameter=key) from None
        return made

    def _text(self, path: tuple[str, ...], value: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(path, f"must be text, not {_type_of(value)}")
        if not value.strip():
            raise self._wrong(path, "is empty")
        return value.strip()

    def _avp(self, name: str, value: object) -> str | None:
        """The name of an AVP, which may be written as scripts refer to it, too."""
        text = self._text((name,), value)
        return None if text is None else self._text((name,), avp_name(text))

    def _number(self, path: tuple[str, ...], value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(path, f"must be a number of seconds, not {_type_of(value)}")
        return value

    def _seconds(self, path: tuple[str, ...], value: object) -> float | None:
        if value is None:
            return None
        number = self._number(path, value)
        if not 0 < number < 1e6:
            raise self._wrong(path, "must be seconds above 0 and below 1000000")
        return float(number)

    def _library(self, value: object) -> str | None:
        name = self._text(("library",), value)
        if name is not None and name.lower() not in known_libraries():
            hint = "known: " + ", ".join(known_libraries())
            raise self._wrong(("library",), f"unknown library {name!r}", hint=hint)
        return None if name is None else name.lower()

    def _sockets(self, value: object) -> tuple[Socket, ...]:
        entries = [value] if isinstance(value, str) else value
        if not isinstance(entries, list) or not all(isinstance(item, str) for item in entries):
            raise self._wrong(("listen",), "must be a list of texts", hint='as "tls:[::1]:5061"')
        return tuple(map(self._socket, entries))

    def _socket(self, text: str) -> Socket:
        origin = self._origin("listen")
        try:
            socket = parse_socket(text.strip(), origin)
        except ConfigError as error:
            raise error.at(parameter="listen") from None
        if socket is None:
            hint = "write tls:10.0.0.10:5061"
            raise self._wrong(("listen",), f"bad socket {text!r}", hint=hint)
        return socket

    def _database(self, content: object) -> DatabaseSettings | None:
        if content is None:
            return None
        table = self._table(("database",), content)
        self._check_keys(("database",), table, _DATABASE)
        url = self._text(("database", "url"), table.get("url"))
        if url is None:
            raise self._wrong(("database", "url"), "is missing", hint='as "sqlite:///tls.db"')
        try:
            normal = normal_url(url, os.path.dirname(self._path))
        except ConfigError as error:
            raise error.at(origin=self._origin("database", "url"), parameter="url") from None
        settings = self._database_settings(table)
        try:
            return DatabaseSettings(normal, origin=self._origin("database"), **settings)
        except ConfigError as error:
            raise error.at(origin=self._origin("database", error.parameter or "url")) from None

    def _database_settings(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that are written, of the right types."""
        settings = {key: table[key] for key in ("table", "timeout", "watch") if key in table}
        if "table" in settings:
            settings["table"] = self._text(("database", "table"), settings["table"])
        if "timeout" in settings:
            self._number(("database", "timeout"), settings["timeout"])
        if "watch" in settings and not isinstance(settings["watch"], str):
            self._number(("database", "watch"), settings["watch"])
        path = ("database", "columns")
        columns = self._table(path, table.get("columns", {}))
        self._check_keys(path, columns, COLUMNS + OUR_COLUMNS)
        return settings | {
            "columns": {key: self._text((*path, key), name) for key, name in columns.items()}
        }


def _field_value(field: str, value: object) -> Any:
    """A value in Domain's stored form.  No message shows it before its type is right."""
    if field in _LIST_FIELDS:
        if isinstance(value, str):
            return normalise(field, value)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError("must be text or a list of texts")
    elif field in FLAG_FIELDS:
        if not isinstance(value, int) or value not in (0, 1):
            raise ConfigError("must be true or false")
    elif field in NUMBER_FIELDS:
        if not isinstance(value, int):
            raise ConfigError(f"must be a number, not {_type_of(value)}")
    elif not isinstance(value, str):
        raise ConfigError(f"must be text, not {_type_of(value)}")
    elif field in PEM_FIELDS and reads_as_pem(value):
        return normalise(field, value.encode("utf-8"))
    return normalise(field, value)


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")
