"""Suites that libraries once had, and that cipher lists still name.

Nobody offers them any more, but lists that were copied from guide to guide do: ``RC4-SHA``,
``DES-CBC3-SHA``, ``EXP-RC4-MD5``.  Such a name is no slip of the pen, as ``AES128-SAH`` is.

Sources: openssl-ciphers(1) of OpenSSL 1.0.2 and 1.1.1, and the entries of OpenSSL's CHANGES.md
about export suites, SSL 2.0, Kerberos and fixed (EC)DH, which 1.1.0 removed.  RC4 and triple DES
are in no build of 1.1.0 and later but by ``enable-weak-ssl-ciphers``, IDEA and SEED in none of 3.0
and later without its legacy provider.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

__all__ = ["RETIRED_SUITES"]

#: Key exchanges that had suites of SSL 3.0 and TLS 1.0; without any: RSA.
_EXCHANGES: Final = (
    *("", "ADH-", "AECDH-", "KRB5-", "PSK-", "DHE-PSK-", "RSA-PSK-", "ECDHE-PSK-"),
    *("EDH-RSA-", "EDH-DSS-", "DHE-RSA-", "DHE-DSS-", "ECDHE-RSA-", "ECDHE-ECDSA-"),
    *("DH-RSA-", "DH-DSS-", "ECDH-RSA-", "ECDH-ECDSA-", "SRP-", "SRP-RSA-", "SRP-DSS-"),
)
_CIPHERS: Final = (
    *("RC4-SHA", "RC4-MD5", "DES-CBC-SHA", "DES-CBC-MD5", "DES-CBC3-SHA", "DES-CBC3-MD5"),
    *("3DES-EDE-CBC-SHA", "RC2-CBC-SHA", "RC2-CBC-MD5", "IDEA-CBC-SHA", "IDEA-CBC-MD5", "SEED-SHA"),
)
_EXPORT: Final = ("EXP-", "EXP1024-")

#: Key exchanges that are gone altogether: fixed Diffie-Hellman.
_FIXED: Final = ("DH-RSA-", "DH-DSS-", "ECDH-RSA-", "ECDH-ECDSA-")
_FIXED_CIPHERS: Final = (
    *("NULL-SHA", "AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA256", "AES256-SHA384"),
    *("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CAMELLIA128-SHA", "CAMELLIA256-SHA"),
    *("CAMELLIA128-SHA256", "CAMELLIA256-SHA256", "CAMELLIA256-SHA384"),
)
_OTHERS: Final = (
    *("RC4-64-MD5", "EDH-DSS-CBC-SHA", "FZA-NULL-SHA", "FZA-FZA-CBC-SHA", "FZA-RC4-SHA"),
    *("GOST94-GOST89-GOST89", "GOST2001-GOST89-GOST89", "GOST94-NULL-GOST94"),
    *("GOST2001-NULL-GOST94", "GOST2012-GOST8912-GOST8912", "GOST2012-NULL-GOST12"),
    *("DHE-RSA-CHACHA20-POLY1305-OLD", "ECDHE-RSA-CHACHA20-POLY1305-OLD"),
    "ECDHE-ECDSA-CHACHA20-POLY1305-OLD",
)


def _names() -> Iterator[str]:
    for exchange, cipher in itertools.product(_EXCHANGES, _CIPHERS):
        yield exchange + cipher
        yield from (export + exchange + cipher for export in _EXPORT)
    for exchange, cipher in itertools.product(_FIXED, _FIXED_CIPHERS):
        yield exchange + cipher
    yield from _OTHERS


#: Names of such suites, those included that some exchange never had with some cipher.
RETIRED_SUITES: Final = frozenset(_names())
