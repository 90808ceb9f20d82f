"""x509-limbo's cases over TLS: a peer of tlslite-ng shows them to our own domains.

Few cases bring a key, so the peer signs with one of its own. What our side thinks of the chain
comes before what it thinks of the signature: a chain that is refused ends with VerificationError,
and one that is accepted with a signature that does not fit.
"""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import ssl
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tlslite
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from tlslite import api

from tests.support.pki import Authority
from tlsmgm import ConfigError, Domain, TLSError, TLSManager, VerificationError

#: Versions of TLS, and tlslite-ng's numbers for them.
VERSIONS = {"TLSv1_2": (3, 3), "TLSv1_3": (3, 4)}

#: No domain's verify_depth is more; no case has a longer chain.
DEEPEST = 100

_SECONDS = 20
_LOCAL = ("127.0.0.1", 5061)

#: What our side says of a signature that does not fit the key in the certificate.
_ACCEPTED = re.compile(
    "provider signature failure|bad signature|wrong signature type|wrong curve"
    "|(first|last) octet invalid|data too large for modulus"
    "|Signature verify error|verify problem based on signature"
    "|Bad padding, message wrong length|RSA buffer error|Ciphertext to decrypt is out of range"
)


def verdict(library: str, version: str, asked: dict[str, Any]) -> str:
    """Return what a domain of ours says of a case.

    Args:
        library: TLS library of our side.
        version: one of ``VERSIONS``.
        asked: what :func:`tests.support.chains.judge` takes; the time is that of the clock.

    Returns:
        "NONE" for a chain that is accepted, the reason of one that is refused, and what happened
        otherwise in small letters.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            ours = _our_end(library, version, asked, Path(folder))
        except ConfigError as error:
            return f"ConfigError: {error}"
    mine, theirs = socket.socketpair()
    for end in (mine, theirs):
        end.settimeout(_SECONDS)
    peer = threading.Thread(target=_show, args=(theirs, version, asked))
    peer.start()
    with theirs:
        with mine:
            word = _drive(ours, mine)
        peer.join()
    return word


def _our_end(library: str, version: str, asked: dict[str, Any], folder: Path) -> Any:
    """Return a connection that verifies, in a domain that trusts what the case trusts."""
    fields: dict[str, Any] = {
        "method": version,
        "ca_list": _pem("CERTIFICATE", asked["anchors"]),
        "verify_depth": min(asked["verify_depth"], DEEPEST),
    }
    if asked["crls"]:
        (folder / "crls.pem").write_bytes(_pem("X509 CRL", asked["crls"]))
        fields["crl_dir"] = str(folder)
    manager = TLSManager(library)
    if not asked["is_server"]:
        manager.add_domain(Domain("limbo", "server", **fields, **_own_identity("ec").fields()))
        return manager.server_connection(_LOCAL)
    fields["danger_skip_hostname_check"] = not asked["name"]
    manager.add_domain(Domain("limbo", "client", **fields))
    return manager.client_connection("limbo", server_name=asked["name"] or None)


def _pem(label: str, items: Sequence[bytes]) -> bytes:
    pems = [ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", label) for der in items]
    return "".join(pems).encode()


@functools.cache
def _own_identity(kind: str) -> Any:
    return Authority("limbo").issue(kind=kind)


def _shown(asked: dict[str, Any]) -> tuple[Any, Any]:
    """Return tlslite-ng's chain and key: the bytes of the case, and a key of the same kind."""
    with warnings.catch_warnings(action="ignore"):
        try:
            its_key: Any = x509.load_der_x509_certificate(asked["shown"][0]).public_key()
        except Exception:  # whatever is odd about it, it is to be shown
            its_key = None
    is_rsa = isinstance(its_key, rsa.RSAPublicKey)
    own = _own_identity("rsa" if is_rsa else "ec").fields()
    items = []
    for der in asked["shown"]:
        item = api.X509().parse(own["certificate"].decode())
        item.bytes = bytearray(der)
        items.append(item)
    return api.X509CertChain(items), api.parsePEMKey(own["private_key"].decode(), private=True)


def _show(end: socket.socket, version: str, asked: dict[str, Any]) -> None:
    """Show the chain as a server or a client; how it ends is our side's to say."""
    settings = api.HandshakeSettings()
    settings.minVersion = settings.maxVersion = VERSIONS[version]
    settings.certificate_compression_send = []  # its client compresses unasked
    chain, key = _shown(asked)
    connection = api.TLSConnection(end)
    tlslite.tlsconnection.is_valid_hostname = bool  # underscores are no business of the peer's
    with contextlib.suppress(tlslite.errors.BaseTLSException, OSError):
        if asked["is_server"]:
            connection.handshakeServer(certChain=chain, privateKey=key, settings=settings)
        else:
            connection.handshakeClientCert(chain, key, settings=settings)
            connection.read()


def _drive(ours: Any, end: socket.socket) -> str:
    """Carry bytes until our side has an opinion."""
    try:
        while not ours.handshake():
            end.sendall(ours.drain())
            data = end.recv(65536)
            if not data:
                return "the peer went away"
            ours.feed(data)
        return "NONE"
    except VerificationError as error:
        return error.reason.upper()
    except TLSError as error:
        words = f"{type(error).__name__}: {error}"
        return "NONE" if _ACCEPTED.search(words) else words
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        with contextlib.suppress(OSError):
            end.sendall(ours.drain())
