"""Python's ssl module, over MemoryBIO."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

from benchmarks.cohort.memory import READ_SIZE, Accept, Connect, Entrant
from benchmarks.cohort.setting import HYBRID_GROUP, Absent, Facts, Identity, Setting
from benchmarks.identity import SERVER_NAME

__all__ = ["StdlibSSL", "server_context"]

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class _End:
    """An ``SSLObject`` and its two buffers."""

    __slots__ = ("_incoming", "_outgoing", "_tls")

    def __init__(
        self, context: ssl.SSLContext, session: Any = None, is_server: bool = True
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            is_server,
            server_hostname=None if is_server else SERVER_NAME,
            session=session,
        )

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake."""
        self._incoming.write(wire)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False, self._outgoing.read()
        return True, self._outgoing.read()

    def seal(self, data: bytes) -> bytes:
        """Send data; the buffer has no bound, so one call takes everything."""
        self._tls.write(data)
        return self._outgoing.read()

    def open(self, wire: bytes) -> bytes:
        """Take data, a record at a time; ``pending`` saves the exception where none is left."""
        tls, incoming = self._tls, self._incoming
        incoming.write(wire)
        pieces = []
        try:
            while incoming.pending or tls.pending():
                pieces.append(tls.read(READ_SIZE))
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def facts(self) -> Facts:
        """Say what was negotiated."""
        cipher = self._tls.cipher()
        group = self._tls.group() if hasattr(self._tls, "group") else None  # Python 3.15
        return Facts(
            self._tls.version(),
            None if cipher is None else cipher[0],
            group,
            self._tls.session_reused,
            self._tls.getpeercert(binary_form=True) is not None,
        )

    def close(self) -> None:
        """Say goodbye: without it, OpenSSL makes the session unusable."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()

    def session(self) -> object | None:
        """The client's session."""
        session = self._tls.session
        return session if session is not None and session.has_ticket else None


class StdlibSSL(Entrant):
    """Python's ssl.

    Args:
        by_name: whether ``sni_callback`` chooses a context by the server's name, which is what
            comes closest to a proxy with domains.
    """

    def __init__(self, *, by_name: bool = False) -> None:
        self._by_name = by_name
        self.name = "ssl, sni_callback" if by_name else "ssl"
        self.library = ssl.OPENSSL_VERSION

    def server(self, identity: Identity, setting: Setting) -> Accept:
        """A context, or two of them."""
        context = server_context(identity, setting)
        if self._by_name:
            by_name = {SERVER_NAME: server_context(identity, setting)}

            def choose(tls: Any, name: str | None, _: ssl.SSLContext) -> None:
                tls.context = by_name[name or ""]

            context.sni_callback = choose
        return lambda: _End(context)

    def client(self, identity: Identity, setting: Setting) -> Connect:
        """A context that does not verify."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        _pin(context, setting)
        if setting.mutual:
            context.load_cert_chain(identity.client_certificate, identity.client_key)
        return lambda session: _End(context, session, is_server=False)


def server_context(identity: Identity, setting: Setting) -> ssl.SSLContext:
    """Return a server's context with all that Python lets one pin.

    Groups and the suites of TLS 1.3 can be set only since Python 3.15: in memory the client pins
    them, over loopback also OpenSSL's own configuration file.

    Args:
        identity: certificate and key; the CA of clients for mutual TLS.
        setting: what is pinned.

    Raises:
        Absent: the OpenSSL below has no such group.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _pin(context, setting)
    context.load_cert_chain(identity.certificate, identity.key)
    context.num_tickets = 1 if setting.tickets else 0
    if not setting.tickets:
        context.options |= ssl.OP_NO_TICKET
    if setting.mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(identity.ca)
    return context


def _pin(context: ssl.SSLContext, setting: Setting) -> None:
    if setting.group == HYBRID_GROUP and ssl.OPENSSL_VERSION_INFO < (3, 5):
        raise Absent(f"ssl: {ssl.OPENSSL_VERSION} has no {HYBRID_GROUP}; OpenSSL 3.5 has")
    context.minimum_version = context.maximum_version = _VERSIONS[setting.version]
    if not setting.is_tls13:
        context.set_ciphers(setting.cipher)
    elif hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(setting.cipher)
    if hasattr(context, "set_groups"):
        context.set_groups(setting.groups)
