"""Writer of ``tlsmgm.toml``; :mod:`tlsmgm._config.toml` reads it.

Only what is written in the tables of a configuration is written again, so that defaults stay
defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tlsmgm._config.database_settings import DEFAULT_TABLE, DEFAULT_TIMEOUT, DatabaseSettings
from tlsmgm._config.model import Configuration, DomainTable
from tlsmgm._config.tables import TO_FILE, socket_text, written_tables, written_values
from tlsmgm._config.toml import reads_as_pem
from tlsmgm._domains.parameters import of_kind
from tlsmgm.errors import ConfigError

__all__ = ["TOML_HEAD", "toml_library", "toml_string", "toml_value", "write_toml"]

#: The first line of what is written.
TOML_HEAD: Final = "# TLS domains of tlsmgm: one table per domain, paths from this file's folder."

#: Columns that a list may take before it is spread over lines.
_WIDTH: Final = 100

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES: Final = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"}
_SECRETS: Final = frozenset(of_kind("secret"))


def write_toml(configuration: Configuration) -> str:
    """Write a configuration as TOML.

    Args:
        configuration: of any language; its tables are written, not its domains, which have the
            defaults filled in.

    Returns:
        The text; keys and passwords stand in it as they stand in the configuration.

    Raises:
        ConfigError: TOML cannot say a value, such as a path that is not UTF-8; the message names
            domain and parameter.
    """
    blocks = [[TOML_HEAD], _settings(configuration)]
    if configuration.defaults is not None and configuration.defaults.values:
        blocks.append(["[defaults]", *_values(configuration.defaults, None)])
    for kind in ("server", "client"):
        for table in written_tables(configuration):
            if table.kind == kind:
                header = f"[{kind}.{_key(table.name)}]"
                blocks.append([header, *_values(table, table.name)])
    if configuration.database is not None:
        blocks.append(_database(configuration.database))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def toml_library(configuration: Configuration) -> str | None:
    """Say which library TOML names for a configuration.

    Args:
        configuration: of any language.

    Returns:
        What ``library`` is to be, None if nothing: of a script the library that it comes to, or
        what it asks for where that comes to none.
    """
    if configuration.loaded_modules is None:
        return configuration.tls_library
    try:
        return configuration.resolve_library()
    except ConfigError:
        return configuration.tls_library or "auto"


def toml_string(text: str) -> str:
    """Write a text in double quotes.

    Args:
        text: any text of Unicode characters.

    Returns:
        The text with escapes for what cannot be printed.

    Raises:
        ConfigError: it holds bytes that are not UTF-8 (as surrogates).
    """
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    if char in _ESCAPES:
        return _ESCAPES[char]
    number = ord(char)
    if 0xD800 <= number <= 0xDFFF:
        raise ConfigError("is not UTF-8, which TOML must be", hint="use another name")
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_string(name)


def _settings(configuration: Configuration) -> list[str]:
    """What stands above all tables."""
    values: dict[str, Any] = {
        "library": toml_library(configuration),
        "listen": list(map(socket_text, configuration.sockets)) or None,
        "client_tls_domain_avp": configuration.client_tls_domain_avp,
        "client_sip_domain_avp": configuration.client_sip_domain_avp,
        "handshake_timeout": configuration.handshake_timeout,
        "send_timeout": configuration.send_timeout,
    }
    return _lines(values, None)


def _values(table: DomainTable, domain: str | None) -> list[str]:
    return _lines(written_values(table), domain)


def _lines(values: Mapping[str, Any], domain: str | None) -> list[str]:
    lines = []
    for name, value in values.items():
        if value is None:
            continue
        try:
            lines.append(f"{_key(name)} = {toml_value(name, value)}")
        except ConfigError as error:
            raise error.at(domain=domain, parameter=name) from None
    return lines


def toml_value(name: str, value: Any) -> str:
    """Write a value.

    Args:
        name: its key.
        value: in the form in which a domain stores it.

    Returns:
        The text behind ``=``.

    Raises:
        ConfigError: TOML cannot say it.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, bytes):
        return _text_of_bytes(name, value)
    if isinstance(value, str):
        if reads_as_pem(value):
            raise ConfigError("is a path that would be read as PEM", hint="rename the file")
        return toml_string(value)
    return _list(name, value)


def _list(name: str, values: Iterable[str]) -> str:
    items = list(map(toml_string, values))
    line = f"[{', '.join(items)}]"
    if len(f"{name} = {line}") <= _WIDTH:
        return line
    return "\n".join(["[", *(f"    {item}," for item in items), "]"])


def _text_of_bytes(name: str, value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        hint = "use another one" if name in _SECRETS else TO_FILE
        raise ConfigError("is not UTF-8, which TOML must be", hint=hint) from None
    if name in _SECRETS:
        return toml_string(text)
    if not reads_as_pem(text):
        raise ConfigError("is PEM that TOML would take for a path", hint=TO_FILE)
    body = "".join(char if char == "\n" else _escaped(char) for char in text)
    return f'"""\n{body}"""'


def _database(database: DatabaseSettings) -> list[str]:
    values = {
        "url": database.url,
        "table": None if database.table == DEFAULT_TABLE else database.table,
        "timeout": None if database.timeout == DEFAULT_TIMEOUT else database.timeout,
        "watch": database.watch,
    }
    lines = ["[database]", *_lines(values, None)]
    if database.columns:
        lines += ["", "[database.columns]", *_lines(database.columns, None)]
    return lines
