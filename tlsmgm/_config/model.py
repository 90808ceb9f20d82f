"""What a configuration says, whatever language it is written in.

A reader (OpenSIPS script, TOML) fills :class:`DomainTable` objects, one per domain and one for the
defaults of all; :meth:`Configuration.of_tables` turns them into domains.  The tables stay in the
configuration, so that a writer can tell a value from a default.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm._domains.defaults import DomainDefaults
from tlsmgm._domains.domain import Domain, DomainKind, Origin
from tlsmgm._domains.parameters import FIELD_PARAMETERS, PARAMETERS, PATHS, PEM, of_kind
from tlsmgm._material.keylog import FROM_ENVIRONMENT
from tlsmgm.errors import ConfigError

__all__ = [
    "DOMAIN_PARAMETERS",
    "FILTER_FIELDS",
    "FLAG_FIELDS",
    "NUMBER_FIELDS",
    "OUR_PARAMETERS",
    "PATH_FIELDS",
    "PEM_FIELDS",
    "TLS_PROTOCOLS",
    "Configuration",
    "DomainTable",
    "Socket",
    "avp_name",
    "in_folder",
]

#: Parameters of a domain that are ours: OpenSIPS has nothing of the kind.
OUR_PARAMETERS: Final = tuple(item.field for item in PARAMETERS if item.ours)

#: Parameters of a domain by the manual's names (1.9), with the field of Domain they set.
DOMAIN_PARAMETERS: Final = FIELD_PARAMETERS

#: Fields of Domain that are lists of what it is for, of which several make one together.
FILTER_FIELDS: Final = frozenset(of_kind("filters"))

#: Fields of Domain that are true or false.
FLAG_FIELDS: Final = frozenset(of_kind("flag"))

#: Fields of Domain that are numbers.
NUMBER_FIELDS: Final = frozenset(of_kind("number"))

#: Fields of Domain that are paths of PEM files, or the PEM itself.
PEM_FIELDS: Final = frozenset(of_kind(*PEM))

#: Fields of Domain that may be paths, which are relative to the configuration's folder.
PATH_FIELDS: Final = frozenset(of_kind(*PATHS))

#: Protocols of sockets that speak TLS.
TLS_PROTOCOLS: Final = frozenset({"tls", "wss", "hep_tls", "bins", "msrps"})

_AVP: Final = re.compile(r"\$b?avp\((.*)\)")
_LIBRARY_MODULES: Final = {"openssl": "tls_openssl", "wolfssl": "tls_wolfssl"}


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening socket of a configuration.

    Args:
        protocol: such as ``"tls"``; ``"any"`` where none is written.
        host: address without brackets, host or interface name, or ``*``.
        port: 1 to 65535; the protocol's default where none is written.
        origin: where it stands.
    """

    protocol: str
    host: str
    port: int
    origin: Origin

    @property
    def is_tls(self) -> bool:
        """Whether connections to this socket begin with a TLS handshake."""
        return self.protocol in TLS_PROTOCOLS


