"""From a domain to a context of Python's own ``ssl``, which drivers and frameworks take.

It carries over certificate, chain, key, CAs, CRLs, versions, ciphers, curves, Diffie-Hellman
parameters, ALPN and the rules of verification, and is never looser than the domain, except where
``ssl`` leaves no choice:

* A chain may have 100 intermediates where ``verify_depth`` is the default, because ``ssl`` cannot
  set it.  A domain with another ``verify_depth`` is refused.
* A server goes on without ALPN when a client offers only protocols that it does not have; ask
  ``selected_alpn_protocol()``.
* A server that verifies gives no tickets of TLS 1.3.  With TLS 1.2 ``ssl`` always lets a client
  resume, for two hours at most, though its certificate may have expired meanwhile.
* ``ssl`` itself turns a ``server_hostname`` outside ASCII into IDNA 2003, which may be the name of
  somebody else: give it A-labels, as :func:`tlsmgm.filters.ascii_name` makes them.
* A server does not look at SNI, which is for :class:`tlsmgm.TLSManager` to do, and does not name
  its CAs to clients.

What is in memory reaches OpenSSL by :mod:`tlsmgm.memory_path`, and no disk.

Source: Python's manual of ``ssl``, 3.11 to 3.15.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import re
import ssl
from collections.abc import Callable
from typing import Final

from tlsmgm.ciphers import check_cipher_list, default_ciphers, split_tls13
from tlsmgm.domain import DEFAULT_TICKET_ROTATION, DEFAULT_VERIFY_DEPTH, Domain, Source
from tlsmgm.errors import ConfigError, UnsupportedError
from tlsmgm.keylog import keylog_path
from tlsmgm.memory_path import path_of
from tlsmgm.methods import TLSVersion
from tlsmgm.passphrase import passphrase_of
from tlsmgm.reading import Reader
from tlsmgm.trust import Trust, trust_of

__all__ = ["ssl_context"]

#: Names of curves in the standards and in TLS, and OpenSSL's short names, which ``ssl`` knows.
_CURVES: Final = {
    "p-256": "prime256v1",
    "secp256r1": "prime256v1",
    "p-384": "secp384r1",
    "p-521": "secp521r1",
    "x25519": "X25519",
    "x448": "X448",
}

# The last is OpenSSL's word for the certificate of another kind of key.
_FOREIGN_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")

_CRL = re.compile(rb"-----BEGIN X509 CRL-----[A-Za-z0-9+/=\s]+-----END X509 CRL-----")

_ENCRYPTED = re.compile(rb"-----BEGIN (?!.*PRIVATE KEY)[^\n]+\s+Proc-Type:")


class _PassphraseNeededError(Exception):
    """The private key is encrypted and the domain has no passphrase."""


def ssl_context(domain: Domain) -> ssl.SSLContext:
    """Make a context of Python's ``ssl`` with the values of a domain.

    Args:
        domain: a server or client domain.

    Returns:
        A new context.  A client's ``wrap_socket()`` wants ``server_hostname`` unless the domain
        does not compare names; ``wrap_bio()`` without it compares none.  A domain whose
        highest version is TLS 1.0 draws Python's DeprecationWarning.

    Raises:
        ConfigError: a value or a file cannot be used; domain and parameter are named.
        UnsupportedError: ``ssl`` cannot do what a parameter asks for.
    """
    try:
        with Reader() as reader:
            return _new_context(domain, reader)
    except ConfigError as error:
        raise error.at(origin=error.origin or domain.origin, domain=domain.name) from None


def _new_context(domain: Domain, reader: Reader) -> ssl.SSLContext:
    """The order matters: the cipher list's security level decides which keys are good enough."""
    is_server = domain.kind == "server"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    _set_options(context)
    _set_verification(context, domain)
    _set_versions(context, domain)
    _set_ciphers(context, domain)
    _set_curves(context, domain)
    _load_dh_params(context, domain, reader)
    _load_identity(context, domain, reader)
    _load_trust(context, domain, trust_of(domain, reader), reader)
    _load_crls(context, domain, reader)
    _set_alpn(context, domain)
    _check_server(domain)
    _set_keylog(context, domain)
    return context


def _unsupported(domain: Domain, parameter: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        f"Python's ssl cannot {reason}",
        origin=domain.origin,
        domain=domain.name,
        parameter=parameter,
    )


def _words(error: Exception) -> str:
    """What OpenSSL calls an error, in words."""
    reason = getattr(error, "reason", None)
    return str(reason or error).replace("_", " ").lower()


def _read(source: Source, parameter: str, reader: Reader) -> bytes:
    data = source if isinstance(source, bytes) else bytes(reader.file(source, parameter))
    _check_plain(data, parameter, _where(source))
    return data


def _check_plain(pem: bytes, parameter: str, where: str) -> None:
    """OpenSSL would ask the terminal for the passphrase of anything but a private key."""
    if _ENCRYPTED.search(pem):
        raise ConfigError(f"is encrypted{where}; only private keys may be", parameter=parameter)


def _where(source: Source) -> str:
    return "" if isinstance(source, bytes) else f" in {source}"


