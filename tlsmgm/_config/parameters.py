"""The parameters of ``tls_mgm``, from text to domains (manual 1.9)."""

from __future__ import annotations

import re
from typing import Any, Final

from tlsmgm._backends import known_libraries
from tlsmgm._config.database_settings import DatabaseSettings, normal_url
from tlsmgm._config.model import (
    DOMAIN_PARAMETERS,
    FILTER_FIELDS,
    FLAG_FIELDS,
    NUMBER_FIELDS,
    PATH_FIELDS,
    DomainTable,
    avp_name,
)
from tlsmgm._config.statements import ModParam
from tlsmgm._domains.domain import DomainKind, Origin, normalise
from tlsmgm._domains.filters import lenient_list, parse_address, split_list
from tlsmgm._domains.parameters import COLUMN_PARAMETERS
from tlsmgm._domains.words import did_you_mean
from tlsmgm.errors import ConfigError

__all__ = ["DATABASE_PARAMETERS", "ParameterReader", "number"]

#: Parameters of the database (manual 1.9.17 to 1.9.33).
DATABASE_PARAMETERS: Final = frozenset({"db_url", "db_table", *COLUMN_PARAMETERS})

_DEFINITIONS: Final[dict[str, DomainKind]] = {"server_domain": "server", "client_domain": "client"}
_AVP_NAMES: Final = frozenset({"client_tls_domain_avp", "client_sip_domain_avp"})
_KNOWN: Final = (
    DATABASE_PARAMETERS
    | _AVP_NAMES
    | DOMAIN_PARAMETERS.keys()
    | _DEFINITIONS.keys()
    | {"tls_library", "tls_handshake_timeout", "tls_send_timeout"}
)

#: Parameters of OpenSIPS 2, with what has taken their place.
_DROPPED: Final = {
    "client_domain_avp": "OpenSIPS 3 has client_tls_domain_avp instead",
    "address_col": "OpenSIPS 3 has match_ip_address_col instead",
    "db_mode": "leave it out: db_url alone says that there is a table",
}

#: What a preprocessor should have replaced.
_UNEXPANDED: Final = re.compile(
    r"\$\{[^}]*\}?|\{\{.*?\}\}|@[A-Z][A-Z0-9_]*@|\$(?:env|ENV)\([^)]*\)?"
)

_BRACKETS = re.compile(r"\s*\[([^\]]*)\](.*)", re.DOTALL)
_MAX_NUMBER = 2**32 - 1

#: Names that are listed all where one is misspelt.
_FEW: Final = 8


def number(value: str | int) -> int:
    """Read an unsigned number.

    Args:
        value: a number, or its digits.

    Returns:
        0 to 4294967295.

    Raises:
        ConfigError: it is none, or too large.
    """
    if isinstance(value, str):
        digits = value.strip()
        if not digits:
            raise ConfigError("is empty")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
            raise ConfigError(f"must be an unsigned number, not {value!r}")
        value = int(digits)
    if not 0 <= value <= _MAX_NUMBER:
        raise ConfigError(f"must be an unsigned number, not {value}")
    return value


