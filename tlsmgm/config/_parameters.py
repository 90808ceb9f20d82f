"""The parameters of ``tls_mgm``, from text to domains (manual 1.9)."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tlsmgm.config.statements import ModParam
from tlsmgm.domain import Domain, DomainDefaults, DomainKind, Origin, normalise
from tlsmgm.errors import ConfigError
from tlsmgm.filters import parse_address, split_list

__all__ = [
    "DATABASE_PARAMETERS",
    "DOMAIN_PARAMETERS",
    "ParameterReader",
    "ScriptValue",
    "number",
]

#: Parameters that take ``[domain]value``, with the field of Domain they set.
DOMAIN_PARAMETERS: Final = {
    "match_ip_address": "match_ip_address",
    "match_sip_domain": "match_sip_domain",
    "tls_method": "method",
    "verify_cert": "verify_cert",
    "require_cert": "require_cert",
    "certificate": "certificate",
    "private_key": "private_key",
    "ca_list": "ca_list",
    "ca_dir": "ca_dir",
    "crl_dir": "crl_dir",
    "crl_check_all": "crl_check_all",
    "ciphers_list": "cipher_list",
    "cipher_list": "cipher_list",
    "dh_params": "dh_params",
    "ec_curve": "ec_curve",
}

#: Parameters of the database; ``id_col`` and ``type_col`` name the columns the manual leaves out.
DATABASE_PARAMETERS: Final = frozenset(
    {
        "db_url",
        "db_table",
        "id_col",
        "type_col",
        "domain_col",
        "match_ip_address_col",
        "match_sip_domain_col",
        "tls_method_col",
        "verify_cert_col",
        "require_cert_col",
        "certificate_col",
        "private_key_col",
        "crl_check_all_col",
        "crl_dir_col",
        "ca_list_col",
        "ca_dir_col",
        "cipher_list_col",
        "ciphers_list_col",
        "dh_params_col",
        "ec_curve_col",
    }
)

_DEFINITIONS: Final[dict[str, DomainKind]] = {"server_domain": "server", "client_domain": "client"}
_AVP_NAMES: Final = frozenset({"client_tls_domain_avp", "client_sip_domain_avp"})
_KNOWN: Final = (
    DATABASE_PARAMETERS
    | _AVP_NAMES
    | DOMAIN_PARAMETERS.keys()
    | _DEFINITIONS.keys()
    | {"tls_library", "tls_handshake_timeout", "tls_send_timeout"}
)
_LIBRARIES: Final = ("auto", "none", "openssl", "wolfssl")
_NUMBER_FIELDS: Final = frozenset({"verify_cert", "require_cert", "crl_check_all"})
_PATH_FIELDS: Final = frozenset(
    {"certificate", "private_key", "ca_list", "ca_dir", "crl_dir", "dh_params"}
)
_BRACKETS = re.compile(r"\s*\[([^\]]*)\](.*)", re.DOTALL)
_AVP = re.compile(r"\$b?avp\((.*)\)")
_MAX_NUMBER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class ScriptValue:
    """A value as it was written.

    Args:
        value: the text.
        origin: where it stands.
    """

    value: str = field(repr=False)  # A database URL may hold a password.
    origin: Origin


@dataclass(slots=True)
class _Draft:
    """A domain that is still being written."""

    name: str
    kind: DomainKind
    origin: Origin
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)


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
        database: parameters of the database as written.
        value_origins: where values were written, by kind, domain and field; complete after
            :meth:`domains`.
    """

    def __init__(self, config_dir: str, warnings: list[str]) -> None:
        self.texts: dict[str, str] = {}
        self.database: dict[str, ScriptValue] = {}
        self.value_origins: dict[tuple[DomainKind, str, str], Origin] = {}
        self._config_dir = config_dir
        self._warnings = warnings
        self._drafts: dict[tuple[DomainKind, str], _Draft] = {}
        self._latest: dict[str, _Draft] = {}
        self._defaults: _Draft | None = None

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
                self._set(self._draft(name, parameter.origin), parameter, value)
            elif parameter.name in _KNOWN:
                self._add_global(parameter)
            else:
                raise _unknown("parameter", parameter.name, _KNOWN)
        except ConfigError as error:
            raise ConfigError(
                error.reason,
                origin=parameter.origin,
                domain=name,
                parameter=parameter.name,
                hint=error.hint,
            ) from None

    def _split(self, parameter: ModParam) -> tuple[str | None, str | int]:
        """Divide ``[domain]value``; a value alone has no domain."""
        value = parameter.value
        match = _BRACKETS.fullmatch(value) if isinstance(value, str) else None
        if match is None or self._is_ipv6_default(parameter.name, match):
            return None, value
        name = match[1].strip()
        if name not in self._latest:
            error = _unknown("domain", name, self._latest)
            raise ConfigError(
                error.reason, hint=error.hint or "define it above by server_domain or client_domain"
            )
        return name, match[2]

    def _is_ipv6_default(self, parameter: str, match: re.Match[str]) -> bool:
        """Whether brackets belong to an address such as ``[::1]:5061`` and name no domain."""
        if parameter != "match_ip_address" or match[1].strip() in self._latest:
            return False
        try:
            return parse_address(split_list(match[0])[0]) is not None
        except ConfigError:
            return False

    def _draft(self, name: str | None, origin: Origin) -> _Draft:
        if name is not None:
            return self._latest[name]
        if self._defaults is None:
            self._defaults = _Draft("default", "server", origin)
        return self._defaults

    def _set(self, draft: _Draft, parameter: ModParam, value: str | int) -> None:
        target = DOMAIN_PARAMETERS[parameter.name]
        stored = self._read(target, value)
        if draft.values.get(target, stored) != stored:
            self._warnings.append(
                f"{parameter.origin}: domain {draft.name!r}: parameter {parameter.name!r} is set "
                f"again; the value of {draft.origins[target]} is dropped"
            )
        draft.values[target] = stored
        draft.origins[target] = parameter.origin

    def _read(self, target: str, value: str | int) -> Any:
        if target in _NUMBER_FIELDS:
            return bool(number(value))
        text = _text(value)
        if target in _PATH_FIELDS:
            text = os.path.join(self._config_dir, text)
        return normalise(target, text)

    def _add_global(self, parameter: ModParam) -> None:
        text = _text(parameter.value)
        if parameter.name in _DEFINITIONS:
            self._define(text, _DEFINITIONS[parameter.name], parameter.origin)
        elif parameter.name == "tls_library":
            if text.lower() not in _LIBRARIES:
                raise _unknown("library", text, _LIBRARIES)
            self.texts["tls_library"] = text.lower()
        elif parameter.name in _AVP_NAMES:
            match = _AVP.fullmatch(text)
            self.texts[parameter.name] = match[1].strip() if match else text
        else:
            if parameter.name == "db_url" and "tls_domain=" in text:
                raise ConfigError(
                    "'tls_domain=' cannot be used here: these domains come from that database"
                )
            key = parameter.name.replace("ciphers_list_col", "cipher_list_col")
            self.database[key] = ScriptValue(text, parameter.origin)

    def _define(self, written: str, kind: DomainKind, origin: Origin) -> None:
        name = normalise("name", written)
        _refuse_old_form(name)
        known = self._drafts.get((kind, name))
        if known is not None:
            raise ConfigError(f"{kind} domain {name!r} is already defined at {known.origin}")
        if name in self._latest:
            self._warnings.append(
                f"{origin}: a server and a client domain are called {name!r}; "
                f"from here on [{name}] is the {kind} domain"
            )
        self._latest[name] = self._drafts[kind, name] = _Draft(name, kind, origin)

    def domains(self) -> Iterator[Domain]:
        """Yield the domains in the order of their definition.

        Returns:
            The domains; if none was defined but a value without domain was given, a server and a
            client domain called ``default``.

        Raises:
            ConfigError: a domain's values do not fit together.
        """
        shared = self._defaults or _Draft("default", "server", Origin(self._config_dir))
        drafts = list(self._drafts.values())
        if not drafts and self._defaults is not None:
            kinds: tuple[DomainKind, ...] = ("server", "client")
            drafts = [_Draft("default", kind, shared.origin) for kind in kinds]
        defaults = DomainDefaults(self._config_dir)
        for draft in drafts:
            values = defaults.values(draft.kind) | shared.values | draft.values
            for target, origin in (shared.origins | draft.origins).items():
                self.value_origins[draft.kind, draft.name, target] = origin
            yield Domain(draft.name, draft.kind, origin=draft.origin, **values)


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


def _unknown(what: str, name: str, known: Any) -> ConfigError:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else None
    return ConfigError(f"unknown {what} {name!r}", hint=hint)
