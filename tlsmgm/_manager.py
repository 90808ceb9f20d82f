"""The manager: domains, the library behind them, and which one answers a connection."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tlsmgm._backends import Backend, select
from tlsmgm._checks.advice import advice
from tlsmgm._config.database_settings import (
    DEFAULT_TABLE,
    DEFAULT_TIMEOUT,
    DatabaseSettings,
    Watch,
    normal_url,
)
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script
from tlsmgm._config.reader import read_configuration
from tlsmgm._config.toml import read_toml
from tlsmgm._core.context import Context
from tlsmgm._core.session import Session
from tlsmgm._domains.domain import Domain, DomainKind, normalise
from tlsmgm._domains.filters import ascii_name, pack_ip, plain_ip
from tlsmgm._domains.listing import domain_list, summary
from tlsmgm._domains.matching import client_lookup
from tlsmgm._domains.report import ChangeCause, ReloadEvent, ReloadReport
from tlsmgm._material.reading import Reader
from tlsmgm._native.connection import Connection
from tlsmgm._native.sessions import SessionCache, SessionKeeper
from tlsmgm._provisioning import sql_module
from tlsmgm._provisioning.loaded import Rows
from tlsmgm._provisioning.watcher import DatabaseWatcher
from tlsmgm._serving.limits import DEFAULT_SEND_TIMEOUT, check_hello_size
from tlsmgm._state.assembly import TO_SERVE_NONE, assemble, check_successor, extend, remove, replace
from tlsmgm._state.change_lock import ChangeLock
from tlsmgm._state.listeners import Listeners
from tlsmgm._state.snapshot import Parts, Snapshot, compare, holdings, let_go, make_snapshot
from tlsmgm.errors import (
    ConfigError,
    DatabaseError,
    NoDomainError,
    PlacedError,
    TLSError,
    UnsupportedError,
)

__all__ = ["ReloadReport", "TLSManager"]

_NO_LIBRARY = "this manager has no TLS library (tls_library is 'none')"

#: Seconds; used where a configuration says nothing.
DEFAULT_HANDSHAKE_TIMEOUT = 10.0

_AVPs = Mapping[str, "str | bytes | None"]


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
        self._own_timeouts = (handshake_timeout, send_timeout)
        self._library_of_file = False  # the configuration has chosen it, not the caller
        self._change = ChangeLock()  # held while a new state is made
        self._listeners = Listeners()  # of changes
        self._reader: Reader | None = None  # of the change that is being made
        self._snapshot = make_snapshot(Parts(), {}, has_library=self._backend is not None)
        self._attached: DatabaseSettings | None = None  # by attach_database()
        self._sessions = SessionCache()  # of servers that we have called

    @classmethod
    def from_config(cls, path: str | os.PathLike[str], library: str | None = None) -> TLSManager:
        """Read a configuration file: TOML if its name ends in ``.toml``, else an OpenSIPS script.

        Args:
            path: the file.
            library: as for the class; None takes what the file says (in a script the
                ``tls_library`` and ``loadmodule`` lines).

        Returns:
            A manager with all domains of the file loaded, and those of the database that the file
            names; rows that cannot be loaded are in :attr:`failures`.

        Raises:
            ConfigError: something in the file, or a file that it names, cannot be used.
            DatabaseError: the database cannot be read.
        """
        return cls._from(read_configuration(path), library)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], library: str | None = None) -> TLSManager:
        """Read a TOML file, whatever its name is; otherwise as :meth:`from_config`.

        Args:
            path: the file.
            library: as for the class; None takes what the file says.

        Returns:
            A manager with all domains loaded.

        Raises:
            ConfigError: something in the file, or a file that it names, cannot be used.
            DatabaseError: the database cannot be read.
        """
        return cls._from(read_toml(path), library)

    @classmethod
    def _from(cls, config: Configuration, library: str | None) -> TLSManager:
        manager = cls(config.resolve_library() if library is None else library)
        manager._library_of_file = library is None
        with manager._changing() as reader:
            manager._load(config, manager._read_rows(config), reader)
            manager._take_timeouts(None, config)
        return manager

    # --- state ---------------------------------------------------------------------------

    @property
    def library(self) -> str:
        """Name of the TLS library, ``"none"`` without one."""
        return "none" if self._backend is None else self._backend.name

    @property
    def generation(self) -> int:
        """How often the domains were loaded, or changed, so far: it tells one state from another.

        A reload counts also where it finds nothing new; :attr:`hello_size` does not count.
        """
        return self._snapshot.generation

    @property
    def config(self) -> Configuration | None:
        """The configuration file as it was read last, or None."""
        return self._snapshot.parts.config

    @property
    def domains(self) -> tuple[Domain, ...]:
        """All domains in order of definition; of equal filters the later one wins.

        Those of the configuration file come first, then those of the database, then those that the
        program has added.
        """
        return self._snapshot.domains

    @property
    def failures(self) -> tuple[PlacedError, ...]:
        """Why rows of the database could not be loaded; each names row, domain and column."""
        return self._snapshot.parts.failures

    @property
    def has_database(self) -> bool:
        """Whether there is a database with domains."""
        return self.database is not None

    @property
    def database(self) -> DatabaseSettings | None:
        """The database with domains, or None."""
        config = self.config
        return self._attached or (None if config is None else config.database)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks like a mistake in the present configuration, in sentences."""
        return advice(self._snapshot)

    @property
    def hello_size(self) -> int:
        """Bytes of the largest ClientHello that server connections read; may be set.

        Connections that exist keep the bound under which they were made.
        """
        return self._snapshot.hello_size

    @hello_size.setter
    def hello_size(self, size: int) -> None:
        with self._change:
            self._snapshot = self._snapshot.with_hello_size(size)

    def list_domains(self) -> dict[str, list[dict[str, Any]]]:
        """The reply to ``tls_list`` (manual 1.8.1)."""
        snapshot = self._snapshot
        rows = {str(domain.origin) for domain in snapshot.parts.rows}
        return domain_list(snapshot.domains, rows)

    def __repr__(self) -> str:
        """Library, number of domains, where they come from, and generation; no secrets."""
        snapshot, database = self._snapshot, self.database
        parts = snapshot.parts
        sources = [] if parts.config is None else [(repr(parts.config.path), len(parts.written))]
        if database is not None:
            sources.append((f"table {database.table!r}", len(parts.rows)))  # its URL has secrets
        if parts.own:
            sources.append(("program", len(parts.own)))
        backend = self._backend
        library = "no TLS library" if backend is None else f"{backend.name} {backend.version}"
        counts = len(snapshot.servers), len(snapshot.clients)
        return f"<TLSManager: {library}; {summary(*counts, sources, snapshot.generation)}>"

    # --- changes -------------------------------------------------------------------------

    def on_reload(self, callback: Callable[[ReloadEvent], object]) -> Callable[[], None]:
        """Call a function after each change of the domains that was made.

        That is after ``reload()``, ``reload_database()`` (so after each that a watcher makes),
        ``attach_database()``, ``add_domain()``, ``add_domains()``, ``replace_domain()`` and
        ``remove_domain()``: also where a reload has found nothing new, but not where it has failed.

        Callbacks run one at a time, in the order of the changes, and for each change in the order
        in which they were given.  They run before the method that made the change returns, in its
        thread; but where another thread is telling an earlier change just then, that thread tells
        this one, too, and the method does not wait for it.  No lock is held, so a callback may ask
        and change the manager: what it changes is told after this.  By then the manager may be
        further on than the event says.  What a callback raises goes to the logger ``tlsmgm``, and
        disturbs neither the change nor the other callbacks.

        Args:
            callback: a plain function, which should return soon.

        Returns:
            A function that takes the callback off again; a call that has begun goes on. Calling it
            twice does no harm.

        Raises:
            TypeError: the callback is no function, or a coroutine function.
        """
        return self._listeners.add(callback)

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
        with self._changing() as reader:
            before = self._snapshot
            self._snapshot = extend(before, tuple(domains), self._backend, reader)
            if self._listeners:
                self._note_own("add_domains", before)

    def replace_domain(self, domain: Domain) -> ReloadReport:
        """Put a domain in the place of the one of its kind and name that the program has added.

        That is how certificates in memory are renewed: those of an ACME client, or of Vault. Its
        files are read anew, and those of no other domain. It keeps its place among equal filters.
        As in a reload, connections keep the context in which they were born; session tickets stay
        good as long as the rules about the peer are the same; and a client domain with another
        certificate of its own offers no session that it got with the old one.

        Args:
            domain: the new one, such as ``old.replace(certificate=..., key=...)``.

        Returns:
            The name in ``changed``; empty if it and its files are what they were.

        Raises:
            ConfigError: the program has added no domain of this kind and name, or a value cannot
                be used; then nothing has changed. Domains of files and databases are changed there.
        """
        if not isinstance(domain, Domain):
            raise TypeError(f"domain must be a Domain, not {type(domain).__name__}")
        with self._changing() as reader:
            before = self._snapshot
            self._snapshot = replace(before, domain, self._backend, reader)
            return self._note_own("replace_domain", before)

    def remove_domain(self, name: str, kind: DomainKind) -> ReloadReport:
        """Take away a domain that the program has added; it may be the last one.

        Its connections live on. New ones get what answers without it: perhaps a domain of ``*``,
        perhaps none.

        Args:
            name: of the domain.
            kind: ``"server"`` or ``"client"``.

        Returns:
            The name in ``removed``.

        Raises:
            ConfigError: the program has added no domain of this kind and name; then nothing has
                changed.
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be the name of a domain, not {type(name).__name__}")
        key: tuple[DomainKind, str] = (normalise("kind", kind), name)
        with self._changing() as reader:
            before = self._snapshot
            self._snapshot = remove(before, key, self._backend, reader)
            return self._note_own("remove_domain", before)

    def attach_database(
        self,
        url: str,
        table: str = DEFAULT_TABLE,
        columns: Mapping[str, str] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> ReloadReport:
        """Load the domains of a database, and load them anew at every reload.

        Args:
            url: as OpenSIPS or SQLAlchemy write it; needs the extra ``tlsmgm[sql]``.
            table: name of the table.
            columns: other names of columns, by the usual one, as in ``{"private_key": "pk"}``.
            timeout: seconds that reading may take, connecting included.

        Returns:
            What was added; rows that could not be loaded are in ``failed``.

        Raises:
            ConfigError: the manager has a database already, or a value cannot be used.
            DatabaseError: the database cannot be read; then nothing has changed.

        See the manual, 1.9.17 to 1.9.33.
        """
        settings = DatabaseSettings(normal_url(url), table, dict(columns or {}), timeout=timeout)
        with self._changing() as reader:
            if self.database is not None:
                raise ConfigError("there is a database already", parameter="db_url")
            before = self._snapshot
            rows = _read_rows(settings, before.parts.config)
            self._load(before.parts.config, rows, reader, preserve_written=True)
            self._attached = settings
            return self._note("attach_database", compare(before, self._snapshot))

    def reload(self) -> ReloadReport:
        """Read the configuration, the database and all files again.

        New contexts are built aside and then take the place of the old ones at once. Unchanged
        domains keep their context and their tickets; connections keep the context in which they
        were born.

        Returns:
            What changed; rows of the database that could not be loaded are in ``failed``.

        Raises:
            ConfigError: something cannot be used; then nothing has changed.
            DatabaseError: the database cannot be read; then nothing has changed.
        """
        with self._changing() as reader:
            before = self._snapshot
            config = before.parts.config
            if config is not None:
                read = read_toml if config.loaded_modules is None else read_script
                new = read(config.path, reader)
                fixed = self.library if self._library_of_file else None
                check_successor(config, new, library=fixed, has_rows=bool(before.parts.rows))
                config = new
            self._load(config, self._read_rows(config), reader)
            self._take_timeouts(before.parts.config, config)
            report = self._note("reload", compare(before, self._snapshot))
            held = holdings(before)
            del before, config
        let_go(held)
        return report

    def cancel_reload(self) -> None:
        """Let a change that another thread makes just now fail soon, so that a program can end.

        Nothing has changed then; that thread gets a ConfigError.  Only a database that does not
        answer is waited for, within its own deadline.
        """
        reader = self._reader
        if reader is not None:
            reader.cancel()

    def _cancel_change_of(self, thread: threading.Thread) -> None:
        reader = self._reader
        if reader is not None and reader.thread is thread:
            reader.cancel()

    def reload_database(self) -> ReloadReport:
        """Read the database again, and nothing else (``tls_reload``, manual 1.8.2).

        The domains of the configuration file and those that the program has added stay as they
        are, with their contexts.

        Returns:
            What changed; rows that could not be loaded are in ``failed``.

        Raises:
            ConfigError: there is no database.
            DatabaseError: it cannot be read; then nothing has changed.
        """
        with self._changing() as reader:
            before = self._snapshot
            if self.database is None:
                raise ConfigError("there is no database", parameter="db_url")
            config = before.parts.config
            self._load(config, self._read_rows(config), reader, preserve_written=True)
            report = self._note("reload_database", compare(before, self._snapshot))
            held = holdings(before)
            del before
        let_go(held)
        return report

    def watch_database(
        self,
        on_change: Callable[[ReloadReport | TLSError], None] | None = None,
        *,
        watch: Watch | None = None,
    ) -> DatabaseWatcher:
        """Reload the database whenever it changes, from a thread of its own.

        Args:
            on_change: is called in that thread with the report of each reload, or with the error
                that kept the old state in place.
            watch: ``"notify"`` for notifications of PostgreSQL, or seconds between looks at the
                change marker; None takes what the configuration says.

        Returns:
            A running watcher: call its ``stop()``, or use it in a ``with`` statement.

        Raises:
            ConfigError: there is no database, or it cannot be watched in this way.
        """

        def settings_now() -> DatabaseSettings:
            settings = self.database
            if settings is None:
                raise ConfigError("there is no database to watch", parameter="db_url")
            return settings if watch is None else dataclasses.replace(settings, watch=watch)

        watcher: DatabaseWatcher = sql_module("watch").WatchingThread(
            settings_now, self.reload_database, on_change, self._cancel_change_of
        )
        return watcher

    def _read_rows(self, config: Configuration | None) -> Rows:
        settings = self._attached or (None if config is None else config.database)
        return Rows() if settings is None else _read_rows(settings, config)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Reader]:
        """One change at a time, and what it reads; one that succeeds is told behind the lock."""
        with self._change, Reader() as reader:
            self._reader = reader
            try:
                yield reader
            finally:
                self._reader = None
        self._listeners.tell()

    def _note(self, cause: ChangeCause, report: ReloadReport) -> ReloadReport:
        """The change is made; who holds the lock notes it, so that changes are told in order."""
        self._listeners.note(ReloadEvent(cause, self._snapshot.generation, report))
        return report

    def _note_own(self, cause: ChangeCause, before: Snapshot) -> ReloadReport:
        """As _note(), of the program's own domains alone: no row was looked at."""
        report = compare(before, self._snapshot)
        return self._note(cause, dataclasses.replace(report, failed=(), kept=()))

    def _load(
        self,
        config: Configuration | None,
        rows: Rows,
        reader: Reader,
        *,
        preserve_written: bool = False,
    ) -> None:
        """Takes everything anew; the state changes only at the end, and as a whole."""
        before = self._snapshot
        after = assemble(
            config,
            rows,
            before.parts.own,
            backend=self._backend,
            before=before,
            reader=reader,
            preserve_written=preserve_written,
        )
        if before.domains and not after.domains:
            raise DatabaseError("the table holds no TLS domain any more", hint=TO_SERVE_NONE)
        self._snapshot = after

    def _take_timeouts(self, old: Configuration | None, new: Configuration | None) -> None:
        """The file's word counts; where it has fallen silent, the constructor's does again."""
        for name, own in zip(
            ("handshake_timeout", "send_timeout"), self._own_timeouts, strict=True
        ):
            was, now = getattr(old, name, None), getattr(new, name, None)
            if was is not None or now is not None:
                setattr(self, name, own if now is None else now)

    # --- which domain? -------------------------------------------------------------------

    def find_server_domain(self, ip: str, port: int) -> Domain | None:
        """The latest server domain for a local address, whatever its names (manual 2.1.1).

        Args:
            ip: address of the listening socket.
            port: its port.
        """
        return self._snapshot.server_at(ip, port)

    def select_server_domain(self, ip: str, port: int, server_name: str | None) -> Domain | None:
        """The server domain that answers a connection.

        Args:
            ip: address of the listening socket.
            port: its port.
            server_name: what the client sent in SNI, or None when it sent none.

        Returns:
            The domain, or None: then the handshake ends with alert 112 unrecognized_name.
        """
        name = None if server_name is None else server_name.encode("utf-8", "surrogateescape")
        return self._snapshot.server(ip, port, name)

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
        config = snapshot.parts.config
        lookup = client_lookup(
            avps,
            branch_avps,
            None if config is None else config.client_tls_domain_avp,
            None if config is None else config.client_sip_domain_avp,
        )
        if lookup.domain_name is not None:
            return snapshot.by_name.get(("client", lookup.domain_name))
        return snapshot.client(ip, port, lookup.sip_domain)

    def find_client_domain_by_name(self, name: str) -> Domain | None:
        """The client domain of this name, or None (manual 2.4.5)."""
        return self._snapshot.by_name.get(("client", name))

    def server_context(self, local: tuple[str, int], server_name: bytes | None) -> Context:
        """The native context that answers a connection now, for programs that carry it in C.

        Args:
            local: address and port of our end.
            server_name: what the client sent in SNI, as it sent it; None, not ``b""``, when it
                sent none.

        Returns:
            A context for :func:`tlsmgm.embedding.context_capsule`. Ask for each connection: a
            reload may bring another one.

        Raises:
            NoDomainError: no domain answers; the client must be sent alert 112.
            UnsupportedError: the manager has no TLS library.
        """
        _check_local(local)
        snapshot = self._snapshot
        if snapshot.selector is None:
            raise UnsupportedError(_NO_LIBRARY)
        domain = snapshot.server(*local, server_name)
        if domain is None:
            asked = "no name"
            if server_name is not None:
                asked = f"the name {server_name.decode('ascii', 'backslashreplace')!r}"
            raise NoDomainError(f"no server domain answers at this address for {asked}", alert=112)
        return snapshot.built["server", domain.name].context

    def client_context(self, domain: Domain | str) -> Context:
        """The native context of a client domain as it is now; a reload may bring another one.

        Args:
            domain: a client domain of this manager, or its name.

        Raises:
            ConfigError: there is no client domain of this name, or it has other values than the
                Domain that is given.
            UnsupportedError: the manager has no TLS library.
        """
        if self._backend is None:
            raise UnsupportedError(_NO_LIBRARY)
        if not isinstance(domain, (Domain, str)):
            raise TypeError(f"domain must be a Domain or its name, not {type(domain).__name__}")
        name = domain if isinstance(domain, str) else domain.name
        snapshot = self._snapshot
        built = snapshot.built.get(("client", name))
        if built is None:
            raise ConfigError("there is no client domain of this name", domain=name)
        loaded = snapshot.by_name["client", name]
        if isinstance(domain, Domain) and domain is not loaded and domain != loaded:
            raise _another(domain, loaded)
        return built.context

    # --- connections ---------------------------------------------------------------------

    def server_connection(
        self, local: tuple[str, int], *, hello_size: int | None = None
    ) -> Connection:
        """A connection that a client has opened.

        Args:
            local: address and port of our end; with the client's SNI it chooses the domain.
            hello_size: bytes of the largest ClientHello that it reads; None: :attr:`hello_size`.

        Returns:
            A connection that waits for the ClientHello.

        Raises:
            ConfigError: the bound makes no sense.
            UnsupportedError: the manager has no TLS library.
        """
        _check_local(local)
        limit = 0 if hello_size is None else check_hello_size(hello_size)
        selector = self._snapshot.selector
        if selector is None:
            raise UnsupportedError(_NO_LIBRARY)
        return Connection(
            selector=selector, address=pack_ip(local[0]), port=local[1], hello_limit=limit
        )

    def client_connection(
        self,
        domain: Domain | str,
        server_name: str | None = None,
        session: Session | None = None,
        *,
        address: tuple[str, int] | None = None,
    ) -> Connection:
        """A connection that we open.

        Args:
            domain: a client domain of this manager, or its name.
            server_name: host name or IP address of the server. A host name is sent in SNI; both
                are compared with the certificate unless the domain does not verify (RFC 9525).
                Names outside ASCII become A-labels (IDNA 2008); IPv6 may stand in brackets.
                Without one there is nothing to compare with, and every server that the domain's
                CAs vouch for is accepted.
            session: a session of an earlier connection to offer.
            address: of the server, host or IP and port. With it the manager sees to sessions: it
                offers one that this server has given to this domain under this name before, if
                there is any, and keeps the one that it gives now. A session of TLS 1.3 is used
                once (RFC 8446 appendix C.4).

        Returns:
            A connection whose first flight appears with the first ``handshake()``.

        Raises:
            ConfigError: there is no client domain of this name, or it has other values than the
                Domain that is given, or the name cannot be sent.
            UnsupportedError: the manager has no TLS library.
        """
        context = self.client_context(domain)
        sent, named = _names_of(server_name)
        checked = named if context.domain.checks_server_name else None
        keeper = None
        if address is not None:
            key = (address, context.domain.name, sent, checked)
            keeper = SessionKeeper(self._sessions, key)
            session = session or self._sessions.take(key)
        return Connection(
            context, server_name=sent, verify_name=checked, session=session, keeper=keeper
        )