class ParameterReader:
    """Takes the parameters one by one and makes domains of them.

    Args:
        config_dir: directory that relative paths start from.
        warnings: where to put what looks odd.

    Attributes:
        texts: ``tls_library`` and the names of AVPs.
        defaults: values without domain, or None if there are none.
    """

    def __init__(self, config_dir: str, warnings: list[str]) -> None:
        self.texts: dict[str, str] = {}
        self.defaults: DomainTable | None = None
        self._config_dir = config_dir
        self._warnings = warnings
        self._database: dict[str, tuple[str, Origin]] = {}
        self._tables: dict[tuple[DomainKind, str], DomainTable] = {}

    def add(self, parameter: ModParam) -> None:
        """Take a parameter.

        Args:
            parameter: of the module tls_mgm.

        Raises:
            ConfigError: it is unknown, names an unknown domain, or has a bad value; the message
                says where it stands.
        """
        name: str | None = None
        try:
            if parameter.name in DOMAIN_PARAMETERS:
                name, value = self._split(parameter)
                self._set(self._table(name, parameter.origin), parameter, value)
            elif parameter.name in _KNOWN:
                self._add_global(parameter)
            elif parameter.name in _DROPPED:
                reason = f"{parameter.name!r} is a parameter of OpenSIPS 2"
                raise ConfigError(reason, hint=_DROPPED[parameter.name])
            else:
                raise _unknown("parameter", parameter.name, _KNOWN)
        except ConfigError as error:
            raise error.at(origin=parameter.origin, domain=name, parameter=parameter.name) from None

    def _split(self, parameter: ModParam) -> tuple[str | None, str | int]:
        """Divide ``[domain]value``; a value alone has no domain."""
        value = parameter.value
        match = _BRACKETS.fullmatch(value) if isinstance(value, str) else None
        if match is None or self._is_ipv6_default(parameter.name, match):
            return None, value
        name = match[1].strip()
        if self._find(name) is None:
            hint = did_you_mean(name, (one for _, one in self._tables))
            raise ConfigError(
                f"unknown domain {name!r}",
                hint=hint or "define it above by server_domain or client_domain",
            )
        return name, match[2]

    def _is_ipv6_default(self, parameter: str, match: re.Match[str]) -> bool:
        """Whether brackets belong to an address such as ``[::1]:5061`` and name no domain."""
        if parameter != "match_ip_address" or self._find(match[1].strip()) is not None:
            return False
        try:
            return parse_address(split_list(match[0])[0]) is not None
        except ConfigError:
            return False

    def _table(self, name: str | None, origin: Origin) -> DomainTable:
        found = None if name is None else self._find(name)
        if found is not None:
            return found
        if self.defaults is None:
            self.defaults = DomainTable("default", "server", origin)
        return self.defaults

    def _find(self, name: str) -> DomainTable | None:
        """The domain that ``[name]`` means here: the server domain, if there is one already."""
        return self._tables.get(("server", name)) or self._tables.get(("client", name))

    def _set(self, table: DomainTable, parameter: ModParam, value: str | int) -> None:
        target = DOMAIN_PARAMETERS[parameter.name]
        place = f"{parameter.origin}: domain {table.name!r}: parameter {parameter.name!r}"
        if target in FILTER_FIELDS:
            stored = table.values.get(target, ()) + self._filters(target, value, place)
        else:
            stored = _read(target, value)
            self._look_at(target, stored, place)
            if table.values.get(target, stored) != stored:
                self._warnings.append(
                    f"{place} is set again; the value of {table.origins[target]} is dropped"
                )
        table.values[target] = stored
        table.origins[target] = parameter.origin

    def _filters(self, target: str, value: str | int, place: str) -> tuple[str, ...]:
        """A list as the program reads it, where empty entries and text behind ``*`` do no harm."""
        text = _text(value)
        _refuse_unexpanded(text)
        entries, dropped = lenient_list(target, text)
        if dropped:
            self._warnings.append(f"{place}: {dropped}")
        stored: tuple[str, ...] = normalise(target, entries)
        return stored

    def _look_at(self, target: str, stored: Any, place: str) -> None:
        """Warn of paths that nobody has expanded; as names of files they may be meant so."""
        found = _UNEXPANDED.search(stored) if isinstance(stored, str) else None
        if found is not None and target in PATH_FIELDS:
            self._warnings.append(
                f"{place}: {found[0]} is taken as it stands; if it should have been expanded, run "
                "the preprocessor first"
            )

    def _add_global(self, parameter: ModParam) -> None:
        text = _text(parameter.value)
        if parameter.name in _DEFINITIONS:
            self._define(text, _DEFINITIONS[parameter.name], parameter.origin)
        elif parameter.name == "tls_library":
            if text.lower() not in known_libraries():
                raise _unknown("library", text, known_libraries())
            self.texts["tls_library"] = text.lower()
        elif parameter.name in _AVP_NAMES:
            self.texts[parameter.name] = _text(avp_name(text))
        else:
            self._database[parameter.name] = (text, parameter.origin)

    def _define(self, written: str, kind: DomainKind, origin: Origin) -> None:
        name = normalise("name", written)
        _refuse_old_form(name)
        _refuse_unexpanded(name)
        known = self._tables.get((kind, name))
        if known is not None:
            raise ConfigError(
                f"{kind} domain {name!r} is already defined at {known.origin}",
                hint="choose another name, or leave one of them out",
            )
        if self._find(name) is not None:
            self._warnings.append(
                f"{origin}: a server and a client domain are called {name!r}; "
                f"from here on [{name}] is the server domain"
            )
        self._tables[kind, name] = DomainTable(name, kind, origin)

    @property
    def tables(self) -> tuple[DomainTable, ...]:
        """What is written about each domain, in the order of their definition."""
        return tuple(self._tables.values())

    def database(self) -> DatabaseSettings | None:
        """Say where more domains are.

        Returns:
            The database, or None if ``db_url`` is not set.

        Raises:
            ConfigError: the URL cannot be used.
        """
        if "db_url" not in self._database:
            for name, (_, origin) in self._database.items():
                self._warnings.append(f"{origin}: {name} is of no use without db_url")
            return None
        url, origin = self._database["db_url"]
        columns = {
            COLUMN_PARAMETERS[name]: text
            for name, (text, _) in self._database.items()
            if name in COLUMN_PARAMETERS
        }
        table = self._database.get("db_table", ("tls_mgm", origin))[0]
        try:
            normal = normal_url(url, self._config_dir, opensips=True)
        except ConfigError as error:
            raise error.at(origin=origin, parameter="db_url") from None
        return DatabaseSettings(normal, table, columns, origin=origin)


def _read(target: str, value: str | int) -> Any:
    if target in FLAG_FIELDS:
        try:
            return bool(number(value))
        except ConfigError as error:
            raise ConfigError(error.reason, hint="write 0 or 1") from None
    if target in NUMBER_FIELDS:
        return normalise(target, number(value))
    return normalise(target, _text(value))


def _text(value: str | int) -> str:
    if isinstance(value, int):
        raise ConfigError(f"must be text in quotes, not the number {value}")
    text = value.strip()
    if not text:
        raise ConfigError("is empty")
    return text


def _refuse_old_form(name: str) -> None:
    """OpenSIPS 2 wrote ``name=IP:port``; as a plain name this would match every address."""
    plain, equals, address = name.partition("=")
    if not equals:
        return
    try:
        parse_address(address)
    except ConfigError:
        return
    raise ConfigError(
        f"{name!r} is the old form of a definition",
        hint=f"define {plain.strip()!r} and set match_ip_address",
    )


def _refuse_unexpanded(text: str) -> None:
    found = _UNEXPANDED.search(text)
    if found is not None:
        raise ConfigError(
            f"{found[0]} was not expanded",
            hint="run the preprocessor first (envsubst, m4 or what opensips -p names)",
        )


def _unknown(what: str, name: str, known: Any) -> ConfigError:
    hint = did_you_mean(name, known)
    if hint is None and known and len(known) <= _FEW:
        hint = f"known: {', '.join(sorted(known))}"
    return ConfigError(f"unknown {what} {name!r}", hint=hint)
