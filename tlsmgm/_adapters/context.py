"""A context shaped like Python's ``ssl.SSLContext`` whose connections run on our libraries.

Its base class, Python's own, keeps the plain values, and refuses what it always refused, with the
same errors.  It also holds what is loaded, for ``get_ca_certs()`` and the like, but no connection
is ever made of it: each gets a context of the library, which is immutable, built of all values
when the first connection needs it, and anew once one of them has changed.
"""

from __future__ import annotations

import dataclasses
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Final

from tlsmgm._adapters.building import Settings, build, check_identity, cipher_list
from tlsmgm._adapters.certificates import verified_chain
from tlsmgm._adapters.choosing import Chooser
from tlsmgm._adapters.engine import Engine
from tlsmgm._adapters.errors import ConfigError, HandshakeError, UnsupportedError, as_stock
from tlsmgm._adapters.libraries import library_named
from tlsmgm._adapters.loaded import AnyPath, Identity, Trusted, key_kind, pem_of, read, split_der
from tlsmgm._adapters.maker import Maker
from tlsmgm._adapters.memory_end import MemoryEnd
from tlsmgm._adapters.passphrase import Passphrase
from tlsmgm._adapters.session import new_statistics
from tlsmgm._adapters.socket_end import SocketEnd
from tlsmgm._adapters.values import VALUES
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.context import Context
from tlsmgm._core.items import read_chain
from tlsmgm._core.material import Material
from tlsmgm._core.memory_bio import MemoryBIO
from tlsmgm._core.memory_end import end_between, wrap_bio
from tlsmgm._core.ticket_keys import TicketKeys
from tlsmgm._domains.ciphers import is_tls13_suite
from tlsmgm._domains.defaults import DEFAULT_TICKET_ROTATION
from tlsmgm._domains.filters import plain_ip
from tlsmgm._material.ticket_schedule import OwnSchedule
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

__all__ = ["SSLContext"]

_IDENTITIES_MAX: Final = 2

#: Whether servers or clients are refused, by the protocol.
_WRONG_SIDES: Final = {ssl.PROTOCOL_TLS_CLIENT: True, ssl.PROTOCOL_TLS_SERVER: False}

#: Peers that are remembered for get_ca_certs().
_PEERS_MAX: Final = 64


