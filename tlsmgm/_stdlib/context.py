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
  somebody else: give it A-labels, as :func:`tlsmgm._domains.filters.ascii_name` makes them.
* A server does not look at SNI, which is for :class:`tlsmgm.TLSManager` to do, and does not name
  its CAs to clients.

What is in memory reaches OpenSSL by :mod:`tlsmgm._material.memory_path`, and no disk.

Source: Python's manual of ``ssl``, 3.11 to 3.15.
"""

from __future__ import annotations

import dataclasses
import functools
import ssl
from collections.abc import Callable
from typing import Final

from tlsmgm._domains.ciphers import ciphers_for, default_ciphers
from tlsmgm._domains.defaults import DEFAULT_VERIFY_DEPTH
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.methods import TLSVersion
from tlsmgm._domains.parameters import of_side
from tlsmgm._material.keylog import keylog_path
from tlsmgm._material.reading import Reader
from tlsmgm._stdlib.files import (
    load_dh_params,
    load_identity,
    load_trust,
    unsupported,
    words,
)
from tlsmgm.errors import ConfigError

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

#: What ``ssl`` cannot do of what only servers have.
_SERVER_ONLY: Final = {
    "client_eku": "admit clients whose certificate is for servers",
    "ocsp_response": "staple OCSP responses",
    "ticket_key_file": "share keys of session tickets",
    "ticket_rotation": "change keys of session tickets",
}


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
    load_dh_params(context, domain, reader)
    load_identity(context, domain, reader)
    load_trust(context, domain, reader)
    _set_alpn(context, domain)
    _check_server(domain)
    _set_keylog(context, domain)
    return context


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
    plain = {item.name: item.default for item in dataclasses.fields(Domain)}
    for field in of_side("server"):
        if getattr(domain, field) != plain[field]:
            raise unsupported(domain, field, _SERVER_ONLY[field])


def _set_options(context: ssl.SSLContext) -> None:
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    # What ca_list names is trusted, an intermediate too, without its root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _set_verification(context: ssl.SSLContext, domain: Domain) -> None:
    if domain.verify_depth != DEFAULT_VERIFY_DEPTH:
        raise unsupported(domain, "verify_depth", "limit the length of chains")
    if domain.min_rsa_bits is not None:
        raise unsupported(domain, "min_rsa_bits", "ask for RSA keys of a size")
    if domain.identity != "host" and domain.checks_server_name:
        raise unsupported(domain, "identity", "compare names as SIP does")
    if domain.require_staple:
        raise unsupported(domain, "require_staple", "ask for OCSP responses")
    if domain.peer_identity:
        raise unsupported(domain, "peer_identity", "compare the names of peers")
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
            chosen = ciphers_for(domain.cipher_list, _known_suites(), has_expressions=True)
        except ConfigError as error:
            raise error.at(parameter="cipher_list") from None
        old, new = chosen.older, chosen.newer
    old = old or default_ciphers(_known_suites(), dhe=domain.dh_params is not None)
    set_new = _optional(context, "set_ciphersuites")
    if new and set_new is None:
        raise unsupported(domain, "cipher_list", "choose among the suites of TLS 1.3")
    try:
        if old:
            context.set_ciphers(old)
        if new and set_new is not None:
            set_new(new)
    except ssl.SSLError as error:
        raise ConfigError(words(error), parameter="cipher_list") from None


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
            raise unsupported(domain, "ec_curve", "choose more than one curve")
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
        raise unsupported(domain, "alpn", "name protocols beyond ASCII")
    context.set_alpn_protocols(list(domain.alpn))
