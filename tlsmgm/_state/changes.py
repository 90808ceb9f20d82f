"""Every change of a manager's domains: one at a time, as a whole, and told when it is made."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from tlsmgm._backends import Backend
from tlsmgm._config.database_settings import DatabaseSettings, Watch, normal_url
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script
from tlsmgm._config.toml import read_toml
from tlsmgm._domains.domain import Domain, DomainKind, normalise
from tlsmgm._domains.report import ChangeCause, ReloadEvent, ReloadReport
from tlsmgm._material.reading import Reader
from tlsmgm._native.contexts import BuiltContext, build_context
from tlsmgm._provisioning import sql_module
from tlsmgm._provisioning.loaded import Rows
from tlsmgm._provisioning.watcher import DatabaseWatcher
from tlsmgm._state.assembly import TO_SERVE_NONE, assemble, check_successor, extend, remove, replace
from tlsmgm._state.change_lock import ChangeLock
from tlsmgm._state.listeners import Listeners
from tlsmgm._state.snapshot import Parts, Snapshot, compare, holdings, let_go, make_snapshot
from tlsmgm.errors import ConfigError, DatabaseError, TLSError, UnsupportedError

__all__ = ["Changes", "Taken"]

#: Hears which configuration takes the place of which one.
Taken = Callable[[Configuration | None, Configuration | None], None]


class Changes:
    """Makes the changes of one manager, and has the state that the last of them has left.

    What its methods return and raise, the methods of the manager say that bear these names.

    Args:
        backend: the TLS library, or None.

    Attributes:
        backend: the same.
        snapshot: the present state; who asks two things of it takes it once.
        lock: held while a new state is made.
        listeners: hear of changes.
        library_of_file: whether the configuration has chosen the library, not the caller.
    """

    def __init__(self, backend: Backend | None) -> None:
        self.backend = backend
        self.snapshot = make_snapshot(Parts(), {}, has_library=backend is not None)
        self.lock = ChangeLock()
        self.listeners = Listeners()
        self._followers: dict[object, Callable[[], None]] = {}  # each step on it is atomic
        self.library_of_file = False
        self._reader: Reader | None = None  # of the change that is being made
        self._attached: DatabaseSettings | None = None  # by attach()

    @property
    def library(self) -> str:
        """Name of the TLS library, ``"none"`` without one."""
        return "none" if self.backend is None else self.backend.name

    @property
    def database(self) -> DatabaseSettings | None:
        """The database with domains, or None."""
        return self._database_with(self.snapshot.parts.config)

    def in_one_line(self) -> str:
        """Library, number of domains, where they come from, and generation; no secrets."""
        backend, database = self.backend, self.database
        library = "no TLS library" if backend is None else f"{backend.name} {backend.version}"
        table = None if database is None else database.table  # its URL has secrets
        return f"{library}; {self.snapshot.in_one_line(table)}"

    def build(self, domain: Domain) -> BuiltContext:
        """Load a server domain that stays outside of the state; may take as long as its files.

        Raises:
            ConfigError: it cannot be used, or is no server's.
            UnsupportedError: there is no TLS library.
        """
        if self.backend is None:
            raise UnsupportedError("this manager has no TLS library (tls_library is 'none')")
        if domain.kind != "server":
            raise ConfigError("is no server domain", domain=domain.name)
        with Reader() as reader:
            reader.expect((domain,))
            secrets = self.snapshot.parts.ticket_secrets
            return build_context(domain, self.backend, reader=reader, ticket_secrets=secrets)

    def set_hello_size(self, size: int) -> None:
        """Set another bound of the ClientHello; listeners do not hear of that."""
        with self.lock:
            self.snapshot = self.snapshot.with_hello_size(size)
        self.tell_followers()

    def follow(self, follower: Callable[[], None]) -> Callable[[], None]:
        """Call somebody after each change of the state, before its maker goes on.

        Args:
            follower: asks for the present state itself; it raises nothing.

        Returns:
            A function that takes it off again.
        """
        key = object()
        self._followers[key] = follower

        def remove() -> None:
            self._followers.pop(key, None)

        return remove

    def tell_followers(self) -> None:
        """Tell them that something has changed, such as a timeout of the manager."""
        for follower in list(self._followers.values()):
            follower()

    # --- the program's own domains -------------------------------------------------------

    def add(self, domains: Iterable[Domain]) -> None:
        """Add domains of the program, all or none."""
        with self._changing() as reader:
            before = self.snapshot
            self.snapshot = extend(before, tuple(domains), self.backend, reader)
            if self.listeners:  # what has changed takes long to find out
                self._note_own("add_domains", before)

    def replace(self, domain: Domain) -> ReloadReport:
        """Put a domain in the place of the one of its kind and name."""
        if not isinstance(domain, Domain):
            raise TypeError(f"domain must be a Domain, not {type(domain).__name__}")
        with self._changing() as reader:
            before = self.snapshot
            self.snapshot = replace(before, domain, self.backend, reader)
            return self._note_own("replace_domain", before)

    def remove(self, name: str, kind: DomainKind) -> ReloadReport:
        """Take a domain of the program away."""
        if not isinstance(name, str):
            raise TypeError(f"name must be the name of a domain, not {type(name).__name__}")
        key: tuple[DomainKind, str] = (normalise("kind", kind), name)
        with self._changing() as reader:
            before = self.snapshot
            self.snapshot = remove(before, key, self.backend, reader)
            return self._note_own("remove_domain", before)

    # --- what is read --------------------------------------------------------------------

    def begin(self, config: Configuration, taken: Taken) -> None:
        """Load a configuration for the first time, with its database; that is told to nobody.

        Args:
            config: has just been read.
            taken: hears of it.
        """
        with self._changing() as reader:
            self._load(config, self._read_rows(config), reader)
            taken(None, config)

    def attach(
        self, url: str, table: str, columns: Mapping[str, str] | None, timeout: float
    ) -> ReloadReport:
        """Load the domains of a database, now and at every reload."""
        settings = DatabaseSettings(normal_url(url), table, dict(columns or {}), timeout=timeout)

        def load(before: Snapshot, reader: Reader) -> None:
            if self.database is not None:
                raise ConfigError("there is a database already", parameter="db_url")
            config = before.parts.config
            self._load(config, _read_rows(settings, config), reader, preserve_written=True)
            self._attached = settings

        return self._load_and_note("attach_database", load)

    def reload(self, taken: Taken) -> ReloadReport:
        """Read the configuration, the database and all files again.

        Args:
            taken: hears of a change that is made, before any listener.
        """

        def load(before: Snapshot, reader: Reader) -> None:
            config = self._read_again(before, reader)
            self._load(config, self._read_rows(config), reader)
            taken(before.parts.config, config)

        return self._load_and_note("reload", load)

    def reload_database(self) -> ReloadReport:
        """Read the database again, and nothing else."""

        def load(before: Snapshot, reader: Reader) -> None:
            if self.database is None:
                raise ConfigError("there is no database", parameter="db_url")
            config = before.parts.config
            self._load(config, self._read_rows(config), reader, preserve_written=True)

        return self._load_and_note("reload_database", load)

    def watch(
        self,
        reload: Callable[[], ReloadReport],
        on_change: Callable[[ReloadReport | TLSError], None] | None,
        watch: Watch | None,
    ) -> DatabaseWatcher:
        """Reload the database whenever it changes.

        Args:
            reload: does so.
            on_change: as for the manager's method.
            watch: the same.
        """
        settings = functools.partial(self._to_watch, watch)
        watcher: DatabaseWatcher = sql_module("watch").WatchingThread(
            settings, reload, on_change, self._cancel_change_of
        )
        return watcher

    def cancel(self) -> None:
        """Let a change that another thread makes just now fail soon."""
        reader = self._reader
        if reader is not None:
            reader.cancel()

    def _cancel_change_of(self, thread: threading.Thread) -> None:
        reader = self._reader
        if reader is not None and reader.thread is thread:
            reader.cancel()

    def _to_watch(self, watch: Watch | None) -> DatabaseSettings:
        settings = self.database
        if settings is None:
            raise ConfigError("there is no database to watch", parameter="db_url")
        return settings if watch is None else dataclasses.replace(settings, watch=watch)

    # --- one change ----------------------------------------------------------------------

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Reader]:
        """One change at a time, and what it reads; one that succeeds is told behind the lock."""
        with self.lock, Reader() as reader:
            self._reader = reader
            try:
                yield reader
            finally:
                self._reader = None
        self.tell_followers()
        self.listeners.tell()

    def _load_and_note(
        self, cause: ChangeCause, load: Callable[[Snapshot, Reader], None]
    ) -> ReloadReport:
        """Load, and let go what nobody needs any more: no other frame may refer to that state."""
        with self._changing() as reader:
            before = self.snapshot
            load(before, reader)
            report = self._note(cause, compare(before, self.snapshot))
            held = holdings(before)
            del before
        let_go(held)
        return report

    def _note(self, cause: ChangeCause, report: ReloadReport) -> ReloadReport:
        """The change is made; who holds the lock notes it, so that changes are told in order."""
        self.listeners.note(ReloadEvent(cause, self.snapshot.generation, report))
        return report

    def _note_own(self, cause: ChangeCause, before: Snapshot) -> ReloadReport:
        """As _note(), of the program's own domains alone: no row was looked at."""
        report = compare(before, self.snapshot)
        return self._note(cause, dataclasses.replace(report, failed=(), kept=()))

    def _read_again(self, before: Snapshot, reader: Reader) -> Configuration | None:
        """What the configuration file says now."""
        old = before.parts.config
        if old is None:
            return None
        read = read_toml if old.loaded_modules is None else read_script
        new = read(old.path, reader)
        fixed = self.library if self.library_of_file else None
        check_successor(old, new, library=fixed, has_rows=bool(before.parts.rows))
        return new

    def _database_with(self, config: Configuration | None) -> DatabaseSettings | None:
        return self._attached or (None if config is None else config.database)

    def _read_rows(self, config: Configuration | None) -> Rows:
        settings = self._database_with(config)
        return Rows() if settings is None else _read_rows(settings, config)

    def _load(
        self,
        config: Configuration | None,
        rows: Rows,
        reader: Reader,
        *,
        preserve_written: bool = False,
    ) -> None:
        """Takes everything anew; the state changes only at the end, and as a whole."""
        before = self.snapshot
        after = assemble(
            config,
            rows,
            before.parts.own,
            backend=self.backend,
            before=before,
            reader=reader,
            preserve_written=preserve_written,
        )
        if before.domains and not after.domains:
            raise DatabaseError("the table holds no TLS domain any more", hint=TO_SERVE_NONE)
        self.snapshot = after


def _read_rows(settings: DatabaseSettings, config: Configuration | None) -> Rows:
    rows: Rows = sql_module("source").read_rows(settings, config)
    return rows
