"""The manager: domains, the library behind them, and which one answers a connection."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tlsmgm._core.match_index import MatchIndex
from tlsmgm._core.selector import Selector
from tlsmgm._core.session import Session
from tlsmgm.backends import Backend, select
from tlsmgm.config.opensips import ScriptConfig, read_script
from tlsmgm.connection import Connection
from tlsmgm.contexts import BuiltContext, Fingerprints, build_context
from tlsmgm.domain import Domain, DomainKind
from tlsmgm.errors import ConfigError, UnsupportedError
from tlsmgm.filters import ascii_name, pack_ip
from tlsmgm.listing import domain_list
from tlsmgm.matching import client_lookup, find_shadowed, match_entries

__all__ = ["ReloadReport", "TLSManager"]

#: Seconds; used where a configuration says nothing.
DEFAULT_HANDSHAKE_TIMEOUT = 10.0
DEFAULT_SEND_TIMEOUT = 10.0

_Key = tuple[DomainKind, str]
_AVPs = Mapping[str, "str | bytes | None"]


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload did, by domain name.

    Attributes:
        added: domains that are new.
        changed: domains with another definition or other files; they have a new context.
        removed: domains that are gone; their connections live on.
        failed: domains that could not be loaded, with the reason.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One state of the world: immutable, replaced as a whole."""

    domains: tuple[Domain, ...] = ()
    built: Mapping[_Key, BuiltContext] = field(default_factory=dict)
    servers: tuple[Domain, ...] = ()
    clients: tuple[Domain, ...] = ()
    server_index: MatchIndex = field(default_factory=lambda: MatchIndex([]))
    client_index: MatchIndex = field(default_factory=lambda: MatchIndex([]))
    selector: Selector | None = None


