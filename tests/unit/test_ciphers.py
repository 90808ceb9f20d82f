"""Cipher lists: grammar, unknown words, and lists for a library without expressions."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsmgm._domains.ciphers import (
    CIPHER_KEYWORDS,
    CipherWord,
    LibraryCiphers,
    cipher_words,
    ciphers_for,
    split_tls13,
)
from tlsmgm.errors import ConfigError

# What a small library has, in its own order.
KNOWN = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "DHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-SHA",
    "ONLY-HERE-SUITE",
]


def expand_for(text: str, known: list[str]) -> str:
    """The list for a library without expressions, TLS 1.3 first."""
    made = ciphers_for(text, known, has_expressions=False)
    return ":".join(filter(None, (made.newer, made.older)))


def test_words() -> None:
    assert cipher_words("ECDHE+AESGCM:!aNULL, -SHA1 ;+AES@SECLEVEL=0:@STRENGTH") == [
        CipherWord("", ("ECDHE", "AESGCM")),
        CipherWord("!", ("aNULL",)),
        CipherWord("-", ("SHA1",)),
        CipherWord("+", ("AES",)),
        CipherWord("@", ("SECLEVEL=0",)),
        CipherWord("@", ("STRENGTH",)),
    ]
    assert [word.text for word in cipher_words("!A+B:@SECLEVEL=5")] == ["!A+B", "@SECLEVEL=5"]


@pytest.mark.parametrize(
    "text",
    ["", ":", "!", "A++B", "A+", "!!A", "@FOO", "@SECLEVEL=6", "@SECLEVEL=10", "ALL@", "A*", "Ä"],
)
def test_bad_grammar(text: str) -> None:
    with pytest.raises(ConfigError):
        cipher_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "DEFAULT",
        "DEFAULT@SECLEVEL=0",
        "TLS_AES_128_GCM_SHA256:DEFAULT:!aNULL",
        "ALL:eNULL:!LOW:!EXPORT",  # the manual's own example
        "NULL",
        "HIGH:!aNULL:!MD5:!RC4:!3DES:!SSLv2:!EXP",
        "ECDHE-RSA-AES128-GCM-SHA256:!RC4-SHA:!DES-CBC3-SHA:-ECDHE-ECDSA-RC4-SHA",
        "ECDHE+AESGCM:ECDHE-RSA-AES256-GCM-SHA384+ECDHE:@STRENGTH",
        "@SECLEVEL=0",
        "TLS_AES_128_GCM_SHA256",
        "SUITEB192:ECDHE",
    ],
)
def test_good_lists(text: str) -> None:
    made = ciphers_for(text, KNOWN, has_expressions=True)
    assert (made.older, made.newer) == split_tls13(text)
    assert made.unused == ()


@pytest.mark.parametrize("has_expressions", [True, False])
@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("RC4-SHA:AES256-SHA:EXP-EDH-RSA-DES-CBC-SHA", ("RC4-SHA", "EXP-EDH-RSA-DES-CBC-SHA")),
        ("AES256-SHA:ECDH-RSA-AES256-GCM-SHA384", ("ECDH-RSA-AES256-GCM-SHA384",)),
        ("HIGH:RC4-SHA+RSA:!RC4-MD5:-DES-CBC3-SHA", ("RC4-SHA+RSA",)),
        ("TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256", ("TLS_AES_128_CCM_SHA256",)),
        ("AES256-SHA:DHE-RSA-AES128-GCM-SHA256", ("DHE-RSA-AES128-GCM-SHA256",)),
    ],
)
def test_suites_that_nobody_has_any_more(
    text: str, unused: tuple[str, ...], has_expressions: bool
) -> None:
    made = ciphers_for(text, KNOWN, has_expressions=has_expressions)
    assert made.unused == unused
    assert not set(unused) & set(f"{made.older}:{made.newer}".split(":"))


def test_keywords_that_fit_nothing() -> None:
    """OpenSSL says it itself, of its own suites."""
    text = "ALL:!ADH:RC4+RSA:+HIGH:+EXP:EXPORT:kDHr:IDEA"
    made = ciphers_for(text, KNOWN, has_expressions=False)
    assert made.unused == ("RC4+RSA", "EXPORT", "kDHr", "IDEA")
    assert ciphers_for(text, KNOWN, has_expressions=True) == LibraryCiphers(text, "", ())


@pytest.mark.parametrize("has_expressions", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "RC4-SHA",
        "RC4-SHA:!aNULL:@STRENGTH",
        "RC4-SHA:@SECLEVEL=0",
        "TLS_AES_128_GCM_SHA256:RC4-SHA",
        "AES256-SHA:TLS_AES_128_CCM_SHA256",
    ],
)
def test_what_is_left_of_a_list_is_never_the_default(text: str, has_expressions: bool) -> None:
    with pytest.raises(ConfigError, match="leaves no suite of this library"):
        ciphers_for(text, KNOWN, has_expressions=has_expressions)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("HIGH:!aNUL", "unknown cipher 'aNUL' (did you mean 'aNULL'?)"),
        ("high", "unknown cipher 'high' (did you mean 'HIGH'?)"),
        ("ECDHE+AESGMC", "'AESGMC'"),
        ("ECDHE-RSA-AES128-GCM-SHA25", "did you mean 'ECDHE-RSA-AES128-GCM-SHA256'?"),
        ("RC4-SHE", "'RC4-SHE'"),
        ("XRC4-SHA:ALL", "'XRC4-SHA'"),
        ("TLS_AES_128_GCM_SHA512", "'TLS_AES_128_GCM_SHA512'"),
        ("ALL:!TLS_AES_128_GCM_SHA256", "a TLS 1.3 suite can only be named"),
        ("!aNULL:-SHA1", "selects nothing"),
        ("ECDHE:DEFAULT", "'DEFAULT' counts only alone and as the first word"),
        ("!DEFAULT", "'!DEFAULT' counts only"),
        ("DEFAULT+AES", "'DEFAULT+AES' counts only"),
        ("@SECLEVEL=0:DEFAULT", "'DEFAULT' counts only"),
        ("ECDHE:SUITEB128", "'SUITEB128' counts only"),
    ],
)
@pytest.mark.parametrize("has_expressions", [True, False])
def test_bad_lists(text: str, message: str, has_expressions: bool) -> None:
    with pytest.raises(ConfigError) as caught:
        ciphers_for(text, KNOWN, has_expressions=has_expressions)
    assert message in str(caught.value)


def test_words_that_openssl_takes_are_keywords() -> None:
    for word in ("TLSv1.2", "ARIA", "CBC", "SHA384", "kECDHEPSK", "COMPLEMENTOFDEFAULT", "FIPS"):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(word)
        assert word in CIPHER_KEYWORDS


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("HIGH:!aNULL", "HIGH:!aNULL", ""),
        ("TLS_AES_128_GCM_SHA256", "", "TLS_AES_128_GCM_SHA256"),
        (
            "AES256-SHA,TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
            "AES256-SHA",
            "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
        ),
        ("@SECLEVEL=0", "DEFAULT:@SECLEVEL=0", ""),
        ("ALL@SECLEVEL=0", "ALL:@SECLEVEL=0", ""),
    ],
)
def test_split(text: str, old: str, new: str) -> None:
    assert split_tls13(text) == (old, new)


def test_plain_names_keep_their_order() -> None:
    text = "AES256-SHA:TLS_AES_128_GCM_SHA256:ONLY-HERE-SUITE:ECDHE-RSA-AES256-GCM-SHA384"
    assert expand_for(text, KNOWN) == (
        "TLS_AES_128_GCM_SHA256:AES256-SHA:ONLY-HERE-SUITE:ECDHE-RSA-AES256-GCM-SHA384"
    )
    # OpenSSL has it, this library has not.
    assert expand_for("DHE-RSA-AES128-GCM-SHA256:AES256-SHA", KNOWN) == "AES256-SHA"


def test_expressions_are_computed_by_openssl() -> None:
    assert expand_for("ECDHE+aRSA+AESGCM", KNOWN) == (
        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
    )
    assert "ECDHE-ECDSA" not in expand_for("HIGH:!aECDSA", KNOWN)
    assert expand_for("kRSA+AESGCM:ONLY-HERE-SUITE", KNOWN) == "AES128-GCM-SHA256:ONLY-HERE-SUITE"
    assert "TLS_" not in expand_for("DEFAULT", KNOWN)


def test_security_levels_keep_what_is_about_suites() -> None:
    names = "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"
    assert expand_for(f"{names}:@SECLEVEL=1", KNOWN) == names
    assert expand_for(f"{names}:@SECLEVEL=3", KNOWN) == names.removeprefix("AES128-GCM-SHA256:")
    assert expand_for(f"{names}:@SECLEVEL=4", KNOWN) == "ECDHE-RSA-AES256-GCM-SHA384"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AES256-SHA:NO-SUCH-SUITE", "unknown cipher 'NO-SUCH-SUITE'"),
        ("HIGH:!aNUL", "unknown cipher 'aNUL'"),
        ("DHE-RSA-AES128-GCM-SHA256", "'DHE-RSA-AES128-GCM-SHA256' leaves no suite"),
        ("RC4:!RC4", "leaves no suite"),
        ("TLS_CHACHA20_POLY1305_SHA256", "leaves no suite"),
        ("TLS_AES_128_GCM_SHA512", "unknown cipher"),
        ("LOW", "leaves no suite"),
    ],
)
def test_lists_that_cannot_be_expanded(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        expand_for(text, KNOWN)
    assert message in str(caught.value)


WORDS = st.sampled_from(
    [
        "ALL",
        "HIGH",
        "ECDHE",
        "AESGCM",
        "kRSA",
        "AES256-SHA",
        "aNULL",
        "SHA1",
        "@STRENGTH",
        "@SECLEVEL=2",
    ]
)


@given(st.lists(st.tuples(st.sampled_from(["", "!", "-", "+"]), WORDS), min_size=1, max_size=6))
def test_expansion_is_what_openssl_picks(parts: list[tuple[str, str]]) -> None:
    text = ":".join(word if word[0] == "@" else operator + word for operator, word in parts)
    try:
        expanded = expand_for(text, KNOWN)
    except ConfigError:
        return
    assert expanded
    assert set(expanded.split(":")) <= set(KNOWN)


@given(st.text(max_size=30))
def test_any_text_is_a_list_or_refused(text: str) -> None:
    try:
        words = cipher_words(text)
    except ConfigError:
        return
    assert cipher_words(":".join(word.text for word in words)) == words
