"""pyOpenSSL, in memory: connections without a socket.

It brings the OpenSSL of ``cryptography``. Its names cannot set the number of tickets, so a TLS 1.3
server gives two of them, and groups other than NIST's are pinned by the client.
"""

from __future__ import annotations

from typing import Any

from benchmarks.cohort.memory import READ_SIZE, Accept, Connect, Entrant
from benchmarks.cohort.setting import Absent, Facts, Identity, Setting
from benchmarks.identity import SERVER_NAME

try:
    from OpenSSL import SSL
except ImportError:  # pragma: no cover  # it belongs to the packages that tests need
    SSL = None  # type: ignore[assignment]

__all__ = ["PyOpenSSL"]


class _End:
    """A ``Connection`` without socket."""

    __slots__ = ("_tls",)

    def __init__(self, context: Any, session: object | None = None, is_server: bool = True) -> None:
        tls = SSL.Connection(context, None)
        if is_server:
            tls.set_accept_state()
        else:
            tls.set_tlsext_host_name(SERVER_NAME.encode())
            if session is not None:
                offered: Any = session
                tls.set_session(offered)
            tls.set_connect_state()
        self._tls = tls

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake."""
        if wire:
            self._tls.bio_write(wire)
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False, self._drain()
        return True, self._drain()

    def _drain(self) -> bytes:
        pieces = []
        try:
            while True:
                piece = self._tls.bio_read(READ_SIZE)
                pieces.append(piece)
                if len(piece) < READ_SIZE:
                    break  # This saves the exception that says there is no more.
        except SSL.WantReadError:
            pass
        return b"".join(pieces)

    def seal(self, data: bytes) -> bytes:
        """Send data."""
        self._tls.sendall(data)
        return self._drain()

    def open(self, wire: bytes) -> bytes:
        """Take data, a record at a time; only an exception says that there is no more."""
        tls = self._tls
        if wire:
            tls.bio_write(wire)
        pieces = []
        try:
            while True:
                pieces.append(tls.recv(READ_SIZE))
        except SSL.WantReadError:
            pass
        return b"".join(pieces)

    def facts(self) -> Facts:
        """Say what was negotiated."""
        tls = self._tls
        group = tls.get_group_name() if hasattr(tls, "get_group_name") else None
        has_peer = tls.get_peer_certificate() is not None
        return Facts(tls.get_protocol_version_name(), tls.get_cipher_name(), group, None, has_peer)

    def close(self) -> None:
        """Say goodbye: without it, OpenSSL makes the session unusable."""
        self._tls.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)

    def session(self) -> object | None:
        """The client's session."""
        return self._tls.get_session()


class PyOpenSSL(Entrant):
    """pyOpenSSL.

    Raises:
        Absent: it is not installed.
    """

    def __init__(self) -> None:
        if SSL is None:
            raise Absent("pyOpenSSL: pip install pyOpenSSL")
        self.name = "pyOpenSSL"
        version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION)
        self.library = version.decode()

    def server(self, identity: Identity, setting: Setting) -> Accept:
        """A context."""
        if setting.is_tls13 and not setting.tickets:
            raise Absent("pyOpenSSL: it cannot turn off tickets of TLS 1.3")
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        _pin(context, setting)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(b"benchmarks")  # needed to resume under client verification
        if not setting.tickets:
            context.set_options(SSL.OP_NO_TICKET)
        context.use_certificate_chain_file(identity.certificate)
        context.use_privatekey_file(identity.key)
        if setting.mutual:
            context.load_verify_locations(identity.ca)
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        return lambda: _End(context)

    def client(self, identity: Identity, setting: Setting) -> Connect:
        """A context that does not verify."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        _pin(context, setting)
        context.set_verify(SSL.VERIFY_NONE)
        if setting.mutual:
            context.use_certificate_chain_file(identity.client_certificate)
            context.use_privatekey_file(identity.client_key)
        return lambda session: _End(context, session, is_server=False)


def _pin(context: Any, setting: Setting) -> None:
    version = SSL.TLS1_3_VERSION if setting.is_tls13 else SSL.TLS1_2_VERSION
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if setting.is_tls13:
        context.set_tls13_ciphersuites(setting.cipher.encode())
    else:
        context.set_cipher_list(setting.cipher.encode())
