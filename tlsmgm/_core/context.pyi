"""Contexts: a TLS domain as the library sees it. Immutable."""

import os
from typing import Any, Self

from _typeshed import ReadableBuffer

from tlsmgm._core.backend import Backend
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.material import Folder, Material
from tlsmgm._core.ticket_keys import TicketKeys

_Path = str | os.PathLike[str]
_Source = _Path | bytes | bytearray | Material
_Directory = _Path | Folder

class Context:
    """One TLS domain inside one library.

    Args:
        backend: the library.
        is_server: whether its connections accept (True) or connect (False).
        domain: any object; connections show it as their ``domain``.
        name: name of the domain, for error messages.
        origin: where the domain was defined, for error messages.
        lowest_version, highest_version: wire values 0x0301 to 0x0304; 0 leaves the end open.
        cipher_list: TLS 1.2 names and TLS 1.3 suites, separated by colons.
        groups: key exchange groups, separated by colons, best first.
        signature_algorithms, client_signature_algorithms: schemes by which servers and clients
            sign, such as ``"ecdsa_secp256r1_sha256:RSA+SHA256"``, best first; without the second
            one the first counts for both.
        certificate, private_key, dh_params, ca_list: PEM as ``bytes``, a file that was read
            (:class:`~tlsmgm._core.material.Material`), or the path of one that is read now.
        certificate2, private_key2: a second pair, with a key of another kind.
        passphrase: bytes that open encrypted private keys.
        ca_dir, crl_dir: directories that were read (:class:`~tlsmgm._core.material.Folder`), or
            paths of some that are read now.
        crl_check_all: check the whole chain against CRLs, not the leaf only.
        ocsp_response: DER of the response that a server staples; given as the certificate is.
        require_staple: a client refuses servers that staple no good response.
        verify_peer, require_peer, verify_depth: rules for the peer's certificate.
        min_rsa_bits: smallest RSA keys in a peer's chain, 2048 to 16384; 0: the library's.
        strict_certificates: a peer's chain keeps to all of RFC 5280, as OpenSSL's
            X509_V_FLAG_X509_STRICT asks for it.
        accept_server_eku: a server takes clients whose certificates are for servers only.
        sip_identity: names are SIP domains (RFC 5922), not hosts and addresses (RFC 9525).
        peer_names: names separated by commas, of which the peer must have one; or None.
        alpn: protocol list in wire form (RFC 7301).
        ticket_keys: key ring for session tickets; None: no resumption.
        tickets: of TLS 1.3, after each handshake, 16 at most; 0: one.
        keylog_file: secrets of all connections are appended to it; None: nothing is.
        scope: 1 to 31 bytes; sessions are good only where it is the same.

    Attributes:
        warnings: pairs of a parameter and a sentence, of what can be used in part only.

    Raises:
        ConfigError: a parameter cannot be used; it is named.
    """

    def __new__(
        cls,
        backend: Backend,
        *,
        is_server: bool,
        domain: object = None,
        name: str | None = None,
        origin: object = None,
        lowest_version: int = 0,
        highest_version: int = 0,
        cipher_list: str | None = None,
        groups: str | None = None,
        signature_algorithms: str | None = None,
        client_signature_algorithms: str | None = None,
        certificate: _Source | None = None,
        private_key: _Source | None = None,
        certificate2: _Source | None = None,
        private_key2: _Source | None = None,
        passphrase: ReadableBuffer | None = None,
        dh_params: _Source | None = None,
        ca_list: _Source | None = None,
        ca_dir: _Directory | None = None,
        crl_dir: _Directory | None = None,
        crl_check_all: bool = False,
        ocsp_response: _Source | None = None,
        require_staple: bool = False,
        verify_peer: bool = False,
        require_peer: bool = False,
        verify_depth: int = 3,
        min_rsa_bits: int = 0,
        strict_certificates: bool = False,
        accept_server_eku: bool = False,
        sip_identity: bool = False,
        peer_names: str | None = None,
        alpn: bytes | None = None,
        ticket_keys: TicketKeys | None = None,
        tickets: int = 0,
        keylog_file: str | None = None,
        scope: bytes | None = None,
    ) -> Self: ...
    @property
    def backend(self) -> Backend:
        """The library."""
    @property
    def domain(self) -> Any:
        """Whatever it was made with; those of a manager have their Domain."""
    @property
    def warnings(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a parameter and a sentence, of what can be used in part only."""
    @property
    def is_server(self) -> bool:
        """Whether its connections accept."""
    @property
    def certificate(self) -> Certificate | None:
        """The context's own leaf certificate, or None."""
