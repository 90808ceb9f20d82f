"""Domains that load, but that nobody can connect to: what their versions, suites and keys exclude.

TLS 1.3 suites say nothing of versions and keys, so only domains that end below it can be meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tlsmgm._domains.ciphers import cipher_words, older_suites
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.methods import TLSVersion

__all__ = ["Unusable", "unusable"]


class Unusable(NamedTuple):
    """Why nobody can connect.

    Attributes:
        parameter: that should be changed.
        message: why, and what to do.
        library: with which it is so; None for all.
    """

    parameter: str
    message: str
    library: str | None


def unusable(
    domain: Domain, keys: Collection[str], libraries: Collection[str]
) -> Iterator[Unusable]:
    """Say why nobody can connect, if it is so.

    Args:
        domain: any.
        keys: kinds of its certificates' keys, ``"rsa"`` and ``"ecdsa"``; empty if not known.
        libraries: that may be used.

    Yields:
        Reasons, the first of which is enough.
    """
    highest = domain.parsed_method.highest
    if highest is None or highest > TLSVersion.TLSv1_2 or not libraries:
        return
    words = [] if domain.cipher_list is None else cipher_words(domain.cipher_list)
    is_old = highest < TLSVersion.TLSv1_2
    if is_old and "openssl" not in libraries:
        return  # wolfSSL has none of these versions; loading tells.
    levels = [word.level for word in words if word.level is not None]
    if is_old and (not levels or levels[-1] != 0):  # The last one counts.
        yield _below_level(domain, levels)
    elif domain.cipher_list is not None:
        yield from _without_suite(domain, domain.cipher_list, keys, is_old=is_old)


def _below_level(domain: Domain, levels: list[int]) -> Unusable:
    """TLS 1.0 and 1.1 sign with MD5 and SHA-1, which OpenSSL does at level 0 alone."""
    last = f", and cipher_list ends at {levels[-1]}" if levels else ""
    message = (
        f"OpenSSL does {domain.method} at security level 0 alone{last}; set cipher_list to "
        '"DEFAULT:@SECLEVEL=0", or tls_method to one with TLSv1_2 in it'
    )
    return Unusable("tls_method", message, "openssl")


def _of_newer(domain: Domain) -> Unusable:
    message = (
        f"the suites of cipher_list begin with TLS 1.2, and tls_method is {domain.method}; set "
        'cipher_list to "DEFAULT:@SECLEVEL=0", or tls_method to one with TLSv1_2 in it'
    )
    return Unusable("cipher_list", message, "openssl")


def _without_suite(
    domain: Domain, text: str, keys: Collection[str], *, is_old: bool
) -> Iterator[Unusable]:
    suites = older_suites(text)
    if not suites:
        return  # Not known to Python's OpenSSL, or an error that loading tells.
    if is_old:
        suites = [suite for suite in suites if not suite.needs_tls12]
        if not suites:
            yield _of_newer(domain)
            return
    kinds = {suite.key for suite in suites}
    if domain.kind == "server" and keys and None not in kinds and kinds.isdisjoint(keys):
        wanted, shown = (" or ".join(sorted(map(str, names))).upper() for names in (kinds, keys))
        example = f"ECDHE-{shown}-AES128-{'SHA' if is_old else 'GCM-SHA256'}"
        message = (
            f"the suites of cipher_list are for {wanted} certificates, and the domain's is {shown}"
            f"; add some for {shown}, such as {example}, or show another certificate"
        )
        yield Unusable("cipher_list", message, None)