# --- rules -------------------------------------------------------------------------------


def _set_keylog(context: ssl.SSLContext, domain: Domain) -> None:
    path = keylog_path(domain)
    if path is None:
        return
    try:
        context.keylog_filename = path
    except OSError as error:
        raise ConfigError(
            f"cannot open {path}: {error.strerror}", parameter="keylog_file"
        ) from None


def _check_server(domain: Domain) -> None:
    """What only servers have, and Python's ``ssl`` has not."""
    if domain.kind == "client":
        return
    if domain.client_eku != "client":
        raise _unsupported(domain, "client_eku", "admit clients whose certificate is for servers")
    if domain.ocsp_response is not None:
        raise _unsupported(domain, "ocsp_response", "staple OCSP responses")
    if domain.ticket_key_file is not None:
        raise _unsupported(domain, "ticket_key_file", "share keys of session tickets")
    if domain.ticket_rotation != DEFAULT_TICKET_ROTATION:
        raise _unsupported(domain, "ticket_rotation", "change keys of session tickets")


def _set_options(context: ssl.SSLContext) -> None:
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    # What ca_list names is trusted, an intermediate too, without its root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _set_verification(context: ssl.SSLContext, domain: Domain) -> None:
    if domain.verify_depth != DEFAULT_VERIFY_DEPTH:
        raise _unsupported(domain, "verify_depth", "limit the length of chains")
    if domain.identity != "host" and domain.checks_server_name:
        raise _unsupported(domain, "identity", "compare names as SIP does")
    if domain.require_staple:
        raise _unsupported(domain, "require_staple", "ask for OCSP responses")
    if domain.peer_identity:
        raise _unsupported(domain, "peer_identity", "compare the names of peers")
    context.check_hostname = False  # CERT_NONE cannot be set before.
    if not domain.verify_cert:
        context.verify_mode = ssl.CERT_NONE
    elif domain.kind == "client":
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = not domain.danger_skip_hostname_check
        context.hostname_checks_common_name = False  # RFC 9525 section 2
    else:
        context.verify_mode = ssl.CERT_REQUIRED if domain.require_cert else ssl.CERT_OPTIONAL
        context.num_tickets = 0  # A ticket outlives the certificate that was shown for it.


def _set_versions(context: ssl.SSLContext, domain: Domain) -> None:
    method = domain.parsed_method
    if method.lowest is None or method.highest is None:
        return
    # SSL 3.0 is off by an option that Python always sets, so this begins with TLS 1.0. To name
    # that would draw a DeprecationWarning.
    lowest = ssl.TLSVersion.MINIMUM_SUPPORTED
    try:
        context.minimum_version = lowest  # first, so that there is room for any maximum
        context.maximum_version = ssl.TLSVersion(method.highest)
        if method.lowest is not TLSVersion.TLSv1:
            context.minimum_version = ssl.TLSVersion(method.lowest)
    except ValueError:
        raise ConfigError(f"this OpenSSL cannot do {domain.method}", parameter="method") from None


