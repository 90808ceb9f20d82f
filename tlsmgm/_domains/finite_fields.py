"""Finite fields of a domain's Diffie-Hellman: its own parameters, or those of RFC 7919.

A library with the feature ``rfc7919`` (OpenSSL from 4.0 on) gives a client that names finite fields
one of these, whatever the domain's ``dh_params`` are. Where the two have none in common, a client
with nothing but DHE is turned away.
"""

from __future__ import annotations

from collections.abc import Set

from tlsmgm._domains.domain import Domain

__all__ = ["default_finite_fields", "finite_field_warning"]

_TLS13 = 0x0304


def default_finite_fields(features: Set[str]) -> str:
    """Return the groups that a server domain with ``dh_params`` gets besides its curves.

    Args:
        features: of the library.
    """
    return "ffdhe2048:ffdhe3072:ffdhe4096" if "rfc7919" in features else "ffdhe2048"


def finite_field_warning(domain: Domain, features: Set[str]) -> str | None:
    """Say that a domain's ``ec_curve`` turns clients of its ``dh_params`` away.

    Args:
        domain: the domain.
        features: of the library that serves it.

    Returns:
        A sentence without the domain's name; None if there is nothing to say.

    Source: RFC 7919 section 4.
    """
    if domain.kind == "client" or domain.dh_params is None or domain.ec_curve is None:
        return None
    if "rfc7919" not in features or "ffdhe" in domain.ec_curve.lower():
        return None
    if int(domain.parsed_method.lowest or 0) >= _TLS13:
        return None
    return (
        "ec_curve names no finite field, so clients that offer some and have nothing but DHE are "
        "turned away in spite of dh_params; add ffdhe2048:ffdhe3072:ffdhe4096 to it"
    )
