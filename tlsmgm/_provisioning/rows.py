"""From a row of the table to a domain, and back (manual 1.5).

NULL and an empty value mean the default.  Certificates, keys, CAs and DH parameters are PEM in the
row itself, of any length and with whole chains; they are never taken for paths.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from typing import Any, Final

from tlsmgm._config.database_settings import COLUMNS, OUR_COLUMNS, DatabaseSettings
from tlsmgm._config.model import FILTER_FIELDS, FLAG_FIELDS, NUMBER_FIELDS, PATH_FIELDS
from tlsmgm._core.pem import split
from tlsmgm._domains.domain import Domain, DomainKind, Origin, Source, normalise
from tlsmgm._domains.filters import lenient_list
from tlsmgm._domains.parameters import of_kind
from tlsmgm._material.reading import Reader
from tlsmgm._provisioning.loaded import RowFailure
from tlsmgm._provisioning.schema import BLOBS, MAX_TEXT
from tlsmgm.errors import ConfigError

__all__ = ["KINDS", "domain_of_row", "row_of_domain"]

#: What the column ``type`` says.
KINDS: Final[dict[int, DomainKind]] = {1: "client", 2: "server"}

_TYPES: Final = {kind: number for number, kind in KINDS.items()}
_CERTIFICATES: Final = frozenset(of_kind("certificates"))
_VALUES: Final = tuple(name for name in COLUMNS if name not in ("id", "domain", "type"))

#: Fields of Domain that have no column, unless the table has one of ours.
_WITHOUT_COLUMN: Final = tuple(
    item.name
    for item in dataclasses.fields(Domain)
    if item.name not in (*COLUMNS, "name", "kind", "origin")
)


def domain_of_row(
    row: Mapping[str, Any], settings: DatabaseSettings, defaults: Mapping[str, Mapping[str, Any]]
) -> Domain | RowFailure:
    """Make a domain of a row.

    Args:
        row: values by the columns' usual names.
        settings: the table.
        defaults: fields of Domain by kind, for columns that say nothing.

    Returns:
        The domain, or why there is none: the error names row, domain and column.
    """
    origin = Origin(f"{settings.table} row {row['id']}")
    name: str | None = None
    kind: DomainKind | None = None
    column = "domain"
    try:
        name = normalise("name", _as_text(row["domain"]))
        column = "type"
        kind = _kind(row["type"])
        values: dict[str, Any] = dict(defaults[kind])
        for column in (*_VALUES, *(name for name in OUR_COLUMNS if name in row)):
            value = _value(column, row[column])
            if value is not None:
                values[column] = value
        return Domain(name, kind, origin=origin, **values)
    except ConfigError as error:
        problem = error
    except Exception as error:  # whatever a value is, it costs its row and nothing else
        problem = ConfigError(f"cannot be used ({type(error).__name__})")
    parameter = problem.parameter or column
    called = settings.columns.get(parameter, parameter)
    hint = problem.hint
    if parameter in BLOBS and problem.reason.startswith("is not PEM"):
        hint = "the column holds the PEM itself, never a path"
    placed = problem.at(origin=origin, domain=name, parameter=parameter, column=called, hint=hint)
    key = None if name is None or kind is None else (kind, name)
    return RowFailure(placed, origin, key, name)


def _kind(value: object) -> DomainKind:
    number = None if value is None else _number(value)
    if number not in KINDS:
        raise ConfigError(f"must be 1 (client) or 2 (server), not {_shown(value)}")
    return KINDS[number]


def _value(column: str, value: object) -> Any:
    """The value in a type that Domain takes; None for what says nothing."""
    if value is None:
        return None
    if column in FLAG_FIELDS:
        return None if value in ("", b"") else bool(_number(value))
    if column in NUMBER_FIELDS:
        return None if value in ("", b"") else _number(value)
    if column in BLOBS:
        pem = _as_bytes(value).rstrip(b"\0")  # some tools store the end of C strings, too
        return pem if pem.strip() else None
    text = _as_text(value).strip()
    if text and column in FILTER_FIELDS:
        return lenient_list(column, text)[0]
    return text or None


def _number(value: object) -> int:
    """A whole number; MySQL's BIT comes as bytes, and other tools write digits."""
    if value in (b"\0", b"\1"):
        return value[0]
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"must be a number, not {_shown(value)}") from None
    if number < 0 or (not isinstance(value, (str, bytes)) and number != value):
        raise ConfigError(f"must be an unsigned number, not {_shown(value)}")
    return int(number)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigError("is not UTF-8") from None
    raise ConfigError(f"must be text, not {type(value).__name__}")


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise ConfigError(f"must be PEM, not {type(value).__name__}")


def _shown(value: object) -> str:
    """A value for a message; keys may stand in any column by mistake."""
    text = repr(value)
    return text if len(text) <= 30 else f"{type(value).__name__} of {len(text)} characters"


def row_of_domain(domain: Domain, ours: Collection[str] = (), *, reader: Reader) -> dict[str, Any]:
    """Make a row of a domain; files are read, so that the row holds their content.

    Args:
        domain: the domain.
        ours: which of the columns that OpenSIPS does not know are in the table.
        reader: reads the files.

    Returns:
        Values by the columns' usual names, without ``id``.

    Raises:
        ConfigError: a value has no column or does not fit into it, or a file cannot be read, or
            what it holds cannot be decoded.
    """
    plain = Domain(domain.name, domain.kind)
    for field in _WITHOUT_COLUMN:
        if field not in ours and getattr(domain, field) != getattr(plain, field):
            hint = "leave it out, or keep this domain in a file"
            if field in OUR_COLUMNS:
                hint = (
                    f"add a column {field!r}, of {'numbers' if field in NUMBER_FIELDS else 'text'}"
                )
            raise _refusal(domain, field, "has no column in the table", hint)
    row: dict[str, Any] = {"domain": domain.name, "type": _TYPES[domain.kind]}
    for column in (*_VALUES, *ours):
        value = getattr(domain, column)
        if column in BLOBS:
            row[column] = _content(domain, column, value, reader)
        elif column in FLAG_FIELDS:
            row[column] = int(value)
        elif column in PATH_FIELDS and value is not None:
            row[column] = os.path.abspath(value)  # a row has no folder to start from
        else:
            row[column] = ",".join(value) if isinstance(value, tuple) else value
    for column, value in row.items():
        longest = MAX_TEXT.get(column, 255)
        if isinstance(value, str) and len(value) > longest:
            reason = f"has {len(value)} characters, and its column takes {longest}"
            raise _refusal(domain, column, reason)
    return row


def _refusal(domain: Domain, parameter: str, reason: str, hint: str | None = None) -> ConfigError:
    return ConfigError(
        reason, origin=domain.origin, domain=domain.name, parameter=parameter, hint=hint
    )


def _content(domain: Domain, parameter: str, source: Source | None, reader: Reader) -> bytes | None:
    """PEM that everybody who reads the table can take apart; what is broken stays outside."""
    if source is None:
        return None
    name = source if isinstance(source, str) else None
    try:
        content = source if isinstance(source, bytes) else bytes(reader.file(source))
        items = split(content, name)
        if parameter in _CERTIFICATES and not any(item.is_certificate for item in items):
            raise ConfigError(f"no PEM certificate in {name or 'the value'}")
        return bytes(normalise(parameter, content))
    except ConfigError as error:
        reason = error.reason if name is None or name in error.reason else f"{name} {error.reason}"
        raise _refusal(domain, parameter, reason) from None