class TLSManager:
    """Many TLS domains and the library that serves them.

    Args:
        library: ``"auto"`` (openssl if present, else wolfssl), ``"openssl"``, ``"wolfssl"``, or
            ``"none"`` to manage domains without any TLS library.
        handshake_timeout: seconds that a handshake may take, from accept on.
        send_timeout: seconds that sending may take.

    Raises:
        ConfigError: there is no such library.

    Any number of threads may ask a manager; a change replaces its state as a whole, and a change
    that fails leaves it as it was.
    """

    def __init__(
        self,
        library: str = "auto",
        *,
        handshake_timeout: float = DEFAULT_HANDSHAKE_TIMEOUT,
        send_timeout: float = DEFAULT_SEND_TIMEOUT,
    ) -> None:
        self._backend: Backend | None = select(library)
        self.handshake_timeout = handshake_timeout
        self.send_timeout = send_timeout
        self.config: ScriptConfig | None = None
        self._library_of_script = False  # the script has chosen it, not the caller
        self._change = threading.Lock()  # held while a new state is made
        self._snapshot = _Snapshot()
        self._own: tuple[Domain, ...] = ()  # those of add_domain()

    @classmethod
    def from_config(cls, path: str | os.PathLike[str], library: str | None = None) -> TLSManager:
        """Read an OpenSIPS script.

        Args:
            path: the script.
            library: as for the class; None takes what the script's ``tls_library`` and
                ``loadmodule`` lines say.

        Returns:
            A manager with all domains of the script loaded.

        Raises:
            ConfigError: something in the script, or a file that it names, cannot be used.
        """
        config = read_script(path)
        manager = cls(config.resolve_library() if library is None else library)
        manager._library_of_script = library is None
        with manager._change:
            manager._load(config)
        return manager

    # --- state ---------------------------------------------------------------------------

    @property
    def library(self) -> str:
        """Name of the TLS library, ``"none"`` without one."""
        return "none" if self._backend is None else self._backend.name

    @property
    def domains(self) -> tuple[Domain, ...]:
        """All domains in order of definition; of equal filters the later one wins."""
        return self._snapshot.domains

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks like a mistake in the present configuration, in sentences."""
        return _warnings(self._snapshot.domains, self.config)

    def list_domains(self) -> dict[str, list[dict[str, Any]]]:
        """The reply to ``tls_list`` (manual 1.8.1)."""
        return domain_list(self.domains)

    def add_domain(self, domain: Domain) -> None:
        """Add a domain; it stands before those defined earlier.

        Raises:
            ConfigError: the name is taken within its kind, or a value cannot be used.
        """
        self.add_domains([domain])

    def add_domains(self, domains: Iterable[Domain]) -> None:
        """Add many domains at once, all or none.

        Raises:
            ConfigError: as ``add_domain()``.
        """
        with self._change:
            new = tuple(domains)
            everything = (*self._snapshot.domains, *new)
            _check_unique(everything)
            built = {**self._snapshot.built, **self._build(new, None)}
            self._snapshot = self._make_snapshot(everything, built)
            self._own = (*self._own, *new)

    def reload(self) -> ReloadReport:
        """Read the configuration and all files again.

        New contexts are built aside and then take the place of the old ones at once. Unchanged
        domains keep their context and their tickets; connections keep the context in which they
        were born.

        Returns:
            What changed.

        Raises:
            ConfigError: something cannot be used; then nothing has changed.
        """
        with self._change:
            before = self._snapshot
            config = None if self.config is None else read_script(self.config.path)
            if config is not None and self.config is not None:
                self._check_successor(self.config, config)
            self._load(config)
            return _compare(before, self._snapshot)

    def _check_successor(self, old: ScriptConfig, new: ScriptConfig) -> None:
        """Refuses what cannot be meant, such as a script that was just being written."""
        if old.domains and not new.domains:
            raise ConfigError(
                "defines no TLS domain any more",
                origin=new.path,
                hint="to serve none, stop the program",
            )
        if self._library_of_script and new.resolve_library() != self.library:
            raise ConfigError(
                f"cannot change from {self.library!r} while running",
                origin=new.path,
                parameter="tls_library",
                hint="restart the program",
            )

    def _load(self, config: ScriptConfig | None) -> None:
        """Takes everything anew; the state changes only at the end, and as a whole."""
        domains = self._own if config is None else (*config.domains, *self._own)
        _check_unique(domains)
        self._snapshot = self._make_snapshot(domains, self._build(domains, config))
        if config is None:
            return
        self.config = config
        if config.handshake_timeout is not None:
            self.handshake_timeout = config.handshake_timeout
        if config.send_timeout is not None:
            self.send_timeout = config.send_timeout

    def _make_snapshot(
        self, domains: tuple[Domain, ...], built: Mapping[_Key, BuiltContext]
    ) -> _Snapshot:
        servers = tuple(domain for domain in domains if domain.kind == "server")
        clients = tuple(domain for domain in domains if domain.kind == "client")
        server_index = MatchIndex(match_entries(servers))
        selector = None
        if self._backend is not None:
            contexts = [built["server", domain.name].context for domain in servers]
            selector = Selector(server_index, contexts)
        return _Snapshot(
            domains=domains,
            built=built,
            servers=servers,
            clients=clients,
            server_index=server_index,
            client_index=MatchIndex(match_entries(clients)),
            selector=selector,
        )

    def _build(
        self, domains: Iterable[Domain], config: ScriptConfig | None
    ) -> dict[_Key, BuiltContext]:
        if self._backend is None:
            return {}
        prints = Fingerprints()
        built = {}
        for domain in domains:
            key = (domain.kind, domain.name)
            previous = self._snapshot.built.get(key)
            try:
                built[key] = build_context(domain, self._backend, prints=prints, previous=previous)
            except ConfigError as error:
                raise _at_its_line(error, domain, config) from None
        return built

    # --- which domain? -------------------------------------------------------------------

    def find_server_domain(self, ip: str, port: int) -> Domain | None:
        """The latest server domain for a local address, whatever its names (manual 2.1.1).

        Args:
            ip: address of the listening socket.
            port: its port.
        """
        return _find_by_address(self._snapshot.servers, ip, port)

    def select_server_domain(self, ip: str, port: int, server_name: str | None) -> Domain | None:
        """The server domain that answers a connection.

        Args:
            ip: address of the listening socket.
            port: its port.
            server_name: what the client sent in SNI, or None when it sent none.

        Returns:
            The domain, or None: then the handshake ends with alert 112 unrecognized_name.
        """
        snapshot = self._snapshot
        name = None if server_name is None else server_name.encode("utf-8", "surrogateescape")
        found = snapshot.server_index.find(pack_ip(ip), port, name)
        return None if found is None else snapshot.servers[found]

    def find_client_domain(
        self,
        ip: str,
        port: int,
        avps: _AVPs | None = None,
        branch_avps: _AVPs | None = None,
    ) -> Domain | None:
        """The client domain for a destination (manual 1.9.15, 1.9.16, 2.1.2).

        Args:
            ip: address of the destination.
            port: its port.
            avps: values by AVP name; those that ``client_tls_domain_avp`` and
                ``client_sip_domain_avp`` name are looked at.
            branch_avps: as avps, and stronger.

        Returns:
            The domain, or None.
        """
        snapshot = self._snapshot
        config = self.config
        lookup = client_lookup(
            avps,
            branch_avps,
            None if config is None else config.client_tls_domain_avp,
            None if config is None else config.client_sip_domain_avp,
        )
        if lookup.domain_name is not None:
            return self.find_client_domain_by_name(lookup.domain_name)
        found = snapshot.client_index.find(pack_ip(ip), port, lookup.sip_domain)
        return None if found is None else snapshot.clients[found]

    def find_client_domain_by_name(self, name: str) -> Domain | None:
        """The client domain of this name, or None (manual 2.4.5)."""
        return next((domain for domain in self._snapshot.clients if domain.name == name), None)

    # --- connections ---------------------------------------------------------------------

    def server_connection(self, local: tuple[str, int]) -> Connection:
        """A connection that a client has opened.

        Args:
            local: address and port of our end; with the client's SNI it chooses the domain.

        Returns:
            A connection that waits for the ClientHello.

        Raises:
            UnsupportedError: the manager has no TLS library.
        """
        if isinstance(local, str) or not 0 <= local[1] <= 0xFFFF:
            raise ValueError(f"local must be an address and a port of 0 to 65535, not {local!r}")
        selector = self._snapshot.selector
        if selector is None:
            raise UnsupportedError("this manager has no TLS library (tls_library is 'none')")
        return Connection(selector=selector, address=pack_ip(local[0]), port=local[1])

    def client_connection(
        self,
        domain: Domain | str,
        server_name: str | None = None,
        session: Session | None = None,
    ) -> Connection:
        """A connection that we open.

        Args:
            domain: a client domain of this manager, or its name.
            server_name: host name or IP address of the server. A host name is sent in SNI; both
                are compared with the certificate unless the domain does not verify (RFC 9525).
                Without one there is nothing to compare with, and every server that the domain's
                CAs vouch for is accepted.
            session: a session of an earlier connection to offer.

        Returns:
            A connection whose first flight appears with the first ``handshake()``.

        Raises:
            ConfigError: the domain is not a client domain of this manager.
            UnsupportedError: the manager has no TLS library.
        """
        if self._backend is None:
            raise UnsupportedError("this manager has no TLS library (tls_library is 'none')")
        if not isinstance(domain, (Domain, str)):
            raise TypeError(f"domain must be a Domain or its name, not {type(domain).__name__}")
        if server_name is not None:
            server_name = server_name.removesuffix(".")  # the root has no label in SNI
        name = domain if isinstance(domain, str) else domain.name
        built = self._snapshot.built.get(("client", name))
        if built is None:
            raise ConfigError("there is no client domain of this name", domain=name)
        sent = None if server_name is None else ascii_name(server_name)
        checked = sent if _checks_name(built.context.domain) else None
        if server_name is not None and _is_ip(server_name):
            sent = None  # RFC 6066 section 3: literal addresses are not sent
        return Connection(built.context, server_name=sent, verify_name=checked, session=session)


def _checks_name(domain: Domain) -> bool:
    return domain.verify_cert and not domain.danger_skip_hostname_check


def _is_ip(text: str) -> bool:
    try:
        pack_ip(text)
    except ValueError:
        return False
    return True


def _check_unique(domains: Iterable[Domain]) -> None:
    seen: dict[_Key, Domain] = {}
    for domain in domains:
        other = seen.setdefault((domain.kind, domain.name), domain)
        if other is not domain:
            raise ConfigError(
                f"there are two {domain.kind} domains of this name",
                origin=domain.origin,
                domain=domain.name,
                hint=None if other.origin is None else f"the first is at {other.origin}",
            )


def _warnings(domains: tuple[Domain, ...], config: ScriptConfig | None) -> tuple[str, ...]:
    found = [] if config is None else list(config.warnings)
    if config is not None and "db_url" in config.database:
        found.append("db_url is set, but this release reads no domains from a database")
    for kind in ("client", "server"):
        found += [item.message for item in find_shadowed([d for d in domains if d.kind == kind])]
    return tuple(found)


def _at_its_line(error: ConfigError, domain: Domain, config: ScriptConfig | None) -> ConfigError:
    """The same complaint at the script line where the value stands."""
    if config is None or error.parameter is None:
        return error
    return ConfigError(
        error.reason,
        origin=config.origin_of(domain, error.parameter) or error.origin,
        domain=error.domain,
        parameter=error.parameter,
        hint=error.hint,
        backend=error.backend,
        library_code=error.library_code,
    )


def _find_by_address(domains: tuple[Domain, ...], ip: str, port: int) -> Domain | None:
    packed = pack_ip(ip)
    fallback = None
    for index in range(len(domains) - 1, -1, -1):
        for address, filter_port, _, _ in match_entries([domains[index]]):
            if address is None:
                fallback = fallback or domains[index]
            elif address == packed and filter_port == port:
                return domains[index]
    return fallback


def _compare(before: _Snapshot, after: _Snapshot) -> ReloadReport:
    old = {(domain.kind, domain.name): domain for domain in before.domains}
    new = {(domain.kind, domain.name): domain for domain in after.domains}
    return ReloadReport(
        added=tuple(name for kind, name in new if (kind, name) not in old),
        changed=tuple(
            key[1] for key in new if key in old and _has_changed(key, before, after, old, new)
        ),
        removed=tuple(name for kind, name in old if (kind, name) not in new),
    )


def _has_changed(
    key: _Key,
    before: _Snapshot,
    after: _Snapshot,
    old: Mapping[_Key, Domain],
    new: Mapping[_Key, Domain],
) -> bool:
    if old[key] != new[key]:
        return True
    return before.built.get(key) is not after.built.get(key)
