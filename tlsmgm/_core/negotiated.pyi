"""What a connection has negotiated: parameters, names, certificates, sessions."""

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.context import Context
from tlsmgm._core.session import Session

class Negotiated:
    """The half of a connection that only looks: :class:`Connection` adds the traffic.

    Everything here is None, false or empty while there is nothing to tell, and stays after the
    connection has ended. One thread may look at a time; a second one gets RuntimeError.
    """

    @property
    def context(self) -> Context | None:
        """The native context, or None on a server until the ClientHello has been read."""
    @property
    def is_server(self) -> bool:
        """Whether a client has opened this connection."""
    @property
    def handshake_complete(self) -> bool:
        """Whether the handshake is complete, so that data can go both ways."""

    # Secrets of both ends.
    def export_keying_material(
        self, label: bytes, size: int, context: bytes | None = None
    ) -> bytes:
        """Secret bytes that both ends have, and nobody else (RFC 5705, RFC 8446 section 7.5).

        Args:
            label: what they are for, such as ``b"EXPORTER-Channel-Binding"``.
            size: bytes to make, 1 to 1024.
            context: more of what they are for; up to TLS 1.2 None is something else than b"".

        Raises:
            ValueError: the handshake is not complete, or the size is out of bounds.
            UnsupportedError: the library refuses this label.
        """
    def _finished_message(self, *, of_peer: bool) -> bytes | None: ...
    @property
    def binds_channel(self) -> bool:
        """Whether exported keying material is of this connection alone (RFC 9266 section 4.1):
        in TLS 1.3, or with the extended master secret, as far as the library tells.
        """

    # What was negotiated.
    @property
    def backend(self) -> str | None:
        """Name of the TLS library, or None before the domain is known."""
    @property
    def server_name(self) -> str | None:
        """Server name of the ClientHello, or None. Not trusted input until it matched."""
    @property
    def verify_name(self) -> str | None:
        """Client: host name or IP address that the certificate must carry; None: any will do."""
    @property
    def version(self) -> str | None:
        """``TLSv1``, ``TLSv1.1``, ``TLSv1.2``, ``TLSv1.3``, or None before it is settled."""
    @property
    def cipher(self) -> str | None:
        """The suite: OpenSSL's name up to TLS 1.2, IANA's in TLS 1.3; None before."""
    @property
    def cipher_bits(self) -> int | None:
        """Secret bits of the cipher, or None before."""
    @property
    def cipher_description(self) -> str | None:
        """The cipher in the columns of ``openssl ciphers -v``, newline at the end, or None."""
    @property
    def group(self) -> str | None:
        """Key exchange group, such as ``x25519``, or None."""
    @property
    def own_signature(self) -> str | None:
        """Scheme by which this end has signed in the handshake, such as ``rsa_pss_rsae_sha256``.

        None: it has not, or the library does not tell: a client of wolfSSL, or OpenSSL before 3.5.
        """
    @property
    def peer_signature(self) -> str | None:
        """Scheme by which the peer has signed, or None; see :attr:`own_signature`."""
    @property
    def alpn(self) -> str | None:
        """Protocol agreed on by ALPN (RFC 7301), or None."""
    @property
    def session_reused(self) -> bool:
        """Whether a session was resumed."""
    @property
    def verify_reason(self) -> str:
        """``ok``, ``missing`` without a peer certificate, or why it would be refused."""
    @property
    def peer_verified(self) -> bool:
        """Whether the peer showed a certificate that verified."""
    @property
    def certificate(self) -> Certificate | None:
        """The certificate that we show, or None."""
    @property
    def peer_certificate(self) -> Certificate | None:
        """The peer's certificate, or None."""
    @property
    def peer_chain(self) -> tuple[Certificate, ...]:
        """The certificates that the peer sent, leaf first; after resumption the leaf only."""
    @property
    def session(self) -> Session | None:
        """Client: a Session to offer next time, or None while the server has given none.

        In TLS 1.3 it comes with data after the handshake: read first.
        """
