"""Cipher lists: the language of ``cipher_list``, checked and expanded (manual 1.9.10).

A list is made of words, separated by ``:``, ``,``, ``;`` or blanks::

    ECDHE-RSA-AES256-GCM-SHA384     a suite by OpenSSL's name
    ECDHE+AESGCM                    all suites that are both: an expression
    !aNULL  -SHA1  +CAMELLIA        remove for good; remove; move to the end
    @STRENGTH  @SECLEVEL=2          sort by key length; set OpenSSL's security level
    TLS_AES_128_GCM_SHA256          a TLS 1.3 suite; these are offered or not, never computed with

The libraries pass over words that they do not know in silence, so a misspelt ``!aNULL`` does the
opposite of what was meant.  Here every word is looked at, and whatever the library is, the rule is:

* a word that nobody knows, in any release, is refused by name;
* a word that should add suites, but fits none that the library has - ``RC4``, ``EXPORT``,
  ``DES-CBC3-SHA`` - adds nothing, and that is told;
* a list must leave something of each kind that it names, lest the defaults come back in its place.

See openssl-ciphers(1) of OpenSSL 3.5.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tlsmgm._domains.retired_ciphers import RETIRED_SUITES
from tlsmgm._domains.words import did_you_mean
from tlsmgm.errors import ConfigError

__all__ = [
    "CIPHER_KEYWORDS",
    "RETIRED_CIPHER_KEYWORDS",
    "CipherWord",
    "LibraryCiphers",
    "OlderSuite",
    "cipher_words",
    "ciphers_for",
    "default_ciphers",
    "is_tls13_suite",
    "older_suites",
    "split_tls13",
]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that stand for groups of suites, from openssl-ciphers(1).  Upper and lower case matter.
CIPHER_KEYWORDS = _names(
    """
    DEFAULT COMPLEMENTOFDEFAULT ALL COMPLEMENTOFALL HIGH MEDIUM LOW eNULL NULL aNULL FIPS
    kRSA aRSA RSA kDHr kDHd kDH kDHE kEDH DH DHE EDH ADH
    kEECDH kECDHE ECDH ECDHE EECDH AECDH aDSS DSS aDH aECDSA ECDSA
    TLSv1.2 TLSv1.0 TLSv1 SSLv3
    AES128 AES256 AES AESGCM AESCCM AESCCM8 ARIA128 ARIA256 ARIA ARIAGCM
    CAMELLIA128 CAMELLIA256 CAMELLIA CHACHA20 3DES DES RC4 RC2 IDEA SEED CBC
    MD5 SHA1 SHA SHA256 SHA384
    aGOST aGOST01 aGOST12 kGOST kGOST18 GOST94 GOST89 GOST89MAC GOST12 GOST2012
    PSK kPSK kECDHEPSK kDHEPSK kRSAPSK aPSK SRP kSRP aSRP
    SUITEB128 SUITEB128ONLY SUITEB128C2 SUITEB192
    """
)

#: Words of older releases that old lists still exclude ("!EXPORT"); they select nothing today.
RETIRED_CIPHER_KEYWORDS = _names(
    """
    EXP EXPORT EXPORT40 EXPORT56 EXP40 EXP56 SSLv2 FZA kFZA aFZA eFZA kKRB5 aKRB5 KRB5
    kECDHr kECDHe kECDH aECDH aFIXED aGOST94 GOST94MAC TLSv1.1
    """
)

_KEYWORDS = CIPHER_KEYWORDS | RETIRED_CIPHER_KEYWORDS

#: For domains that name none: those of Mozilla's intermediate profile, without DHE. All of them
#: keep their secrets when a key is stolen later, and encrypt and authenticate in one step.
_DEFAULT_SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)

#: The profile's others, for domains with Diffie-Hellman parameters.
_DEFAULT_DHE_SUITES = (
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-GCM-SHA256",
)

#: Bits that a suite must have at OpenSSL's security levels 0 to 5, SSL_CTX_set_security_level(3).
_LEVEL_BITS = (0, 80, 112, 128, 192, 256)
_FORWARD_SECRECY_LEVEL = 3
_FIRST_ONLY = frozenset(word for word in CIPHER_KEYWORDS if word.startswith("SUITEB")) | {"DEFAULT"}
#: Kinds of keys that suites can demand.
_KEYED = frozenset({"rsa", "ecdsa", "dss"})
_SEPARATORS = re.compile(r"[:,; \t\r\n]+")
_NAME = re.compile(r"[A-Za-z0-9_.=-]+")
_COMMAND = re.compile(r"@(STRENGTH|SECLEVEL=([0-5]))")


@dataclass(frozen=True, slots=True)
class CipherWord:
    """One word of a cipher list.

    Args:
        operator: ``""``, ``"!"``, ``"-"`` or ``"+"``; ``"@"`` for a command.
        parts: names joined by ``+``, all of which a suite must fit; of a command, its text.
    """

    operator: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The word as OpenSSL reads it."""
        return self.operator + "+".join(self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether this is a single name without operator."""
        return not self.operator and len(self.parts) == 1

    @property
    def adds(self) -> bool:
        """Whether this should put suites into the list."""
        return not self.operator

    @property
    def level(self) -> int | None:
        """The security level that the word sets, if it is ``@SECLEVEL=n``."""
        match = _COMMAND.fullmatch(self.text)
        return int(match[2]) if match and match[2] else None


def cipher_words(text: str) -> list[CipherWord]:
    """Take a cipher list apart; knows the grammar, not the names.

    Args:
        text: a cipher list.

    Returns:
        Its words in order; ``ALL@SECLEVEL=0`` is two.

    Raises:
        ConfigError: a word breaks the grammar, or there is none.
    """
    words: list[CipherWord] = []
    for token in filter(None, _SEPARATORS.split(text)):
        name, at, command = token.partition("@")
        if name:
            words.append(_parse_word(name))
        if at:
            if not _COMMAND.fullmatch(at + command):
                raise ConfigError(
                    f"bad command {at + command!r} in the cipher list",
                    hint="known: @STRENGTH, @SECLEVEL=0 to @SECLEVEL=5",
                )
            words.append(CipherWord("@", (command,)))
    if not words:
        raise ConfigError("cipher list is empty")
    return words


def _parse_word(token: str) -> CipherWord:
    operator = token[0] if token[0] in "!-+" else ""
    parts = tuple(token[len(operator) :].split("+"))
    if not all(_NAME.fullmatch(part) for part in parts):
        raise ConfigError(f"bad word {token!r} in the cipher list")
    return CipherWord(operator, parts)


def is_tls13_suite(name: str) -> bool:
    """Tell whether a name has the form of a TLS 1.3 suite (RFC 8446 appendix B.4).

    Args:
        name: such as ``TLS_AES_128_GCM_SHA256``.

    Returns:
        True for ``TLS_`` names that name no key exchange.
    """
    return name.startswith("TLS_") and "_WITH_" not in name


def split_tls13(text: str) -> tuple[str, str]:
    """Divide a list into what OpenSSL calls the cipher list and the ciphersuites.

    Args:
        text: a cipher list.

    Returns:
        The list up to TLS 1.2 and the list of TLS 1.3 suites, joined by ``:``.  Either is empty
        when the text names nothing of its kind: the library's default stays.  Commands alone are
        put behind ``DEFAULT``.

    Raises:
        ConfigError: a TLS 1.3 suite stands in an expression or behind an operator.
    """
    old: list[str] = []
    new: list[str] = []
    words = cipher_words(text)
    for word in words:
        if not any(is_tls13_suite(part) for part in word.parts):
            old.append(word.text)
        elif word.is_plain:
            new.append(word.text)
        else:
            raise ConfigError(
                f"{word.text!r}: a TLS 1.3 suite can only be named",
                hint="list the TLS 1.3 suites that may be used",
            )
    if old and all(word.startswith("@") for word in old):
        old.insert(0, "DEFAULT")
    return ":".join(old), ":".join(dict.fromkeys(new))


def default_ciphers(known_suites: Collection[str], *, dhe: bool = False) -> str:
    """Return the suites up to TLS 1.2 of a domain that names none.

    The libraries' own defaults have CBC, SHA-1 and key exchange by RSA for the sake of old peers. A
    domain that wants them says so: ``DEFAULT`` is what the library had chosen.

    Args:
        known_suites: names of all suites of the library.
        dhe: whether the domain has Diffie-Hellman parameters.

    Returns:
        Names joined by ``:``.
    """
    names = _DEFAULT_SUITES + (_DEFAULT_DHE_SUITES if dhe else ())
    return ":".join(name for name in names if name in known_suites)


@dataclass(frozen=True, slots=True)
class LibraryCiphers:
    """A cipher list in the words of a library.

    Args:
        older: suites up to TLS 1.2, joined by ``:``; empty if the list names none.
        newer: suites of TLS 1.3, likewise.
        unused: words that should add suites but fit none of the library.
    """

    older: str
    newer: str
    unused: tuple[str, ...]


def ciphers_for(
    text: str, known_suites: Collection[str], *, has_expressions: bool
) -> LibraryCiphers:
    """Bring a cipher list into a form that a library understands to the last word.

    Args:
        text: a cipher list.
        known_suites: names of all suites of the library, TLS 1.3 included.
        has_expressions: the library computes with expressions, as OpenSSL does, and says itself
            which of them fit nothing.  Without, there will be plain names: a list of names keeps
            its order, anything else is computed by the OpenSSL behind Python's ``ssl`` module and
            cut down to what the library has.  Security levels do not exist outside OpenSSL: of
            ``@SECLEVEL=n`` only the part that is about suites is kept then (key length; from level
            3 on forward secrecy), its demands on keys and certificates are not.

    Returns:
        The list; a kind of suites that the text does not name is empty.

    Raises:
        ConfigError: the list names something unknown, puts ``DEFAULT`` or ``SUITEB...`` where
            OpenSSL passes over it, only removes suites, or leaves nothing of a kind it names.
    """
    words = cipher_words(text)
    for word in words:
        for part in word.parts if word.operator != "@" else ():
            if not _is_known(part, known_suites):
                raise _unknown_word(part, known_suites)
    _check_order(words)
    asked = split_tls13(text)
    if {word.operator for word in words} - {"@"} and not any(word.adds for word in words):
        raise ConfigError(f"cipher list {text!r} selects nothing", hint="begin with DEFAULT or ALL")
    unused = [
        word for word in words if word.adds and not _fits(word, known_suites, has_expressions)
    ]
    kept = [word for word in words if word not in unused]
    older, newer = split_tls13(":".join(word.text for word in kept)) if kept else ("", "")
    if any(map(_adds_older, unused)) and not any(map(_adds_older, kept)):
        older = ""  # what takes away or sorts is of no use alone
    if older and not has_expressions:
        older = ":".join(name for name in _expand_old(older) if name in known_suites)
    for wanted, left in zip(asked, (older, newer), strict=True):
        if wanted and not left:
            raise ConfigError(
                f"cipher list {text!r} leaves no suite of this library",
                hint="add some that it has, such as DEFAULT, or leave the list out",
            )
    return LibraryCiphers(older, newer, tuple(word.text for word in unused))


def _adds_older(word: CipherWord) -> bool:
    return word.adds and not is_tls13_suite(word.text)


def _is_known(part: str, known_suites: Collection[str]) -> bool:
    """Whether a name is a keyword, or a suite of this library, of another one, or of old times."""
    return (
        part in known_suites
        or part in _KEYWORDS
        or part in RETIRED_SUITES
        or part in _TLS13_NAMES
        or part in _stdlib_suites()
    )


def _fits(word: CipherWord, known_suites: Collection[str], has_expressions: bool) -> bool:
    """Whether a word that adds suites adds any of the library's."""
    names = [part for part in word.parts if part not in _KEYWORDS]
    if not all(name in known_suites for name in names):
        return False
    if has_expressions or (names and word.is_plain):
        return True
    return any(name in known_suites for name in _picked(word.text))


@functools.lru_cache(maxsize=1024)  # the words of lists repeat from domain to domain
def _picked(text: str) -> tuple[str, ...]:
    return tuple(str(suite["name"]) for suite in _evaluate(text))


def _check_order(words: list[CipherWord]) -> None:
    old = [word for word in words if not (word.is_plain and is_tls13_suite(word.text))]
    for index, word in enumerate(old):
        if not _FIRST_ONLY.isdisjoint(word.parts) and (index or not word.is_plain):
            raise ConfigError(
                f"{word.text!r} counts only alone and as the first word of a cipher list"
            )


def _unknown_word(part: str, known_suites: Iterable[str]) -> ConfigError:
    known = (*sorted(CIPHER_KEYWORDS), *known_suites)
    hint = did_you_mean(part, known, fold=str.upper, cutoff=0.75)
    return ConfigError(f"unknown cipher {part!r}", hint=hint)


#: IANA's names of TLS 1.3 suites; a library may have some of them.
_TLS13_NAMES = _names(
    """
    TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256
    TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256 TLS_SHA256_SHA256 TLS_SHA384_SHA384
    TLS_SM4_GCM_SM3 TLS_SM4_CCM_SM3
    """
)


def _expand_old(text: str) -> list[str]:
    words = cipher_words(text)
    if all(word.is_plain and word.text not in _KEYWORDS for word in words):
        return list(dict.fromkeys(word.text for word in words))
    level = max((word.level for word in words if word.level is not None), default=0)
    asked = ":".join(word.text for word in words if word.level is None)
    names = [str(suite["name"]) for suite in _evaluate(asked) if _passes_level(suite, level)]
    # Suites that only the library has are no part of what OpenSSL computed.
    strangers = (word.text for word in words if word.is_plain and word.text not in _KEYWORDS)
    names += [name for name in strangers if name not in _stdlib_suites()]
    return list(dict.fromkeys(names))


def _passes_level(suite: dict[str, object], level: int) -> bool:
    bits = suite.get("strength_bits")
    if isinstance(bits, int) and bits < _LEVEL_BITS[level]:
        return False
    secret = suite.get("kea") in ("kx-ecdhe", "kx-dhe", "kx-ecdhe-psk", "kx-dhe-psk")
    return level < _FORWARD_SECRECY_LEVEL or secret


class OlderSuite(NamedTuple):
    """A suite up to TLS 1.2.

    Attributes:
        name: OpenSSL's.
        needs_tls12: whether older versions have it not.
        key: kind of the server's key, ``"rsa"``, ``"ecdsa"`` or another one; None for any.
    """

    name: str
    needs_tls12: bool
    key: str | None


def older_suites(text: str) -> list[OlderSuite]:
    """Say which suites up to TLS 1.2 a list picks, as far as the OpenSSL of Python knows them.

    Args:
        text: a cipher list.

    Returns:
        The suites; none if that OpenSSL does not take the list.
    """
    found = []
    for suite in _evaluate(text):
        key = str(suite.get("auth", "")).removeprefix("auth-")
        is_new = suite.get("protocol") == "TLSv1.2"
        found.append(OlderSuite(str(suite["name"]), is_new, key if key in _KEYED else None))
    return found


def _evaluate(text: str) -> Iterator[dict[str, object]]:
    """Yield the suites up to TLS 1.2 that OpenSSL picks for a list, in its order."""
    import ssl  # Only programs that expand lists pay for it.

    # Programs may have put another class in its place.
    stock = next(base for base in ssl.SSLContext.__mro__ if base.__module__ == "ssl")
    context = stock(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers(text)
    except ssl.SSLError:
        return
    for suite in context.get_ciphers():
        if not is_tls13_suite(str(suite["name"])):
            yield dict(suite)


@functools.cache
def _stdlib_suites() -> frozenset[str]:
    return frozenset(str(suite["name"]) for suite in _evaluate("ALL:COMPLEMENTOFALL"))