def _names_of(server_name: str | None) -> tuple[bytes | None, bytes | None]:
    """What is sent in SNI, and what the certificate is asked for.

    Addresses are not sent (RFC 6066 section 3), and stand in certificates without brackets; the
    root's dot is neither sent nor compared.
    """
    if server_name is None:
        return None, None
    address = plain_ip(server_name.removesuffix("."))
    if address is not None:
        return None, address.encode("ascii")
    name = ascii_name(server_name).removesuffix(b".")
    return name, name


def _check_local(local: tuple[str, int]) -> None:
    # That of IPv6 has four parts.
    if not isinstance(local, tuple | list) or len(local) < 2 or not 0 <= local[1] <= 0xFFFF:
        raise ValueError(f"local must be an address and a port of 0 to 65535, not {local!r}")


def _another(given: Domain, loaded: Domain) -> ConfigError:
    """Two domains of one name; values may be secret, so only their names are told."""
    if given.kind != loaded.kind:
        reason = f"is a {given.kind} domain, and what is called for is a {loaded.kind} domain"
    else:
        names = (item.name for item in dataclasses.fields(Domain) if item.compare)
        other = [name for name in names if getattr(given, name) != getattr(loaded, name)]
        reason = f"is not the one that is loaded under this name: {', '.join(other)} differ"
    return ConfigError(
        reason,
        domain=given.name,
        hint="a reload may have changed it: give its name, or look it up again",
    )


def _read_rows(settings: DatabaseSettings, config: Configuration | None) -> Rows:
    rows: Rows = sql_module("source").read_rows(settings, config)
    return rows
