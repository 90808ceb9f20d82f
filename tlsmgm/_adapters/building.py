"""From the settings of a context to a library's own, immutable one."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tlsmgm._adapters.errors import ConfigError, as_stock
from tlsmgm._adapters.loaded import Identity, pem_of
from tlsmgm._core.backend import Backend
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.context import Context
from tlsmgm._core.material import Folder, Material
from tlsmgm._core.ticket_keys import TicketKeys
from tlsmgm._domains.ciphers import ciphers_for, default_ciphers
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.finite_fields import default_finite_fields
from tlsmgm.errors import TLSError

__all__ = ["Settings", "build", "check_identity", "cipher_list"]

#: Intermediates that a chain may have; OpenSSL's own bound where nobody sets one.
_DEPTH: Final = 100

#: Bytes of a scope.
_SCOPE_SIZE: Final = 16

_VERSIONS: Final = (
    (ssl.TLSVersion.TLSv1, ssl.OP_NO_TLSv1),
    (ssl.TLSVersion.TLSv1_1, ssl.OP_NO_TLSv1_1),
    (ssl.TLSVersion.TLSv1_2, ssl.OP_NO_TLSv1_2),
    (ssl.TLSVersion.TLSv1_3, ssl.OP_NO_TLSv1_3),
)

_CRL_LEAF: Final = ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
_CRL_CHAIN: Final = ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN

#: Python's names of curves, as TLS has them.
_CURVES: Final = {
    "prime256v1": "secp256r1",
    "prime192v1": "secp192r1",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a library's context is built of; see the calls of ``ssl.SSLContext``."""

    is_server: bool
    options: int
    lowest: int
    highest: int
    verify_mode: int
    verify_flags: int
    ciphers: str
    groups: str | None
    sigalgs: str | None
    client_sigalgs: str | None
    alpn: bytes | None
    identities: tuple[Identity, ...]
    dh_params: Material | None
    trusted: tuple[Certificate, ...]
    crls: Folder | None
    keylog: str | None
    ticket_keys: TicketKeys | None
    tickets: int


def build(settings: Settings, backend: Backend) -> Context:
    """Build a library's context.

    Args:
        settings: of which.
        backend: the library.

    Raises:
        ConfigError: a setting cannot be used, or nothing is left of one.
        UnsupportedError: the library cannot do what settings ask for together.
    """
    verifies = settings.verify_mode != ssl.CERT_NONE
    if verifies:
        _check_flags(settings)
    lowest, highest = _versions(settings, backend)
    checks_crls = verifies and settings.verify_flags & (_CRL_LEAF | _CRL_CHAIN) != 0
    first, second = [*settings.identities, None, None][:2]
    domain = Domain(
        "ssl.SSLContext", "server" if settings.is_server else "client", verify_cert=verifies
    )
    try:
        return Context(
            backend,
            is_server=settings.is_server,
            domain=domain,
            lowest_version=lowest,
            highest_version=highest,
            cipher_list=_ciphers(settings, backend),
            groups=_groups(settings, backend),
            signature_algorithms=settings.sigalgs,
            client_signature_algorithms=settings.client_sigalgs,
            certificate=None if first is None else first.certificate,
            private_key=None if first is None else first.key,
            certificate2=None if second is None else second.certificate,
            private_key2=None if second is None else second.key,
            passphrase=next(
                (one.passphrase for one in settings.identities if one.passphrase), None
            ),
            dh_params=settings.dh_params,
            ca_list=b"".join(pem_of(one.der) for one in settings.trusted) or None,
            crl_dir=settings.crls if checks_crls else None,
            crl_check_all=settings.verify_flags & _CRL_CHAIN == _CRL_CHAIN,
            verify_peer=verifies,
            require_peer=settings.verify_mode == ssl.CERT_REQUIRED,
            verify_depth=_DEPTH,
            strict_certificates=settings.verify_flags & ssl.VERIFY_X509_STRICT != 0,
            alpn=settings.alpn,
            ticket_keys=settings.ticket_keys,
            tickets=settings.tickets,
            keylog_file=settings.keylog,
            scope=_scope(settings),
        )
    except TLSError as error:
        raise as_stock(error) from None


def check_identity(identity: Identity, backend: Backend) -> None:
    """See whether a library can use a certificate and its key.

    Raises:
        ConfigError: it cannot.
    """
    try:
        Context(
            backend,
            is_server=True,
            certificate=identity.certificate,
            private_key=identity.key,
            passphrase=identity.passphrase,
        )
    except TLSError as error:
        raise as_stock(error) from None


def cipher_list(text: str, backend: Backend, *, dhe: bool = False) -> str | None:
    """Return a list of OpenSSL's in the words of a library.

    Raises:
        ConfigError: the library has nothing of it.
    """
    has_expressions = "cipher_expressions" in backend.features
    try:
        chosen = ciphers_for(text, backend.cipher_names, has_expressions=has_expressions)
    except TLSError as error:
        raise as_stock(error) from None
    older = chosen.older or default_ciphers(backend.cipher_names, dhe=dhe)
    return ":".join(part for part in (older, chosen.newer) if part) or None


def _check_flags(settings: Settings) -> None:
    if settings.verify_flags & (_CRL_LEAF | _CRL_CHAIN) and settings.crls is None:
        raise ConfigError(
            "certificate verify failed: CRLs are to be checked, and there are none",
            parameter="verify_flags",
            hint="load them with load_verify_locations()",
        )


def _versions(settings: Settings, backend: Backend) -> tuple[int, int]:
    """The highest versions that are allowed without a gap."""
    allowed = [
        int(version)
        for version, option in _VERSIONS
        if settings.lowest <= version <= settings.highest and not settings.options & option
    ]
    for name, number in (("tls1_0", 0x0301), ("tls1_1", 0x0302), ("tls1_3", 0x0304)):
        if name not in backend.features and number in allowed:
            allowed.remove(number)
    if not allowed:
        raise ConfigError("no protocols available", parameter="minimum_version")
    lowest = highest = allowed[-1]
    while lowest - 1 in allowed:
        lowest -= 1
    return lowest, highest


def _ciphers(settings: Settings, backend: Backend) -> str | None:
    return cipher_list(settings.ciphers, backend, dhe=settings.dh_params is not None)


def _groups(settings: Settings, backend: Backend) -> str | None:
    if settings.groups is not None:
        return ":".join(_CURVES.get(name, name) for name in settings.groups.split(":"))
    if settings.is_server and settings.dh_params is not None:
        fields = default_finite_fields(backend.features)
        return f"x25519:secp256r1:secp384r1:secp521r1:{fields}"
    return None


def _scope(settings: Settings) -> bytes:
    """Sessions are good as long as the rules about the peer, and a client's certificate, are."""
    own: Sequence[bytes] = ()
    if not settings.is_server:
        own = [hashlib.sha256(bytes(one.certificate)).digest() for one in settings.identities]
    crls = b"" if settings.crls is None else settings.crls.digest
    rules = (
        settings.is_server,
        settings.verify_mode,
        settings.verify_flags,
        settings.sigalgs,
        settings.client_sigalgs,
        [one.der for one in settings.trusted],
        crls,
        own,
    )
    return hashlib.sha256(repr(rules).encode()).digest()[:_SCOPE_SIZE]
