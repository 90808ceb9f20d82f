"""A context shaped like Python's ``ssl.SSLContext`` that is made from a manager, or from a domain.

What it shows, trusts and allows is its domains' and nobody else's: servers read the ClientHello
first, and where no domain answers, the client gets alert 112.  A reload of the manager holds for
the next connection.
"""

from __future__ import annotations

import ssl
from typing import Any, Final, NoReturn

from tlsmgm._adapters.context import SSLContext
from tlsmgm._adapters.engine import Engine
from tlsmgm._adapters.errors import ConfigError, UnsupportedError, as_stock
from tlsmgm._adapters.libraries import library_named
from tlsmgm._adapters.socket_end import SocketEnd
from tlsmgm._core.context import Context
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.filters import plain_ip
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

__all__ = ["ManagedContext", "ssl_context"]

_PORT_MAX: Final = 0xFFFF

#: Where a connection in memory has come in, if nobody says.
_ANYWHERE: Final = ("0.0.0.0", 0)


class ManagedContext(SSLContext):
    """Made by :func:`ssl_context`."""

    _manager: TLSManager
    _client: str | None
    _local: tuple[str, int] | None
    _is_ready = False

    def _connect(self, end: Engine) -> Connection:
        try:
            if end.server_side:
                return self._manager.server_connection(self._local_of(end))
            session = end.session
            return self._manager.client_connection(
                self._client or "",
                end.server_hostname,
                None if session is None else session.native,
            )
        except TLSError as error:
            raise as_stock(error) from None

    def _local_of(self, end: Engine) -> tuple[str, int]:
        if self._local is not None:
            return self._local
        local = end.local if isinstance(end, SocketEnd) else None
        return _ANYWHERE if local is None else local

    def _native(self, is_server: bool, *, with_alpn: bool = True) -> Context:
        """Refuse: an ``sni_callback`` of another context cannot send connections here."""
        raise UnsupportedError("a context made from a manager chooses by ClientHello itself")

    # --- what the domains say, nobody else does ------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        """Let values be set to what they are: frameworks do that."""
        if self._is_ready and not name.startswith("_") and name in _FIXED:
            if getattr(self, name) != value:
                self._refuse(name)
            return
        super().__setattr__(name, value)

    def _refuse(self, name: str) -> NoReturn:
        words = "cannot be called on" if name.endswith("()") else "cannot be changed in"
        raise UnsupportedError(
            f"{name} {words} a context that is made from domains",
            hint="change the domain, and give it to the manager's replace_domain()",
        )

    def load_cert_chain(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: certificates are the domains'."""
        self._refuse("load_cert_chain()")

    def load_verify_locations(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: whom to trust is said by the domains."""
        self._refuse("load_verify_locations()")

    def load_default_certs(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: whom to trust is said by the domains."""
        self._refuse("load_default_certs()")

    def set_default_verify_paths(self) -> None:
        """Refuse: whom to trust is said by the domains."""
        self._refuse("set_default_verify_paths()")

    def load_dh_params(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: parameters are the domains'."""
        self._refuse("load_dh_params()")

    def set_ciphers(self, cipherlist: str, /) -> None:
        """Refuse: suites are chosen by the domains."""
        self._refuse("set_ciphers()")

    def set_ciphersuites(self, ciphersuites: str, /) -> None:
        """Refuse: suites are chosen by the domains."""
        self._refuse("set_ciphersuites()")

    def set_ecdh_curve(self, name: Any, /) -> None:
        """Refuse: groups are chosen by the domains."""
        self._refuse("set_ecdh_curve()")

    def set_groups(self, groups: str, /) -> None:
        """Refuse: groups are chosen by the domains."""
        self._refuse("set_groups()")

    def set_server_sigalgs(self, sigalgs: str, /) -> None:
        """Refuse: signature algorithms are the library's choice."""
        self._refuse("set_server_sigalgs()")

    def set_client_sigalgs(self, sigalgs: str, /) -> None:
        """Refuse: signature algorithms are the library's choice."""
        self._refuse("set_client_sigalgs()")

    def _set_alpn_protocols(self, protocols: Any, /) -> None:
        """Leave it at the domain's: HTTP clients say theirs before each connection."""

    def _anchors(self) -> tuple[Any, ...]:
        return ()


_FIXED: Final = frozenset(
    {
        "check_hostname",
        "hostname_checks_common_name",
        "keylog_filename",
        "maximum_version",
        "minimum_version",
        "num_tickets",
        "options",
        "sni_callback",
        "verify_flags",
        "verify_mode",
    }
)


def ssl_context(
    source: TLSManager | Domain,
    domain: Domain | str | None = None,
    *,
    library: str | None = None,
    local: tuple[str, int] | None = None,
) -> SSLContext:
    """Make an ``ssl.SSLContext`` of a manager's domains, or of one domain.

    Args:
        source: a manager: connections get its domains as they are by then; or one domain, whose
            files are read now.
        domain: of the manager: the client domain in which servers are called.  None: the context
            is for servers.
        library: ``"auto"``, ``"openssl"`` or ``"wolfssl"``.  None: the manager's; with a domain as
            source ``"auto"``.
        local: servers: address and port at which clients come in, for domains that are chosen by
            them.  None: of the socket that is wrapped; where there is none, as in asyncio, only
            domains for all addresses answer.

    Returns:
        A context that serves, or one that calls.  Its values can be read and not be changed.

    Raises:
        ConfigError: there is no such client domain, or a value or file cannot be used, or the
            manager has another library.
        TypeError: an argument is of a wrong type.
        UnsupportedError: the manager has no TLS library.
    """
    if local is not None:
        _check_local(local)
    try:
        return _made(source, domain, library, local)
    except TLSError as error:
        raise as_stock(error) from None


def _check_local(local: object) -> None:
    match local:
        case (str(address), int(port)) if not isinstance(port, bool):
            if plain_ip(address) is None or not 0 <= port <= _PORT_MAX:
                raise ConfigError(
                    f"{address!r} with port {port} is no address at which clients come in",
                    parameter="local",
                    hint="give an IP address and a port, such as ('192.0.2.1', 443)",
                )
        case _:
            raise TypeError(f"local has to be (address, port), not {local!r}")


def _manager_of(source: TLSManager | Domain, library: str | None) -> TLSManager:
    if isinstance(source, Domain):
        manager = TLSManager(library_named("auto" if library is None else library).name)
        manager.add_domain(source)
        return manager
    if not isinstance(source, TLSManager):
        raise TypeError(f"source has to be a TLSManager or a Domain, not {type(source).__name__}")
    if source.library == "none":
        raise UnsupportedError("this manager has no TLS library (tls_library is 'none')")
    if library is None or str(library).lower() == "auto":
        return source
    if library_named(library).name != source.library:
        raise ConfigError(
            f"the manager's TLS library is {source.library}, not {library}",
            parameter="library",
            hint="leave it out, or make a manager with that library",
        )
    return source


def _made(
    source: TLSManager | Domain,
    domain: Domain | str | None,
    library: str | None,
    local: tuple[str, int] | None,
) -> SSLContext:
    manager = _manager_of(source, library)
    if isinstance(source, Domain):
        if domain is not None:
            raise TypeError("with a domain as source there is no other one to choose")
        domain = source if source.kind == "client" else None
    protocol = ssl.PROTOCOL_TLS_SERVER if domain is None else ssl.PROTOCOL_TLS_CLIENT
    context = ManagedContext(protocol, library=manager.library)
    context._manager, context._local, context._client = manager, local, None
    if domain is None:
        # What is true of all is said of the context; each domain may ask clients for more.
        context.verify_mode = ssl.CERT_NONE
    else:
        client = manager.client_context(domain).domain
        if not isinstance(client, Domain):
            raise ConfigError("there is no such client domain")
        context._client = client.name
        context.check_hostname = client.checks_server_name
        context.verify_mode = ssl.CERT_REQUIRED if client.verify_cert else ssl.CERT_NONE
    context._is_ready = True
    return context