@dataclass(slots=True)
class DomainTable:
    """What is written about one domain, or about the defaults of all.

    Args:
        name: of the domain.
        kind: ``"server"`` or ``"client"``.
        origin: where it is defined.
        values: by field of Domain, in Domain's stored form; relative paths as they are written.
        origins: where each value stands.
    """

    name: str
    kind: DomainKind
    origin: Origin
    values: dict[str, Any] = field(default_factory=dict, repr=False)  # Keys may be in there.
    origins: dict[str, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a configuration file says about TLS.

    Args:
        path: of the file.
        domains: in the order of their definition.
        sockets: all of them, in order.
        tls_library: ``auto``, ``none``, ``openssl`` or ``wolfssl``; None if not written.
        loaded_modules: of a script, names without folder and ``.so``, in order; None where the
            language knows no modules.
        client_tls_domain_avp: name of the AVP that names a client domain, or None.
        client_sip_domain_avp: name of the AVP that has the SIP domain, or None.
        database: where more domains are, or None.
        handshake_timeout: seconds, or None if not written.
        send_timeout: seconds, or None if not written.
        warnings: sentences for a log.
        defaults: values for domains that have none of their own.
        tables: what is written about each domain.
        value_origins: where each value of a domain stands, by the domain's kind and name and the
            name of the field; what is not in there is a default.
    """

    path: str
    domains: tuple[Domain, ...] = ()
    sockets: tuple[Socket, ...] = ()
    tls_library: str | None = None
    loaded_modules: tuple[str, ...] | None = None
    client_tls_domain_avp: str | None = None
    client_sip_domain_avp: str | None = None
    database: DatabaseSettings | None = None
    handshake_timeout: float | None = None
    send_timeout: float | None = None
    warnings: tuple[str, ...] = ()
    defaults: DomainTable | None = None
    tables: tuple[DomainTable, ...] = ()
    value_origins: Mapping[tuple[DomainKind, str, str], Origin] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def of_tables(
        cls,
        path: str,
        defaults: DomainTable | None,
        tables: Sequence[DomainTable],
        **settings: Any,
    ) -> Configuration:
        """Make the domains that tables describe.

        Args:
            path: of the file.
            defaults: values for domains that have none of their own.
            tables: of the domains; where there is none but there are defaults, a server and a
                client domain called ``default`` are made of them, as the manual's own long example
                wants it (1.11).  With a database the defaults are for its rows instead.
            settings: the other fields.

        Returns:
            The configuration.

        Raises:
            ConfigError: a domain's values do not fit together.
        """
        if not tables and defaults is not None and defaults.values and not settings.get("database"):
            kinds: tuple[DomainKind, ...] = ("server", "client")
            tables = [DomainTable("default", kind, defaults.origin) for kind in kinds]
        made = cls(path, defaults=defaults, tables=tuple(tables), **settings)
        shared = {} if defaults is None else defaults.origins
        origins = {
            (table.kind, table.name, name): origin
            for table in tables
            for name, origin in (shared | table.origins).items()
        }
        return dataclasses.replace(
            made, domains=tuple(map(made._domain, tables)), value_origins=origins
        )

    def _domain(self, table: DomainTable) -> Domain:
        values = self.default_values(table.kind) | in_folder(self.folder, table.values)
        return Domain(table.name, table.kind, origin=table.origin, **values)

    @property
    def folder(self) -> str:
        """The folder of the file, where relative paths start (CFG_DIR in the manual)."""
        return os.path.dirname(self.path)

    def resolve_library(self) -> str:
        """Say which library the configuration chooses.

        Returns:
            ``"openssl"``, ``"wolfssl"`` or ``"none"``; where the language knows no modules
            ``"auto"``, too.

        Raises:
            ConfigError: a script chooses none (``auto`` with no library module or with both), or
                one whose module is not loaded.

        See the manual, 1.9.2.
        """
        written = self.tls_library or "auto"
        if written == "none" or self.loaded_modules is None:
            return written
        modules = self.loaded_modules
        loaded = [name for name, module in _LIBRARY_MODULES.items() if module in modules]
        if written == "auto" and len(loaded) == 1:
            return loaded[0]
        if written in loaded:
            return written
        if written != "auto":
            reason = f"is {written!r}, but module {_LIBRARY_MODULES[written]!r} is not loaded"
        elif loaded:
            reason = "is 'auto', but both tls_openssl and tls_wolfssl are loaded"
        else:
            reason = "is 'auto', but neither tls_openssl nor tls_wolfssl is loaded"
        raise ConfigError(reason, origin=self.path, parameter="tls_library")

    def origin_of(self, domain: Domain, parameter: str) -> Origin | None:
        """Say where a domain's value was written, for messages.

        Args:
            domain: a domain of this configuration.
            parameter: name of a field of Domain, or of a parameter of the manual.

        Returns:
            The place of the value; of the domain's definition where the value is a default.
        """
        key = DOMAIN_PARAMETERS.get(parameter, parameter)
        return self.value_origins.get((domain.kind, domain.name, key), domain.origin)

    def is_default(self, domain: Domain, field: str) -> bool:
        """Say whether a path of a domain is that of the manual, because nobody has written one.

        Args:
            domain: of this configuration, or of its database.
            field: ``"certificate"`` or ``"private_key"``.
        """
        path = DomainDefaults(self.folder).values(domain.kind).get(field)
        is_written = (domain.kind, domain.name, field) in self.value_origins
        return path is not None and getattr(domain, field) == path and not is_written

    def default_values(self, kind: DomainKind) -> dict[str, Any]:
        """Return the fields to give to a domain that says nothing of its own.

        Args:
            kind: of the domain.

        Returns:
            Field names and values, paths from the configuration's folder.
        """
        written = {} if self.defaults is None else self.defaults.values
        return DomainDefaults(self.folder).values(kind) | in_folder(self.folder, written)


def avp_name(text: str) -> str:
    """Name an AVP.

    Args:
        text: its name, or as scripts refer to it: ``$avp(name)``.

    Returns:
        The name.
    """
    match = _AVP.fullmatch(text)
    return text if match is None else match[1]


def in_folder(folder: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Let relative paths start at a folder.

    Args:
        folder: the configuration's.
        values: by field of Domain.

    Returns:
        The values; PEM in memory and absolute paths are as they were.
    """
    return {
        name: os.path.join(folder, value)
        if name in PATH_FIELDS and isinstance(value, str) and value != FROM_ENVIRONMENT
        else value
        for name, value in values.items()
    }