class SSLContext(Maker):
    """An ``ssl.SSLContext`` over OpenSSL or wolfSSL of tlsmgm.

    Args:
        protocol: as for ``ssl.SSLContext``, such as ``ssl.PROTOCOL_TLS_SERVER``.
        library: ``"auto"`` (openssl if present, else wolfssl), ``"openssl"`` or ``"wolfssl"``.

    Raises:
        ConfigError: there is no such library.
        ValueError: there is no such protocol.
        TypeError: the library is no name.

    All that ``ssl`` refuses is refused with the same exceptions, or subclasses of them that are
    ours as well.  ``docs/adapters.md`` says what is different.
    """

    #: What ``library`` is where nobody says.
    default_library: ClassVar[str] = "auto"

    def __init__(self, protocol: int | None = None, *, library: str | None = None) -> None:
        self._backend = library_named(self.default_library if library is None else library)
        self._lock = threading.Lock()
        self._built: dict[tuple[bool, bool], tuple[object, Context]] = {}
        self._identities: dict[bytes, Identity] = {}
        self._trusted = Trusted()
        self._dh_params: Material | None = None
        self._cipher_text: str | None = None
        self._suites: str | None = None
        self._groups: str | None = None
        self._sigalgs: str | None = None
        self._client_sigalgs: str | None = None
        self._alpn: bytes | None = None
        self._tickets: TicketKeys | None = None
        self._peers: list[tuple[Certificate, ...]] = []
        self._statistics = new_statistics()
        self._wrong_side = _WRONG_SIDES.get(VALUES.protocol.__get__(self))

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a value, which counts for the next connection.

        Connections do not look at all values each time, so nothing sets one but by way of this.
        """
        super().__setattr__(name, value)
        if not name.startswith("_"):
            self._changed()

    def _changed(self) -> None:
        """Take note that something has changed, whatever it is; for who has changed it."""
        self._state = object()  # and no count: two threads might count to the same number

    @property
    def library(self) -> str:
        """Name of the TLS library."""
        return self._backend.name

    # --- connections ---------------------------------------------------------------------

    def _wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: object = None,
        session: object = None,
    ) -> SocketEnd:
        _check_hostname(server_hostname)
        return SocketEnd(self, sock, server_side, server_hostname, owner, session)

    wrap_bio = wrap_bio
    _memory_end = MemoryEnd

    def _wrap_bio(
        self,
        incoming: ssl.MemoryBIO | MemoryBIO,
        outgoing: ssl.MemoryBIO | MemoryBIO,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: object = None,
        session: object = None,
    ) -> MemoryEnd:
        if server_hostname is not None:
            _check_hostname(server_hostname)
        made: MemoryEnd = end_between(
            self, incoming, outgoing, server_side, server_hostname, owner, session
        )
        return made

    def _check_side(self, is_server: bool) -> None:
        """Refuse what the protocol is not for."""
        if is_server is self._wrong_side:
            side, name = ("server", "CLIENT") if is_server else ("client", "SERVER")
            raise ConfigError(f"Cannot create a {side} socket with a PROTOCOL_TLS_{name} context")

    def _connect(self, end: Engine) -> Connection:
        """Make the connection of one end."""
        if not end.server_side:
            return self._client_connection(end)
        state = self._state
        callback: Any = self.sni_callback
        if self._alpn is None and callback is None and self._identities:
            context = self._native(is_server=True)
            self._quick = state, Connection, context
            return Connection(context)
        return Connection(chooser=Chooser(weakref.ref(end), callback))

    def _client_connection(self, end: Engine) -> Connection:
        name, session = end.server_hostname, end.session
        sent = checked = None
        if name is not None:
            address = plain_ip(name.removesuffix("."))
            named = (address or name.removesuffix(".")).encode("ascii")
            sent = None if address is not None else named
            checked = named if self.check_hostname else None
        return Connection(
            self._native(is_server=False),
            server_name=sent,
            verify_name=checked,
            session=None if session is None else session.native,
        )

    def _native(self, is_server: bool, *, with_alpn: bool = True) -> Context:
        """The library's context with the present values."""
        state = self._state
        built = self._built.get((is_server, with_alpn))
        if built is not None and built[0] is state:
            return built[1]
        if is_server and not self._identities:
            raise HandshakeError("no shared cipher: the context has no certificate", alert=40)
        with self._lock:
            context = build(self._settings(is_server, with_alpn), self._backend)
            self._built[is_server, with_alpn] = state, context
        return context

    def _settings(self, is_server: bool, with_alpn: bool) -> Settings:
        keylog = VALUES.keylog_filename.__get__(self)
        lowest, highest = _versions(self)
        flags = VALUES.verify_flags.__get__(self)
        return Settings(
            is_server=is_server,
            options=VALUES.options.__get__(self),
            lowest=lowest,
            highest=highest,
            verify_mode=VALUES.verify_mode.__get__(self),
            verify_flags=flags,
            ciphers=self._cipher_words(),
            groups=self._groups,
            sigalgs=self._sigalgs,
            client_sigalgs=self._client_sigalgs,
            alpn=self._alpn if with_alpn else None,
            identities=tuple(self._complete(one) for one in self._identities.values()),
            dh_params=self._dh_params,
            trusted=self._anchors() if VALUES.verify_mode.__get__(self) else (),
            crls=self._trusted.crls,
            keylog=None if keylog is None else str(keylog),
            ticket_keys=self._ticket_keys() if is_server else None,
            tickets=self._ticket_count if is_server else 0,
        )

    def _anchors(self) -> tuple[Certificate, ...]:
        """Whom connections trust."""
        flags = VALUES.verify_flags.__get__(self)
        partial = bool(flags & ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN)
        return self._trusted.certificates(partial=partial)

    def _complete(self, identity: Identity) -> Identity:
        """With the issuers of a lonely certificate, if they are here: OpenSSL sends them, too."""
        shown = read_chain(identity.certificate)
        if len(shown) > 1 or not self._trusted:
            return identity
        leaf = Certificate(shown[0].der)
        chain = verified_chain((leaf,), self._trusted.certificates(partial=True))
        if len(chain) == 1:
            return identity
        return dataclasses.replace(identity, certificate=b"".join(pem_of(one.der) for one in chain))

    def _ticket_keys(self) -> TicketKeys | None:
        """The ring of a server, which lives as long as the context; None: no tickets."""
        if VALUES.options.__get__(self) & ssl.OP_NO_TICKET or not self.num_tickets:
            return None
        if self._tickets is None:
            self._tickets = TicketKeys(OwnSchedule(DEFAULT_TICKET_ROTATION))
        return self._tickets

    # --- what is shown -------------------------------------------------------------------

    def load_cert_chain(
        self, certfile: AnyPath, keyfile: AnyPath | None = None, password: Any = None
    ) -> None:
        """Load a certificate with its chain, and its key; see ``ssl``.

        Files are read now, and no later.  One certificate of each kind of key counts, the latest.
        An encrypted key without a password is refused: nobody asks at the terminal.
        """
        passphrase = Passphrase(password)
        super().load_cert_chain(certfile, keyfile, passphrase.ask)
        certificate = read(certfile)
        key = certificate if keyfile is None else read(keyfile)
        try:
            leaf = Certificate(read_chain(certificate)[0].der)
        except TLSError as error:
            raise as_stock(error) from None
        kind = key_kind(leaf.public_key_info)
        opens = passphrase.given if b"ENCRYPTED" in bytes(key) else None
        identity = Identity(certificate, key, opens, kind)
        self._check_passphrase(identity)
        if kind not in self._identities and len(self._identities) == _IDENTITIES_MAX:
            raise UnsupportedError("a context shows certificates with keys of two kinds at most")
        check_identity(identity, self._backend)
        self._identities.pop(kind, None)
        self._identities[kind] = identity
        self._changed()

    def _check_passphrase(self, identity: Identity) -> None:
        others = {one.passphrase for one in self._identities.values() if one.kind != identity.kind}
        if identity.passphrase is not None and others - {None, identity.passphrase}:
            raise UnsupportedError(
                "the encrypted keys of a context must have the same password",
                hint="encrypt both with one, or none",
            )

    def load_dh_params(self, path: AnyPath, /) -> None:
        """Load Diffie-Hellman parameters; see ``ssl``."""
        super().load_dh_params(path)  # type: ignore[arg-type]
        self._dh_params = read(path)
        self._changed()

    # --- what is trusted -----------------------------------------------------------------

    def load_verify_locations(
        self,
        cafile: AnyPath | None = None,
        capath: AnyPath | None = None,
        cadata: Any = None,
    ) -> None:
        """Load whom to trust, and lists of revoked certificates; see ``ssl``.

        Files are read now; a directory is read when a library's context is built.
        """
        super().load_verify_locations(cafile, capath, cadata)
        if cafile is not None:
            self._trusted.add_file(read(cafile))
        if capath is not None:
            self._trusted.add_folder(_text(capath))
        if isinstance(cadata, str):
            self._trusted.add_pem(cadata.encode("ascii"))
        elif cadata is not None:
            self._trusted.add_pem(b"".join(pem_of(der) for der in split_der(bytes(cadata))))
        self._changed()

    def set_default_verify_paths(self) -> None:
        """Trust whom the system trusts; see ``ssl``."""
        super().set_default_verify_paths()
        paths = ssl.get_default_verify_paths()
        if paths.cafile is not None:
            self._trusted.add_file(read(paths.cafile))
        if paths.capath is not None:
            self._trusted.add_folder(paths.capath)
        self._changed()

    def get_ca_certs(self, binary_form: bool = False) -> Any:
        """Return whom it trusts; of a directory those who have vouched for a peer; see ``ssl``."""
        while self._peers:
            chain = verified_chain(self._peers.pop(), self._anchors())
            if chain[1:]:
                super().load_verify_locations(cadata=chain[-1].der)
        return super().get_ca_certs(binary_form)

    def _note_peer(self, connection: Connection) -> None:
        """Remember a peer that is verified, until somebody asks who has vouched for it."""
        has_room = self._trusted.has_folders and len(self._peers) < _PEERS_MAX
        if has_room and connection.peer_verified:
            self._peers.append(connection.peer_chain)

    # --- what is negotiated --------------------------------------------------------------

    def set_ciphers(self, cipherlist: str, /) -> None:
        """Choose suites up to TLS 1.2, in OpenSSL's words; see ``ssl``."""
        super().set_ciphers(cipherlist)
        cipher_list(cipherlist, self._backend)
        self._cipher_text = cipherlist
        self._changed()

    def set_ciphersuites(self, ciphersuites: str, /) -> None:
        """Choose suites of TLS 1.3, separated by colons, as Python 3.15 does.

        Raises:
            ConfigError: the library does not have one of them.
        """
        for name in ciphersuites.split(":"):
            if not is_tls13_suite(name):
                raise ConfigError(f"{name!r} is no suite of TLS 1.3", parameter="ciphersuites")
        cipher_list(ciphersuites, self._backend)
        self._suites = ciphersuites
        self._changed()

    def _cipher_words(self) -> str:
        """What was chosen; else what Python chooses, as far as the library has it."""
        older = self._cipher_text
        if older is None:
            chosen = [str(suite["name"]) for suite in super().get_ciphers()]
            known = self._backend.cipher_names
            older = ":".join(name for name in chosen if name in known and not is_tls13_suite(name))
        return older if self._suites is None else f"{older}:{self._suites}"

    def get_ciphers(self) -> Any:
        """Return the suites, as far as Python's OpenSSL knows them, too."""
        known = self._backend.cipher_names
        newer = known if self._suites is None else self._suites.split(":")
        found: list[Any] = super().get_ciphers()
        return [
            suite
            for suite in found
            if suite["name"] in (newer if is_tls13_suite(suite["name"]) else known)
        ]

    def set_ecdh_curve(self, name: Any, /) -> None:
        """Choose the one group of the key exchange; see ``ssl``."""
        super().set_ecdh_curve(name)
        self._groups = _text(name)
        self._changed()

    def set_groups(self, groups: str, /) -> None:
        """Choose groups of the key exchange, separated by colons, best first, as Python 3.15 does.

        Raises:
            ConfigError: the library does not know one of them.
        """
        try:
            Context(self._backend, is_server=False, groups=groups)
        except TLSError as error:
            raise as_stock(error) from None
        self._groups = groups
        self._changed()

    def set_server_sigalgs(self, sigalgs: str, /) -> None:
        """Choose by which signature algorithms servers may sign, as Python 3.15 does.

        Args:
            sigalgs: names such as ``"ecdsa_secp256r1_sha256"`` or ``"RSA+SHA256"``, separated by
                colons, best first; one with a question mark in front may be unknown.

        Raises:
            ConfigError: the library does not know one of them, which is named.
            TypeError: that is no text.
        """
        self._check_sigalgs(sigalgs)
        self._sigalgs = sigalgs
        self._changed()

    def set_client_sigalgs(self, sigalgs: str, /) -> None:
        """Choose by which signature algorithms clients may sign, as Python 3.15 does.

        Without it the choice for servers counts for clients, too; see :meth:`set_server_sigalgs`.
        wolfSSL cannot keep both apart: ``docs/adapters.md`` has what the first connection refuses.

        Raises:
            ConfigError: the library does not know one of them, which is named.
            TypeError: that is no text.
        """
        self._check_sigalgs(sigalgs)
        self._client_sigalgs = sigalgs
        self._changed()

    def _check_sigalgs(self, sigalgs: str) -> None:
        if not isinstance(sigalgs, str):
            raise TypeError(f"sigalgs has to be text, not {type(sigalgs).__name__}")
        try:
            Context(self._backend, is_server=False, signature_algorithms=sigalgs)
        except TLSError as error:
            raise as_stock(error) from None

    def _set_alpn_protocols(self, protocols: Any, /) -> None:
        alpn = bytes(protocols) or None
        if alpn is not None:
            try:
                Context(self._backend, is_server=False, alpn=alpn)
            except TLSError as error:
                raise as_stock(error) from None
        self._alpn = alpn
        self._changed()

    # --- what is counted -----------------------------------------------------------------

    def session_stats(self) -> dict[str, int]:
        """Return counts of handshakes and of resumed sessions; there is no cache of them."""
        return dict(self._statistics)

    # --- what there is not ---------------------------------------------------------------

    def set_psk_client_callback(self, callback: Callable[..., Any] | None) -> None:
        """Refuse: there are no external pre-shared keys."""
        _no_psk(callback)

    def set_psk_server_callback(
        self, callback: Callable[..., Any] | None, identity_hint: str | None = None
    ) -> None:
        """Refuse: there are no external pre-shared keys."""
        _no_psk(callback)


def _no_psk(callback: object) -> None:
    if callback is not None:
        raise UnsupportedError("external pre-shared keys cannot be had")


def _text(value: Any) -> str:
    return str(value, "utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _check_hostname(name: str | None) -> None:
    """As ``ssl`` does it before OpenSSL sees the name."""
    if name is None:
        return
    if "\0" in name:
        raise TypeError("server_hostname must not have NUL characters")
    if not name or name.startswith("."):
        raise ValueError("server_hostname cannot be an empty string or start with a leading dot.")


def _versions(context: ssl.SSLContext) -> tuple[int, int]:
    """The bounds as numbers on the wire."""
    fixed = {
        ssl.PROTOCOL_TLSv1: 0x0301,
        ssl.PROTOCOL_TLSv1_1: 0x0302,
        ssl.PROTOCOL_TLSv1_2: 0x0303,
    }.get(context.protocol)
    if fixed is not None:
        return fixed, fixed
    lowest, highest = context.minimum_version, context.maximum_version
    names = ssl.TLSVersion
    ends = {names.MINIMUM_SUPPORTED: 0x0301, names.MAXIMUM_SUPPORTED: 0x0304}
    return int(ends.get(lowest, lowest)), int(ends.get(highest, highest))