@functools.cache
def _known_suites() -> frozenset[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL")
    return frozenset(str(suite["name"]) for suite in context.get_ciphers())


def _set_ciphers(context: ssl.SSLContext, domain: Domain) -> None:
    old, new = "", ""
    if domain.cipher_list is not None:
        try:
            check_cipher_list(domain.cipher_list, _known_suites(), library="OpenSSL")
        except ConfigError as error:
            raise error.at(parameter="cipher_list") from None
        old, new = split_tls13(domain.cipher_list)
    old = old or default_ciphers(_known_suites(), dhe=domain.dh_params is not None)
    set_new = _optional(context, "set_ciphersuites")
    if new and set_new is None:
        raise _unsupported(domain, "cipher_list", "choose among the suites of TLS 1.3")
    try:
        if old:
            context.set_ciphers(old)
        if new and set_new is not None:
            set_new(new)
    except ssl.SSLError as error:
        raise ConfigError(_words(error), parameter="cipher_list") from None


def _optional(context: ssl.SSLContext, name: str) -> Callable[[str], None] | None:
    """A method that later versions of Python have."""
    method: Callable[[str], None] | None = getattr(context, name, None)
    return method


def _set_curves(context: ssl.SSLContext, domain: Domain) -> None:
    names = domain.ec_curve
    if names is None:
        return
    setter = _optional(context, "set_groups")
    if setter is None:
        if ":" in names:
            raise _unsupported(domain, "ec_curve", "choose more than one curve")
        setter, names = context.set_ecdh_curve, _CURVES.get(names.lower(), names)
    try:
        setter(names)
    except (ValueError, ssl.SSLError):
        raise ConfigError(
            f"OpenSSL does not know all of {domain.ec_curve!r}", parameter="ec_curve"
        ) from None


def _set_alpn(context: ssl.SSLContext, domain: Domain) -> None:
    if not domain.alpn:
        return
    if not all(protocol.isascii() for protocol in domain.alpn):
        raise _unsupported(domain, "alpn", "name protocols beyond ASCII")
    context.set_alpn_protocols(list(domain.alpn))


# --- what is shown -----------------------------------------------------------------------


def _load_dh_params(context: ssl.SSLContext, domain: Domain, reader: Reader) -> None:
    if domain.dh_params is None:
        return
    with path_of(_read(domain.dh_params, "dh_params", reader)) as path:
        try:
            context.load_dh_params(path)
        except OSError:
            raise ConfigError(
                f"no readable Diffie-Hellman parameters{_where(domain.dh_params)}",
                parameter="dh_params",
            ) from None


def _load_identity(context: ssl.SSLContext, domain: Domain, reader: Reader) -> None:
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
            chain = _read(certificate, f"certificate{suffix}", reader)
            if isinstance(key, str):
                reader.file(key, f"private_key{suffix}")  # OpenSSL would wait for ever
            _load_pair(context, domain, certificate, chain, key, suffix)


def _load_pair(
    context: ssl.SSLContext, domain: Domain, shown: Source, chain: bytes, key: Source, suffix: str
) -> None:
    with path_of(chain) as certificate, _path_of_key(key) as key_path:
        try:
            context.load_cert_chain(certificate, key_path, password=_passphrase(domain))
        except _PassphraseNeededError:
            raise ConfigError(
                f"the key is encrypted{_where(key)} and there is no passphrase",
                parameter=f"private_key{suffix}",
                hint="set private_key_passphrase",
            ) from None
        except (OSError, ValueError) as error:
            raise _identity_error(shown, key, chain, error, suffix) from None


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
    shown: Source, key: Source, chain: bytes, error: Exception, suffix: str
) -> ConfigError:
    """Say which of both is wrong; ``ssl`` does not."""
    certificate_name, key_name = f"certificate{suffix}", f"private_key{suffix}"
    reason = getattr(error, "reason", None)
    if reason in _FOREIGN_KEY:
        return ConfigError(
            f"the key{_where(key)} does not belong to the certificate",
            parameter=key_name,
            hint="give the key for which the certificate was made",
        )
    if not _has_certificates(chain):
        return ConfigError(
            f"no readable PEM certificate{_where(shown)}", parameter=certificate_name
        )
    if reason in _WEAK:
        return ConfigError(
            f"{_words(error)}{_where(shown)}",
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


def _load_trust(context: ssl.SSLContext, domain: Domain, trust: Trust, reader: Reader) -> None:
    if trust.ca_list is not None:
        where = _where(trust.ca_list)
        _trust(context, domain, _read(trust.ca_list, "ca_list", reader), "ca_list", where)
    if trust.ca_dir is None:
        return
    # Read now: OpenSSL would look at the directory during handshakes, and take CRLs out of it.
    files = reader.folder(trust.ca_dir, "ca_dir").files
    for file in files:
        _trust(context, domain, bytes(file), "ca_dir", f" in {file.path}")
    if not files:
        raise ConfigError(
            f"no CA certificate named by its hash in {trust.ca_dir}",
            parameter="ca_dir",
            hint="run: openssl rehash",
        )


def _trust(context: ssl.SSLContext, domain: Domain, pem: bytes, parameter: str, where: str) -> None:
    _check_plain(pem, parameter, where)
    if b"-----BEGIN TRUSTED CERTIFICATE-----" in pem:
        # They would be passed over in silence, and what they restrict with them.
        raise _unsupported(domain, parameter, f"read OpenSSL's trusted certificates{where}")
    try:
        _add_certificates(context, pem)
    except ssl.SSLError:
        raise ConfigError(f"no readable PEM certificate{where}", parameter=parameter) from None


def _add_certificates(context: ssl.SSLContext, pem: bytes) -> None:
    """Trust the certificates of a PEM text, and nothing else that stands in it."""
    # Comments may be in any language, but ssl takes ASCII only.
    text = pem.decode("latin-1").encode("ascii", "replace").decode("ascii")
    context.load_verify_locations(cadata=text)


def _has_certificates(pem: bytes) -> bool:
    try:
        _add_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), pem)
    except ssl.SSLError:
        return False
    return True


def _load_crls(context: ssl.SSLContext, domain: Domain, reader: Reader) -> None:
    if domain.crl_dir is None:
        return
    for file in reader.folder(domain.crl_dir, "crl_dir").files:
        for block in _crls_in(bytes(file)):
            if not _add_crl(context, block):
                break
    if not context.cert_store_stats()["crl"]:
        raise ConfigError(f"no CRL in {domain.crl_dir}", parameter="crl_dir")
    whole = domain.crl_check_all
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN if whole else ssl.VERIFY_CRL_CHECK_LEAF


def _crls_in(content: bytes) -> list[bytes]:
    """The CRLs of a file in PEM; one that holds none may be a CRL in DER, or anything.

    Nothing else may come along: a certificate beside a CRL would be trusted.
    """
    blocks = _CRL.findall(content)
    if blocks:
        return blocks
    text = base64.encodebytes(content)
    return [b"-----BEGIN X509 CRL-----\n" + text + b"-----END X509 CRL-----\n"]


def _add_crl(context: ssl.SSLContext, pem: bytes) -> bool:
    with path_of(pem) as path:
        try:
            context.load_verify_locations(cafile=path)
        except OSError:
            return False
    return True
