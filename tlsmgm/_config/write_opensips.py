"""Writer of OpenSIPS scripts; :mod:`tlsmgm._config.opensips` reads them.

What stands in a script: sockets, the modules for them, and all parameters of ``tls_mgm`` (manual
1.9).  There are no routes in it; what remains to be done is said in its first lines.  A parameter
that OpenSIPS refuses has a comment that says so.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

from tlsmgm._config.database_settings import (
    DEFAULT_TABLE,
    DEFAULT_TIMEOUT,
    OUR_COLUMNS,
    DatabaseSettings,
    opensips_url,
)
from tlsmgm._config.lexer import quote
from tlsmgm._config.model import (
    DOMAIN_PARAMETERS,
    OUR_PARAMETERS,
    PATH_FIELDS,
    Configuration,
    DomainTable,
    Socket,
)
from tlsmgm._config.tables import TO_FILE, socket_text, written_tables, written_values
from tlsmgm._domains.filters import ANY, is_ip, parse_address, split_list
from tlsmgm._domains.parameters import COLUMN_PARAMETERS, of_kind
from tlsmgm._material.keylog import FROM_ENVIRONMENT
from tlsmgm.errors import ConfigError

__all__ = [
    "DATABASE_NOTES",
    "DEFAULTS_NOTE",
    "OURS_NOTE",
    "PATHS_NOTE",
    "SCRIPT_HEAD",
    "write_script",
]

#: The first line of what is written.
SCRIPT_HEAD: Final = (
    "# TLS domains for OpenSIPS and tlsmgm. Routes and other modules are not in here."
)

#: The second line, if it is so.  OpenSIPS starts relative paths in its working directory, which is
#: ``/`` when it runs as a daemon.
PATHS_NOTE: Final = (
    "# Paths are relative to this file: start OpenSIPS in its folder (opensips -w FOLDER), or make"
    " them absolute."
)

#: Stands above ``db_url``.  The line is not written by itself: OpenSIPS does not start where a
#: module is loaded twice, and those who have a database often use it for more.
DATABASE_NOTES: Final = {
    scheme: f'# OpenSIPS needs loadmodule "db_{scheme}.so" before this, which is not in here.'
    for scheme in ("mysql", "postgres", "sqlite")
}

#: Stands above values without domain.
DEFAULTS_NOTE: Final = (
    "# For all domains. OpenSIPS refuses these: it wants each of them as [domain]value."
)

#: Stands above each parameter that only tlsmgm knows.
OURS_NOTE: Final = "# OpenSIPS refuses this one, which is a parameter of tlsmgm alone."

#: The manual's names; of two for one field the first.
_PARAMETERS: Final = {field: name for name, field in reversed(DOMAIN_PARAMETERS.items())}
_OURS: Final = frozenset(OUR_PARAMETERS)
_COLUMNS: Final = {column: name for name, column in reversed(COLUMN_PARAMETERS.items())}

#: Columns that OpenSIPS cannot be told the names of.
_OUR_COLUMN_NAMES: Final = ("id", "type", *OUR_COLUMNS)
_LIBRARY_MODULES: Final = ("tls_openssl", "tls_wolfssl")
_PROTOCOL_MODULES: Final = {
    "hep_udp": "proto_hep",
    "hep_tcp": "proto_hep",
    "hep_tls": "proto_hep",
    "msrps": "proto_msrp",
}
_KINDS: Final = ("client", "server")
_HOST: Final = re.compile(r"[\w.*:%-]+")
#: An interface; other names may hold words of the language, or begin with digits.
_PLAIN_HOST: Final = re.compile(r"[A-Za-z]+[0-9]+")
_SECRETS: Final = frozenset(of_kind("secret"))


def write_script(configuration: Configuration) -> str:
    """Write a configuration as an OpenSIPS script.

    Args:
        configuration: of any language; its tables are written, not its domains, which have the
            defaults filled in.  Where it leaves the TLS library open, OpenSSL is loaded.

    Returns:
        The text; paths that are not UTF-8 have surrogates in it, as the reader makes them.

    Raises:
        ConfigError: a script cannot say a value, such as PEM in memory; the message names domain,
            parameter and what to do.
    """
    blocks = [
        [SCRIPT_HEAD, PATHS_NOTE] if _has_relative_paths(configuration) else [SCRIPT_HEAD],
        [f"socket={_socket(socket)}" for socket in configuration.sockets],
        [f'loadmodule "{name}.so"' for name in _modules(configuration)],
        _settings(configuration),
        [] if configuration.database is None else _database(configuration.database),
    ]
    if configuration.defaults is not None and configuration.defaults.values:
        blocks.append([DEFAULTS_NOTE, *_values(configuration.defaults, None)])
    for table in _in_order(written_tables(configuration)):
        definition = _parameter(f"{table.kind}_domain", _name(table.name))
        blocks.append([definition, *_values(table, table.name)])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _has_relative_paths(configuration: Configuration) -> bool:
    tables = [*written_tables(configuration), *filter(None, [configuration.defaults])]
    return any(
        isinstance(value, str) and not os.path.isabs(value) and value != FROM_ENVIRONMENT
        for table in tables
        for field, value in table.values.items()
        if field in PATH_FIELDS
    )


def _in_order(tables: tuple[DomainTable, ...]) -> list[DomainTable]:
    """Client domains first where one is called like a server domain, which takes the name over."""
    kinds = {kind: {table.name for table in tables if table.kind == kind} for kind in _KINDS}
    if kinds["client"].isdisjoint(kinds["server"]):
        return list(tables)
    return sorted(tables, key=lambda table: _KINDS.index(table.kind))


def _socket(socket: Socket) -> str:
    if socket.protocol == "any":
        raise ConfigError(
            f"{socket_text(socket)!r} names no protocol, and OpenSIPS does not start with it",
            origin=socket.origin,
            parameter="socket",
            hint="name one, as in tls:10.0.0.10:5061, or leave the socket out",
        )
    if not _HOST.fullmatch(socket.host):
        reason = f"host {socket.host!r} cannot stand in a script"
        raise ConfigError(reason, origin=socket.origin, parameter="socket", hint="choose another")
    if ":" in socket.host and "%" in socket.host:
        raise ConfigError(
            f"{socket.host!r} has a zone, which OpenSIPS does not know",
            origin=socket.origin,
            parameter="socket",
            hint="name the interface instead",
        )
    if socket.host == ANY or _PLAIN_HOST.fullmatch(socket.host) or is_ip(socket.host):
        return socket_text(socket)
    return f"{socket.protocol}:{quote(socket.host)}:{socket.port}"


def _modules(configuration: Configuration) -> list[str]:
    """Modules to load: for the sockets, for the library, and tls_mgm itself."""
    modules = [
        _PROTOCOL_MODULES.get(socket.protocol, f"proto_{socket.protocol}")
        for socket in configuration.sockets
        if socket.protocol != "any"
    ]
    if configuration.handshake_timeout is not None or configuration.send_timeout is not None:
        modules.append("proto_tls")
    return list(dict.fromkeys([*modules, *_libraries(configuration), "tls_mgm"]))


def _libraries(configuration: Configuration) -> list[str]:
    loaded = configuration.loaded_modules
    if loaded is not None:
        return [name for name in _LIBRARY_MODULES if name in loaded]
    library = configuration.tls_library or "auto"
    if library == "none":
        return []
    return ["tls_wolfssl" if library == "wolfssl" else "tls_openssl"]


def _settings(configuration: Configuration) -> list[str]:
    lines = []
    for name, seconds in (
        ("tls_handshake_timeout", configuration.handshake_timeout),
        ("tls_send_timeout", configuration.send_timeout),
    ):
        if seconds is not None:
            lines.append(_parameter(name, _milliseconds(name, seconds), module="proto_tls"))
    texts = {
        "tls_library": configuration.tls_library,
        "client_tls_domain_avp": configuration.client_tls_domain_avp,
        "client_sip_domain_avp": configuration.client_sip_domain_avp,
    }
    return lines + [_parameter(name, text) for name, text in texts.items() if text is not None]


def _milliseconds(name: str, seconds: float) -> int:
    milliseconds = round(seconds * 1000)
    if milliseconds / 1000 != seconds:
        reason = f"{seconds!r} seconds are no whole number of milliseconds, as a script has them"
        raise ConfigError(reason, parameter=name)
    return milliseconds


def _database(database: DatabaseSettings) -> list[str]:
    for name, value, default in (
        ("watch", database.watch, None),
        ("timeout", database.timeout, DEFAULT_TIMEOUT),
    ):
        if value != default:
            raise ConfigError(
                f"{name!r} of the database cannot be said in a script",
                origin=database.origin,
                parameter=name,
                hint="leave it out, or stay with TOML",
            )
    try:
        url = opensips_url(database.url)
    except ConfigError as error:
        raise error.at(origin=database.origin, parameter="url") from None
    lines = [DATABASE_NOTES[url.partition(":")[0]], _parameter("db_url", url)]
    if database.table != DEFAULT_TABLE:
        lines.append(_parameter("db_table", database.table))
    for column, name in database.columns.items():
        if column in _OUR_COLUMN_NAMES:
            lines.append(OURS_NOTE)
        lines.append(_parameter(_COLUMNS[column], name))
    return lines


def _name(name: str) -> str:
    if "]" in name:
        reason = "']' in a name cannot be said in a script, where names stand in brackets"
        raise ConfigError(reason, domain=name, parameter="name", hint="choose another name")
    if "=" in name and _is_address(name.partition("=")[2]):
        reason = "would be read as OpenSIPS 2 wrote definitions"
        raise ConfigError(reason, domain=name, parameter="name", hint="choose another name")
    return name


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except ConfigError:
        return False
    return True


def _values(table: DomainTable, domain: str | None) -> list[str]:
    lines = []
    for field, value in written_values(table).items():
        name = _PARAMETERS[field]
        try:
            texts = _texts(field, value)
            if domain is None:
                for text in texts:
                    _check_without_domain(field, text)
        except ConfigError as error:
            origin = table.origins.get(field)
            raise error.at(origin=origin, domain=domain, parameter=name) from None
        if field in _OURS:
            lines.append(OURS_NOTE)
        lines += [
            _parameter(name, text if domain is None else f"[{domain}]{text}") for text in texts
        ]
    return lines


def _texts(field: str, value: Any) -> list[str]:
    """Values of one parameter, which add up where there are several."""
    if field == "match_ip_address" and len(value) > 1 and value[0] == ANY:
        return list(value)  # What stands behind "*" in one value does not count.
    return [_text(field, value)]


def _text(field: str, value: Any) -> str:
    """A value as it stands behind ``[domain]``."""
    if isinstance(value, int):  # flags, too
        return str(int(value))
    if isinstance(value, tuple):
        return _list(value)
    if isinstance(value, bytes):
        if field not in _SECRETS:
            raise ConfigError("is PEM, which a script has in files only", hint=TO_FILE)
        value = value.decode("utf-8", "surrogateescape")
    text: str = value
    if text != text.strip() or not text:
        what = "blanks at its ends" if text else "nothing"
        raise ConfigError(f"has {what}, which a script cannot say", hint="choose another one")
    return text


def _list(values: tuple[str, ...]) -> str:
    if not values:
        raise ConfigError("is empty, which a script cannot say", hint="leave it out")
    text = ", ".join(values)
    try:
        same = split_list(text) == values
    except ConfigError:
        same = False
    if not same:
        reason = "has an entry with a comma or with blanks at its ends, which a script cannot say"
        raise ConfigError(reason, hint="choose another one")
    return text


def _check_without_domain(field: str, text: str) -> None:
    """Brackets at the beginning are a domain's name, except where an address begins so."""
    if field != "match_ip_address" and text.startswith("[") and "]" in text:
        reason = "begins with brackets, which in a script name a domain"
        raise ConfigError(reason, hint="set it in each domain instead of as a default")


def _parameter(name: str, value: str | int, *, module: str = "tls_mgm") -> str:
    written = value if isinstance(value, int) else quote(value)
    return f'modparam("{module}", "{name}", {written})'
