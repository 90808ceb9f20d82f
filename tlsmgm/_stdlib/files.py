"""What a context of Python's own ``ssl`` shows and trusts, out of the sources of a domain.

They are taken apart by the readers of our own backends, so that the same files are good and the
same are refused, and ``ssl`` gets nothing but what counts.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from tlsmgm._core.items import Item, read_chain, read_dh, read_trust
from tlsmgm._core.material import Folder, Material
from tlsmgm._domains.domain import Domain, Source
from tlsmgm._material.load_advice import chain_advice
from tlsmgm._material.memory_path import path_of
from tlsmgm._material.passphrase import passphrase_of
from tlsmgm._material.reading import Reader
from tlsmgm._material.trust import trust_of
from tlsmgm.errors import ConfigError, UnsupportedError

__all__ = ["load_dh_params", "load_identity", "load_trust", "unsupported", "words"]

logger = logging.getLogger("tlsmgm.ssl_context")

# The last is OpenSSL's word for the certificate of another kind of key.
_FOREIGN_KEY: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
_WEAK: Final = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


class _PassphraseNeededError(Exception):
    """The private key is encrypted and the domain has no passphrase."""


def unsupported(domain: Domain, parameter: str, reason: str) -> UnsupportedError:
    """Make the error for what ``ssl`` cannot do.

    Args:
        domain: that asks for it.
        parameter: with which.
        reason: what cannot be done, after "Python's ssl cannot".
    """
    return UnsupportedError(
        f"Python's ssl cannot {reason}",
        origin=domain.origin,
        domain=domain.name,
        parameter=parameter,
    )


def words(error: Exception) -> str:
    """Say what OpenSSL calls an error, in words.

    Args:
        error: of ``ssl``.
    """
    reason = getattr(error, "reason", None)
    return str(reason or error).replace("_", " ").lower()


def _content(source: Source, parameter: str, reader: Reader) -> Material | bytes:
    return source if isinstance(source, bytes) else reader.file(source, parameter)


def _where(source: Source) -> str:
    return "" if isinstance(source, bytes) else f" in {source}"


def _pem(label: str, der: bytes) -> bytes:
    begin, end = f"-----BEGIN {label}-----\n".encode(), f"-----END {label}-----\n".encode()
    return begin + base64.encodebytes(der) + end


# --- what is shown -----------------------------------------------------------------------


def load_dh_params(context: ssl.SSLContext, domain: Domain, reader: Reader) -> None:
    """Load the domain's Diffie-Hellman parameters, if it has some.

    Args:
        context: gets them.
        domain: has them.
        reader: reads them.

    Raises:
        ConfigError: they cannot be used.
    """
    if domain.dh_params is None:
        return
    with path_of(read_dh(_content(domain.dh_params, "dh_params", reader))) as path:
        try:
            context.load_dh_params(path)
        except OSError:
            raise ConfigError(
                f"no readable Diffie-Hellman parameters{_where(domain.dh_params)}",
                parameter="dh_params",
            ) from None


def load_identity(context: ssl.SSLContext, domain: Domain, reader: Reader) -> None:
    """Load the domain's certificates with their chains and keys.

    Args:
        context: gets them.
        domain: has them.
        reader: reads them.

    Raises:
        ConfigError: they cannot be used, or a server domain has none.
    """
    if domain.certificate is None:
        if domain.kind == "server":
            raise ConfigError("a server domain needs a certificate", parameter="certificate")
        return
    for suffix in ("", "2"):
        certificate = getattr(domain, f"certificate{suffix}")
        key = getattr(domain, f"private_key{suffix}")
        if key is None and certificate is not None:
            parameter = f"private_key{suffix}"
            raise ConfigError("the certificate needs its private key", parameter=parameter)
        if certificate is not None:
            parameter = f"certificate{suffix}"
            chain = read_chain(_content(certificate, parameter, reader), parameter)
            if isinstance(key, str):
                reader.file(key, f"private_key{suffix}")  # OpenSSL would wait for ever
            _load_pair(context, domain, chain, key, suffix)


def _load_pair(
    context: ssl.SSLContext, domain: Domain, chain: Sequence[Item], key: Source, suffix: str
) -> None:
    shown = b"".join(_pem("CERTIFICATE", item.der) for item in chain)
    with path_of(shown) as certificate, _path_of_key(key) as key_path:
        try:
            context.load_cert_chain(certificate, key_path, password=_passphrase(domain))
        except _PassphraseNeededError:
            raise ConfigError(
                f"the key is encrypted{_where(key)} and there is no passphrase",
                parameter=f"private_key{suffix}",
                hint="set private_key_passphrase",
            ) from None
        except (OSError, ValueError) as error:
            raise _identity_error(chain, key, error, suffix) from None


def _path_of_key(source: Source) -> contextlib.AbstractContextManager[str]:
    """A key in a file is left to OpenSSL, which wipes its copy."""
    return path_of(source) if isinstance(source, bytes) else contextlib.nullcontext(source)


def _passphrase(domain: Domain) -> Callable[[], bytes]:
    """Answers OpenSSL; without an answer of ours it would ask the terminal."""

    def answer() -> bytes:
        found = passphrase_of(domain)
        if not found:
            raise _PassphraseNeededError
        return found

    return answer


def _identity_error(
    chain: Sequence[Item], key: Source, error: Exception, suffix: str
) -> ConfigError:
    """Say which of both is wrong; ``ssl`` does not."""
    certificate_name, key_name = f"certificate{suffix}", f"private_key{suffix}"
    reason = getattr(error, "reason", None)
    if reason in _FOREIGN_KEY:
        return ConfigError(
            f"the key{_where(key)} does not belong to the certificate",
            parameter=key_name,
            hint="; ".join(chain_advice(chain)) or None,
        )
    if reason in _WEAK:
        return ConfigError(
            f"{chain[0].place}: {words(error)}",
            parameter=certificate_name,
            hint="OpenSSL's security level asks for a stronger one",
        )
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return _unread_key(key, key_name, error)
    return ConfigError(
        f"no readable PEM key{_where(key)}, or its passphrase is wrong", parameter=key_name
    )


def _unread_key(source: Source, parameter: str, error: OSError) -> ConfigError:
    """Whatever was wrong with a key, from a pipe comes only that a pipe has no position."""
    reason = "the key is not readable, is of another certificate, or its passphrase is wrong"
    if isinstance(source, str):
        reason = f"cannot read {source}: {error.strerror}"
    return ConfigError(reason, parameter=parameter)


# --- who is trusted ----------------------------------------------------------------------


def load_trust(context: ssl.SSLContext, domain: Domain, reader: Reader) -> None:
    """Load whom the domain trusts, and its CRLs; what is passed over is logged.

    Args:
        context: gets them.
        domain: has them.
        reader: reads them.

    Raises:
        ConfigError: they cannot be used.
        UnsupportedError: a CA may not vouch for the domain's peers, which ``ssl`` cannot heed.
    """
    # Read now: OpenSSL would look at directories during handshakes.
    trust = trust_of(domain, reader)
    items = read_trust(
        None if trust.ca_list is None else _content(trust.ca_list, "ca_list", reader),
        _folder(domain, trust.ca_dir, "ca_dir", reader),
        _folder(domain, domain.crl_dir, "crl_dir", reader),
    )
    for parameter, text in items.warnings:
        _warn(domain, parameter, text)
    peers = "server" if domain.kind == "client" else "client"
    for number, item in enumerate(items.cas):
        parameter = "ca_list" if number < items.listed else "ca_dir"
        if peers in item.rejected_for:
            reason = f"restrict a CA as {item.place} wants it"
            raise unsupported(domain, parameter, reason)
        _add_ca(context, domain, item, parameter)
    if domain.crl_dir is not None:
        _add_crls(context, domain, items.crls)


def _folder(domain: Domain, path: str | None, parameter: str, reader: Reader) -> Folder | None:
    if path is None:
        return None
    folder = reader.folder(path, parameter)
    for text in folder.warnings:
        _warn(domain, parameter, text)
    return None if folder.is_missing else folder


def _warn(domain: Domain, parameter: str, text: str) -> None:
    logger.warning("domain %r: parameter %r: %s", domain.name, parameter, text)


def _add_ca(context: ssl.SSLContext, domain: Domain, item: Item, parameter: str) -> None:
    try:
        context.load_verify_locations(cadata=item.der)
    except ssl.SSLError as error:
        _warn(domain, parameter, f"{item.place} cannot be used: {words(error)}")


def _add_crls(context: ssl.SSLContext, domain: Domain, items: Iterable[Item]) -> None:
    """What a delta CRL does differs from one version of OpenSSL to the next."""
    for item in items:
        if item.is_delta:
            _warn(domain, "crl_dir", f"{item.place}: a delta CRL, which is not used")
            continue
        with path_of(_pem("X509 CRL", item.der)) as path:
            try:
                context.load_verify_locations(cafile=path)
            except OSError as error:
                reason = f"{item.place} cannot be used: {words(error)}"
                raise ConfigError(reason, parameter="crl_dir") from None
    if not context.cert_store_stats()["crl"]:
        raise ConfigError(f"no CRL in {domain.crl_dir}", parameter="crl_dir")
    whole = domain.crl_check_all
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN if whole else ssl.VERIFY_CRL_CHECK_LEAF
