"""Other people's TLS in memory, in the shape of our connections."""

from __future__ import annotations

import ssl
from typing import Any

from OpenSSL import SSL

from tests.support.managers import pki

_STDLIB_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_PYOPENSSL_VERSIONS = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


class StdlibPeer:
    """A connection of Python's ``ssl``.

    Args:
        context: what it is made in.
        server_side: whether it accepts.
        server_name: a client's name to send and to check.
        session: a client's session to offer.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_name: str | None = None,
        session: Any = None,
    ) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._in, self._out, server_side, server_hostname=server_name, session=session
        )

    def feed(self, data: bytes) -> None:
        """Take bytes of the other end."""
        self._in.write(data)

    def drain(self) -> bytes:
        """Give bytes to the other end."""
        return self._out.read()

    def handshake(self) -> bool:
        """Go on; True once complete."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self, size: int = 65536) -> bytes | None:
        """Return data; None when there is none yet, nothing after the peer's close_notify."""
        try:
            return self.tls.read(size)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data: bytes) -> int:
        """Send data."""
        return self.tls.write(data)

    def shutdown(self) -> bool:
        """Send close_notify; True when the other end has done so, too."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            return False
        return True

    @property
    def session(self) -> Any:
        """The client's session."""
        return self.tls.session

    @property
    def version(self) -> str | None:
        """The version as negotiated."""
        return self.tls.version()


class PyOpenSSLPeer:
    """A connection of pyOpenSSL; the arguments are those of ``StdlibPeer``."""

    def __init__(
        self,
        context: SSL.Context,
        *,
        server_side: bool = False,
        server_name: str | None = None,
        session: Any = None,
    ) -> None:
        self.tls = SSL.Connection(context, None)
        if server_name is not None:
            self.tls.set_tlsext_host_name(server_name.encode())
        if session is not None:
            self.tls.set_session(session)
        if server_side:
            self.tls.set_accept_state()
        else:
            self.tls.set_connect_state()

    def feed(self, data: bytes) -> None:
        """Take bytes of the other end."""
        while data:
            data = data[self.tls.bio_write(data) :]

    def drain(self) -> bytes:
        """Give bytes to the other end."""
        pieces = []
        while True:
            try:
                pieces.append(self.tls.bio_read(65536))
            except SSL.WantReadError:
                return b"".join(pieces)

    def handshake(self) -> bool:
        """Go on; True once complete."""
        try:
            self.tls.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def read(self, size: int = 65536) -> bytes | None:
        """Return data; None when there is none yet, nothing after the peer's close_notify."""
        try:
            return self.tls.recv(size)
        except SSL.WantReadError:
            return None
        except SSL.ZeroReturnError:
            return b""

    def write(self, data: bytes) -> int:
        """Send data."""
        return self.tls.send(data)

    def shutdown(self) -> bool:
        """Send close_notify; True when the other end has done so, too."""
        return self.tls.shutdown()

    @property
    def session(self) -> Any:
        """The client's session."""
        # OpenSSL makes a session unusable when its connection is freed without close_notify.
        self.tls.set_shutdown(SSL.SENT_SHUTDOWN)
        return self.tls.get_session()

    @property
    def version(self) -> str:
        """The version as negotiated."""
        return self.tls.get_protocol_version_name()


def stdlib_context(
    version: str, *, server: str | None = None, certificate: str | None = None, mutual: bool = False
) -> ssl.SSLContext:
    """Return a context of Python's ``ssl`` that speaks one version.

    Args:
        version: as ``Connection.version`` says it.
        server: certificate that a server shows; None makes a client's context.
        certificate: certificate that a client shows.
        mutual: whether a server demands a certificate.
    """
    side = ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    context = ssl.SSLContext(side)
    # The recorded root is an X.509 v1 certificate.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    context.minimum_version = context.maximum_version = _STDLIB_VERSIONS[version]
    context.load_verify_locations(pki("root.pem"))
    if shown := server or certificate:
        context.load_cert_chain(pki(f"{shown}.pem"), pki(f"{shown}.key"))
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def pyopenssl_context(
    version: str, *, server: str | None = None, certificate: str | None = None, mutual: bool = False
) -> SSL.Context:
    """Return a context of pyOpenSSL; the arguments are those of ``stdlib_context``."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(_PYOPENSSL_VERSIONS[version])
    context.set_max_proto_version(_PYOPENSSL_VERSIONS[version])
    context.load_verify_locations(pki("root.pem"))
    context.set_session_id(b"tests")
    if shown := server or certificate:
        context.use_certificate_chain_file(pki(f"{shown}.pem"))
        context.use_privatekey_file(pki(f"{shown}.key"))
    if mutual or not server:
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


PEERS: dict[str, tuple[Any, Any]] = {
    "ssl": (StdlibPeer, stdlib_context),
    "pyOpenSSL": (PyOpenSSLPeer, pyopenssl_context),
}
