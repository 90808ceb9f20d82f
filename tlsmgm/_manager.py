"""The manager: domains, the library behind them, and which one answers a connection."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tlsmgm._backends import select
from tlsmgm._checks.advice import advice
from tlsmgm._config.database_settings import DEFAULT_TABLE, DEFAULT_TIMEOUT, DatabaseSettings, Watch
from tlsmgm._config.model import Configuration
from tlsmgm._config.reader import read_configuration
from tlsmgm._config.toml import read_toml
from tlsmgm._core.context import Context
from tlsmgm._core.session import Session
from tlsmgm._domains.domain import Domain, DomainKind
from tlsmgm._domains.matching import AVPs
from tlsmgm._domains.report import ReloadEvent, ReloadReport
from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.listener import Listener, Source
from tlsmgm._engine.on_demand import ClientHello, OnDemand
from tlsmgm._engine.opening import open_listener
from tlsmgm._engine.plans import Times
from tlsmgm._engine.upstreams import AnyRoutes
from tlsmgm._native.connection import Connection
from tlsmgm._native.sessions import SessionCache
from tlsmgm._provisioning.watcher import DatabaseWatcher
from tlsmgm._serving.forwarding import Balance, ProxyProtocol, ProxyTLVs, UncleanEnd
from tlsmgm._serving.limits import (
    DEFAULT_HANDSHAKE_TIMEOUT,
    DEFAULT_SEND_TIMEOUT,
    Limits,
    check_seconds,
)
from tlsmgm._serving.listening import BoundSocket
from tlsmgm._serving.targets import Target
from tlsmgm._sockets.channel import Patience
from tlsmgm._sockets.tls_socket import TLSSocket
from tlsmgm._sockets.wrapping import wrap_socket
from tlsmgm._state import connecting
from tlsmgm._state.changes import Changes
from tlsmgm._state.snapshot import Snapshot
from tlsmgm.errors import PlacedError, TLSError

__all__ = ["ReloadReport", "TLSManager"]


class TLSManager:
    """Many TLS domains and the library that serves them.

    Args:
        library: ``"auto"`` (openssl if present, else wolfssl), ``"openssl"``, ``"wolfssl"``, or
            ``"none"`` to manage domains without any TLS library.
        handshake_timeout: seconds that a handshake may take, from accept on.
        send_timeout: seconds that sending may take.

    Raises:
        ConfigError: there is no such library, or a time makes no sense.
        TypeError: the library is no text.

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
        if not isinstance(library, str):
            raise TypeError(f"library must be str, not {type(library).__name__}")
        self._handshake_timeout = check_seconds("handshake_timeout", handshake_timeout)
        self._send_timeout = check_seconds("send_timeout", send_timeout)
        self._own_timeouts = {"handshake_timeout": handshake_timeout, "send_timeout": send_timeout}
        self._changes = Changes(select(library))
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
        manager._changes.library_of_file = library is None
        manager._changes.begin(config, manager._take_timeouts)
        return manager

    def _take_timeouts(self, old: Configuration | None, new: Configuration | None) -> None:
        """The file's word counts; where it has fallen silent, the constructor's does again."""
        for name, own in self._own_timeouts.items():
            was, now = getattr(old, name, None), getattr(new, name, None)
            if was is not None or now is not None:
                setattr(self, f"_{name}", own if now is None else now)

    # --- state ---------------------------------------------------------------------------

    @property
    def library(self) -> str:
        """Name of the TLS library, ``"none"`` without one."""
        return self._changes.library

    @property
    def generation(self) -> int:
        """How often the domains were loaded, or changed, so far: it tells one state from another.

        A reload counts also where it finds nothing new; :attr:`hello_size` does not count.
        """
        return self._changes.snapshot.generation

    @property
    def config(self) -> Configuration | None:
        """The configuration file as it was read last, or None."""
        return self._changes.snapshot.parts.config

    @property
    def domains(self) -> tuple[Domain, ...]:
        """All domains in order of definition; of equal filters the later one wins.

        Those of the configuration file come first, then those of the database, then those that the
        program has added.
        """
        return self._changes.snapshot.domains

    @property
    def failures(self) -> tuple[PlacedError, ...]:
        """Why rows of the database could not be loaded; each names row, domain and column."""
        return self._changes.snapshot.parts.failures

    @property
    def has_database(self) -> bool:
        """Whether there is a database with domains."""
        return self.database is not None

    @property
    def database(self) -> DatabaseSettings | None:
        """The database with domains, or None."""
        return self._changes.database

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks like a mistake in the present configuration, in sentences."""
        return advice(self._changes.snapshot)

    @property
    def hello_size(self) -> int:
        """Bytes of the largest ClientHello that server connections read; may be set.

        Connections that exist keep the bound under which they were made.
        """
        return self._changes.snapshot.hello_size

    @hello_size.setter
    def hello_size(self, size: int) -> None:
        self._changes.set_hello_size(size)

    @property
    def handshake_timeout(self) -> float:
        """Seconds that a handshake may take, from accept on; may be set, and reloads may set it."""
        return self._handshake_timeout

    @handshake_timeout.setter
    def handshake_timeout(self, seconds: float) -> None:
        self._handshake_timeout = check_seconds("handshake_timeout", seconds)
        self._changes.tell_followers()

    @property
    def send_timeout(self) -> float:
        """Seconds that sending may take; may be set, and reloads may set it."""
        return self._send_timeout

    @send_timeout.setter
    def send_timeout(self, seconds: float) -> None:
        self._send_timeout = check_seconds("send_timeout", seconds)
        self._changes.tell_followers()

    def list_domains(self) -> dict[str, list[dict[str, Any]]]:
        """The reply to ``tls_list`` (manual 1.8.1)."""
        return self._changes.snapshot.listed()

    def __repr__(self) -> str:
        """Library, number of domains, where they come from, and generation; no secrets."""
        return f"<TLSManager: {self._changes.in_one_line()}>"

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
        return self._changes.listeners.add(callback)

    def add_domain(self, domain: Domain) -> None:
        """Add a domain; it stands before those defined earlier.

        Raises:
            ConfigError: the name is taken within its kind, or a value cannot be used.
            TypeError: it is no Domain.
        """
        if not isinstance(domain, Domain):
            raise TypeError(f"domain must be a Domain, not {type(domain).__name__}")
        self.add_domains([domain])

    def add_domains(self, domains: Iterable[Domain]) -> None:
        """Add many domains at once, all or none.

        Raises:
            ConfigError: as ``add_domain()``.
            TypeError: one of them is no Domain.
        """
        added = list(domains)
        for each in added:
            if not isinstance(each, Domain):
                raise TypeError(f"domains must be Domains, not {type(each).__name__}")
        self._changes.add(added)

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
        return self._changes.replace(domain)

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
        return self._changes.remove(name, kind)

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
        return self._changes.attach(url, table, columns, timeout)

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
        return self._changes.reload(self._take_timeouts)

    def cancel_reload(self) -> None:
        """Let a change that another thread makes just now fail soon, so that a program can end.

        Nothing has changed then; that thread gets a ConfigError.  Only a database that does not
        answer is waited for, within its own deadline.
        """
        self._changes.cancel()

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
        return self._changes.reload_database()

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
        return self._changes.watch(self.reload_database, on_change, watch)

    # --- which domain? -------------------------------------------------------------------

    def find_server_domain(self, ip: str, port: int) -> Domain | None:
        """The latest server domain for a local address, whatever its names (manual 2.1.1).

        Args:
            ip: address of the listening socket.
            port: its port.
        """
        return self._changes.snapshot.server_at(ip, port)

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
        return self._changes.snapshot.server(ip, port, name)

    def find_client_domain(
        self, ip: str, port: int, avps: AVPs | None = None, branch_avps: AVPs | None = None
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
        return self._changes.snapshot.called(ip, port, avps, branch_avps)

    def find_client_domain_by_name(self, name: str) -> Domain | None:
        """The client domain of this name, or None (manual 2.4.5)."""
        return self._changes.snapshot.by_name.get(("client", name))

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
        return connecting.server_context(self._changes.snapshot, local, server_name)

    def client_context(self, domain: Domain | str) -> Context:
        """The native context of a client domain as it is now; a reload may bring another one.

        Args:
            domain: a client domain of this manager, or its name.

        Raises:
            ConfigError: there is no client domain of this name, or it has other values than the
                Domain that is given.
            UnsupportedError: the manager has no TLS library.
        """
        return connecting.client_context(self._changes.snapshot, domain)

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
        return connecting.server_connection(self._changes.snapshot, local, hello_size)

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
        return connecting.client_connection(context, server_name, session, address, self._sessions)

    def wrap_socket(
        self,
        sock: socket.socket,
        *,
        server_side: bool = False,
        domain: Domain | str | None = None,
        server_name: str | None = None,
        session: Session | None = None,
        local: tuple[str, int] | None = None,
        do_handshake: bool = True,
    ) -> TLSSocket:
        """Speak TLS over a connected socket, which may block, have a timeout, or neither.

        Args:
            sock: a TCP or Unix socket.  The new one takes its descriptor and its timeout, so it is
                of no use any more, as with :mod:`ssl`; if this fails before the handshake, it is
                as it was.
            server_side: whether a client has opened the connection.
            domain: client side: a client domain of this manager, or its name.  None: the one that
                :meth:`find_client_domain` finds for the address that the socket is connected to.
            server_name: client side: host name or IP address, as for :meth:`client_connection`;
                ``""``: none, so that every server is accepted for which the domain's CAs vouch.
            session: client side: to be offered.  None: one that this server has given before, if
                there is any.
            local: server side: address and port that the client has called, where the socket does
                not know it.
            do_handshake: whether to do the handshake now; otherwise it is done by
                ``do_handshake()``, or by the first ``recv()`` or ``send()``.

        Returns:
            The new socket; if the handshake fails, both are closed.

        Raises:
            ConfigError: there is no such client domain, or none for this address.
            TimeoutError: the handshake took longer than the timeout of the socket, or than
                :attr:`handshake_timeout`.
            TLSError: the handshake has failed, see ``Connection.handshake()``.
            OSError: the network has, or the socket is not connected.
            ValueError: the client side has no server name, an argument belongs to the other side,
                or the socket is no stream, or does not block and shall do the handshake now.
            TypeError: it is no plain socket, or the server name no text.
            UnsupportedError: the manager has no TLS library.
        """
        return wrap_socket(
            self,
            sock,
            Patience(self._handshake_timeout, self._send_timeout),
            server_side=server_side,
            domain=domain,
            server_name=server_name,
            session=session,
            local=local,
            do_handshake=do_handshake,
        )

    # --- listening -----------------------------------------------------------------------

    def listen(
        self,
        addresses: Iterable[BoundSocket | Target | str] | str,
        routes: AnyRoutes = None,
        *,
        workers: int = 1,
        limits: Limits | None = None,
        connect_timeout: float = 10.0,
        balance: Balance | str = Balance.ROUND_ROBIN,
        unclean_end: UncleanEnd | str = UncleanEnd.RESET,
        proxy_protocol: ProxyProtocol | str | None = None,
        proxy_protocol_tlvs: ProxyTLVs | str = ProxyTLVs.TLS,
        proxy_header_from: Iterable[str] | str | None = None,
        nice: int = 0,
        on_end: Callable[[Ended], object] | None = None,
        on_connection: Callable[[AcceptedConnection], object] | None = None,
        on_client_hello: OnDemand | Callable[[ClientHello], object] | None = None,
    ) -> Listener:
        """Accept connections in threads that need no Python, and forward them or hand them over.

        Handshakes happen in the domain that matches, as for :meth:`server_connection`; a change of
        the domains holds for all connections that are accepted after it was made.

        Args:
            addresses: ``"tls:HOST:PORT"`` or ``"tcp:HOST:PORT"``, one or several; port 0 lets the
                system choose, the host ``*`` is all addresses of the machine.
            routes: upstreams, as :class:`~tlsmgm.Upstream` or as text such as ``"tcp:HOST:PORT"``,
                ``"tls:HOST:PORT"``, ``"unix:PATH"``: one, several that take turns, or a mapping
                from the names of server domains to those, with ``"*"`` for all others.  Names are
                resolved now, and again every ten seconds.  None, for all or in place of upstreams:
                connections are handed to the program once their handshake is done, by
                ``async for connection in listener``, :meth:`~tlsmgm.Listener.accept` or
                ``on_connection``.
            workers: threads.
            limits: what clients are granted.
            connect_timeout: seconds for reaching an upstream, its handshake included.
            balance: which upstream of several is next: ``"round_robin"`` or
                ``"least_connections"``, both by their weights.
            unclean_end: what a plain neighbour sees where the end is not a clean one.
            proxy_protocol: ``"v1"`` or ``"v2"``: tell upstreams about clients by such a header.
            proxy_protocol_tlvs: what version 2 of it says beside the addresses.
            proxy_header_from: networks such as ``"10.0.0.0/8"`` and ``"::1"``: each connection
                begins with a PROXY header, version 1 or 2, which says who the client is and where
                it connected to; that holds for limits, matching and logs.  Whoever connects from
                elsewhere, or sends none, is turned away.  None: there are no headers.
            nice: how much the workers yield to other threads on their processors, 0 to 19, such as
                to an event loop that gets the connections (Linux only).
            on_end: a plain function that hears of each connection that is over, in a thread of the
                listener; it should return soon.
            on_connection: a plain function that gets each connection that is handed over, in a
                thread of the listener, one at a time; what it raises is logged, and resets the
                client.  That the client has gone is logged in one line, at INFO.
            on_client_hello: finds the domain of a client for whom none answers, while it waits:
                :class:`~tlsmgm.OnDemand`, or its ``load`` alone.

        Returns:
            The listener, which accepts already.

        Raises:
            ConfigError: an address cannot be had, a route leads nowhere, or a value cannot be
                used; then nothing listens.
            TypeError: a callback is no function, or a coroutine function.
            UnsupportedError: clients shall speak TLS, and the manager has no TLS library.
        """
        return open_listener(
            Source(self._state, self._changes.follow, self._changes.build),
            addresses,
            routes,
            workers=workers,
            limits=limits,
            connect_timeout=connect_timeout,
            balance=balance,
            unclean_end=unclean_end,
            proxy_protocol=proxy_protocol,
            proxy_protocol_tlvs=proxy_protocol_tlvs,
            proxy_header_from=proxy_header_from,
            nice=nice,
            on_end=on_end,
            on_connection=on_connection,
            on_client_hello=on_client_hello,
        )

    def _state(self) -> tuple[Snapshot, Times]:
        times = Times(self._handshake_timeout, self._send_timeout)
        return self._changes.snapshot, times
