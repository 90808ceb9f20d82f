"""Which path is chosen from what a peer shows, and what is said of it."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.der import (
    BIT_STRING,
    COMMON_NAME,
    GENERALIZED_TIME,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    UTF8,
    entry,
    extension,
    integer,
    name,
    oid,
    tlv,
)
from tests.support.path import (
    ALT_NAME,
    BASIC_CONSTRAINTS,
    CA,
    CLIENT_AUTH,
    CRL_POINTS,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    NOW,
    SERVER_AUTH,
    SHA1,
    TRUE,
    Answer,
    Validator,
    hosts,
    issuer_id,
    key,
    make,
    make_crl,
    own_id,
    path_length,
    purposes,
    rsa_key,
    signature,
    usage,
)

ROOT = make("root", "root", 1, 1, CA)
MIDDLE = make("middle", "root", 2, 1, CA)
LOWER = make("lower", "middle", 3, 2, CA)
LEAF = make("leaf", "lower", 9, 3, hosts("a.test"))
SHORT = make("leaf", "root", 9, 1, hosts("a.test"))
PAST, FUTURE = tlv(UTC_TIME, b"250101000000Z"), tlv(UTC_TIME, b"400101000000Z")


@pytest.fixture
def validator(c: CCode) -> Validator:
    return Validator(c)


def said(answer: Answer) -> tuple[str, int]:
    return answer.reason, answer.depth


# Choosing.


def test_a_path_is_found(validator: Validator) -> None:
    answer = validator.judge([LEAF, LOWER, MIDDLE], [ROOT])
    assert answer == Answer("NONE", 0, LOWER, 3)


def test_the_order_does_not_count_nor_what_else_is_there(validator: Validator) -> None:
    other = make("other", "root", 7, 1, CA)
    for order in itertools.permutations([LOWER, MIDDLE, ROOT, other, LEAF]):
        assert said(validator.judge([LEAF, *order], [ROOT])) == ("NONE", 0)


def test_the_way_to_trust_is_short(validator: Validator) -> None:
    """What is trusted comes before what is shown: nobody looks above it."""
    answer = validator.judge([LEAF, LOWER, MIDDLE], [ROOT, LOWER])
    assert (answer.reason, answer.checks) == ("NONE", 1)


def test_a_leaf_that_is_trusted_for_itself(validator: Validator) -> None:
    assert validator.judge([LEAF], [LEAF]) == Answer("NONE", 0, b"", 0)
    answer = validator.judge([LEAF, LOWER], [LEAF])
    assert (answer.reason, answer.issuer) == ("NONE", LOWER)
    below = make("below", "leaf", 10, 9)
    assert said(validator.judge([below, LEAF], [LEAF])) == ("NOT_A_CA", 1)


@pytest.mark.parametrize(
    ("shown", "cas", "expected"),
    [
        ([LEAF], [ROOT], ("UNKNOWN_CA", 0)),
        ([LEAF, LOWER], [ROOT], ("UNKNOWN_CA", 1)),
        ([LEAF, LOWER, MIDDLE], [], ("UNKNOWN_CA", 2)),
        ([LEAF, LOWER, MIDDLE, ROOT], [], ("UNKNOWN_CA", 3)),
        ([ROOT], [], ("SELF_SIGNED", 0)),
        ([ROOT], [make("root", "root", 4, 4, CA)], ("SELF_SIGNED", 0)),
        ([], [ROOT], ("TOO_DEEP", 0)),
        ([make("leaf", "root", 9, 4)], [ROOT], ("SIGNATURE", 0)),
    ],
)
def test_no_way_to_trust(
    validator: Validator, shown: list[bytes], cas: list[bytes], expected: tuple[str, int]
) -> None:
    assert said(validator.judge(shown, cas)) == expected


@pytest.mark.parametrize(("depth", "reason"), [(0, "TOO_DEEP"), (1, "TOO_DEEP"), (2, "NONE")])
def test_intermediates_are_counted_and_roots_are_not(
    validator: Validator, depth: int, reason: str
) -> None:
    for shown in ([LEAF, LOWER, MIDDLE], [LEAF, LOWER, MIDDLE, ROOT]):
        assert validator.judge(shown, [ROOT], verify_depth=depth).reason == reason


def test_circles_end(validator: Validator) -> None:
    """Two authorities that vouch for each other, and one of whom a hundred versions are shown."""
    one, two = make("one", "two", 1, 2, CA), make("two", "one", 2, 1, CA)
    leaf = make("leaf", "one", 9, 1)
    assert validator.judge([leaf, one, two], [ROOT], verify_depth=100).reason == "UNKNOWN_CA"
    same = [make("one", "one", 1, 4, CA, issuer_id(b"x"), serial=integer(n)) for n in range(63)]
    answer = validator.judge([leaf, *same], [ROOT], verify_depth=100)
    assert (answer.reason, answer.checks) == ("UNKNOWN_CA", 0)


def test_most_certificates_that_may_be_shown(c: CCode, validator: Validator) -> None:
    most = c.lib.TLSMGM_PATH_SHOWN_MAX
    line = [make(str(n), str(n + 1), n, n + 1, CA) for n in range(100, 100 + most)]
    end = make(str(100 + most), str(100 + most), 100 + most, 100 + most, CA)
    assert validator.judge(line, [end], verify_depth=100).reason == "NONE"
    assert said(validator.judge([*line, ROOT], [end], verify_depth=100)) == ("TOO_DEEP", 0)


def test_of_several_the_one_in_force(validator: Validator) -> None:
    old = make("lower", "middle", 3, 2, CA, not_after=PAST)
    for order in ([old, LOWER], [LOWER, old]):
        assert validator.judge([LEAF, *order, MIDDLE], [ROOT]).reason == "NONE"
        assert validator.judge([LEAF], order).reason == "NONE"
    answer = validator.judge([LEAF, old, MIDDLE], [ROOT])
    assert said(answer) == ("EXPIRED", 1)


def test_key_identifiers_tell_authorities_of_one_name_apart(validator: Validator) -> None:
    first = make("ca", "root", 4, 1, CA, own_id(b"first"))
    second = make("ca", "root", 5, 1, CA, own_id(b"second"))
    leaf = make("leaf", "ca", 9, 5, issuer_id(b"second"))
    assert validator.judge([leaf, first, second], [ROOT]).reason == "NONE"
    assert validator.judge([leaf], [first, second]).reason == "NONE"
    assert said(validator.judge([leaf, first], [ROOT])) == ("UNKNOWN_CA", 0)


def test_a_key_that_cannot_have_signed_is_passed_over(validator: Validator) -> None:
    garbage = tlv(SEQUENCE, tlv(SEQUENCE, oid("1.2.840.10045.2.1")), tlv(BIT_STRING, b"\0\4"))
    for other in (rsa_key(3), key(3, "1.2.3"), garbage):
        wrong = make("lower", "middle", 3, 2, CA, public_key=other)
        assert validator.judge([LEAF, wrong, LOWER, MIDDLE], [ROOT]).reason == "NONE"
        assert said(validator.judge([LEAF, wrong, MIDDLE], [ROOT])) == ("UNKNOWN_CA", 0)


def test_settings_of_what_is_trusted(c: CCode, validator: Validator) -> None:
    trusted, rejected = c.lib.TLSMGM_TRUST_TRUSTED, c.lib.TLSMGM_TRUST_REJECTED
    mail = make("root", "root", 1, 1, CA, purposes("1.3.6.1.5.5.7.3.4"))
    assert said(validator.judge([SHORT], [(ROOT, rejected, trusted)])) == ("UNKNOWN_CA", 1)
    assert validator.judge([SHORT], [(ROOT, rejected, trusted)], is_server=False).reason == "NONE"
    assert said(validator.judge([SHORT], [mail])) == ("PURPOSE", 1)
    assert validator.judge([SHORT], [(mail, trusted, rejected)]).reason == "NONE"
    assert said(validator.judge([SHORT], [(SHORT, rejected, rejected)])) == ("UNKNOWN_CA", 0)


# Judging.

EXPLICIT = tlv(SEQUENCE, oid("1.2.840.10045.2.1"), tlv(SEQUENCE, integer(1)))
ALTERED: list[tuple[str, dict[str, bytes], list[bytes], str]] = [
    ("unknown critical", {}, [CA, extension("1.2.3.4", b"x", TRUE)], "OTHER"),
    ("unknown", {}, [CA, extension("1.2.3.4", b"x")], "NONE"),
    (
        "critical identifier",
        {},
        [CA, extension("2.5.29.14", tlv(OCTET_STRING, b"x"), TRUE)],
        "OTHER",
    ),
    ("proxy", {}, [CA, extension("1.3.6.1.5.5.7.1.14", b"x")], "OTHER"),
    ("networks", {}, [CA, extension("1.3.6.1.5.5.7.1.7", b"x")], "OTHER"),
    ("no authority", {}, [], "NOT_A_CA"),
    ("FALSE", {}, [extension(BASIC_CONSTRAINTS, tlv(SEQUENCE))], "NOT_A_CA"),
    ("may not sign", {}, [CA, usage(0x80)], "NOT_A_CA"),
    ("old authority", {}, [usage(0x04)], "NOT_A_CA"),
    ("may sign", {}, [CA, usage(0x04)], "NONE"),
    ("for mail", {}, [CA, purposes("1.3.6.1.5.5.7.3.4")], "PURPOSE"),
    ("for anything", {}, [CA, purposes("2.5.29.37.0")], "PURPOSE"),
    ("for servers", {}, [CA, purposes(SERVER_AUTH)], "NONE"),
    ("path length", {}, [path_length(0)], "TOO_DEEP"),
    ("longer path", {}, [path_length(1)], "NONE"),
    (
        "explicit curve",
        {"public_key": tlv(SEQUENCE, EXPLICIT, tlv(BIT_STRING, b"\0\2"))},
        [CA],
        "OTHER",
    ),
    ("weak key", {"public_key": key(2, "1.2.840.10045.3.1.1")[:-1]}, [CA], "PROTOCOL"),
    ("old", {"not_after": PAST}, [CA], "EXPIRED"),
    ("new", {"not_before": FUTURE}, [CA], "NOT_YET_VALID"),
    ("no date", {"not_after": tlv(UTC_TIME, b"251301000000Z")}, [CA], "MALFORMED"),
    ("short date", {"not_after": tlv(UTC_TIME, b"2501010000Z")}, [CA], "PROTOCOL"),
    ("short date", {"not_after": tlv(GENERALIZED_TIME, b"20250101000Z")}, [CA], "PROTOCOL"),
    ("wrong signature", {"signature": signature(4)}, [CA], "SIGNATURE"),
    (
        "spelt signature",
        {"signature": tlv(BIT_STRING, b"\0" + tlv(SEQUENCE, b"\2\2\0\1" + integer(1)))},
        [CA],
        "SIGNATURE",
    ),
    (
        "a pair and more",
        {"signature": tlv(BIT_STRING, b"\0" + tlv(SEQUENCE, integer(1), integer(1), integer(1)))},
        [CA],
        "SIGNATURE",
    ),
    (
        "other algorithm outside",
        {"outer_algorithm": tlv(SEQUENCE, oid("1.2.840.10045.4.3.3"))},
        [CA],
        "SIGNATURE",
    ),
    (
        "SHA-1",
        {"outer_algorithm": tlv(SEQUENCE, oid(SHA1)), "algorithm": tlv(SEQUENCE, oid(SHA1))},
        [CA],
        "WEAK_KEY",
    ),
]


@pytest.mark.parametrize(
    ("items", "extensions", "reason"), [pytest.param(*row[1:], id=row[0]) for row in ALTERED]
)
def test_an_intermediate_with_one_thing_changed(
    validator: Validator, items: dict[str, bytes], extensions: list[bytes], reason: str
) -> None:
    changed = make("middle", "root", 2, 1, *extensions, **items)
    answer = validator.judge([LEAF, LOWER, changed], [ROOT])
    assert answer.reason == reason
    if reason not in {"NONE", "PROTOCOL"}:
        assert answer.depth == 2


STRICT_CA = [CA, usage(0x06), own_id(b"2"), issuer_id(b"1")]
STRICT: list[tuple[str, dict[str, bytes], list[bytes], str]] = [
    ("good", {}, STRICT_CA, "NONE"),
    ("not critical", {}, [extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, TRUE)), *STRICT_CA[1:]], "x"),
    ("no usage", {}, [CA, *STRICT_CA[2:]], "x"),
    ("no key of its own", {}, [*STRICT_CA[:2], STRICT_CA[3]], "x"),
    ("no key above", {}, STRICT_CA[:3], "x"),
    ("empty names", {}, [*STRICT_CA, extension(ALT_NAME, tlv(SEQUENCE))], "x"),
    ("old version", {"version": tlv(0xA0, integer(1))}, STRICT_CA, "x"),
]


@pytest.mark.parametrize(
    ("items", "extensions", "reason"), [pytest.param(*row[1:], id=row[0]) for row in STRICT]
)
def test_rules_that_may_be_asked_for(
    validator: Validator, items: dict[str, bytes], extensions: list[bytes], reason: str
) -> None:
    root = make("root", "root", 1, 1, CA, usage(0x06), own_id(b"1"))
    changed = make("middle", "root", 2, 1, *extensions, **items)
    leaf = make("leaf", "middle", 9, 2, issuer_id(b"2"))
    assert validator.judge([leaf, changed], [root]).reason == "NONE"
    answer = validator.judge([leaf, changed], [root], is_strict=True)
    assert said(answer) == (("NONE", 0) if reason == "NONE" else ("OTHER", 1))


def test_strict_rules_come_before_sizes_and_names(validator: Validator) -> None:
    root = make("root", "root", 1, 1, CA, usage(0x06))
    leaf = make("leaf", "root", 9, 1, hosts("a.test"))
    assert said(validator.judge([leaf], [root], is_strict=True, host="b.test")) == ("OTHER", 0)
    old = make("leaf", "root", 9, 1, hosts("a.test"), not_after=PAST)
    assert said(validator.judge([old], [root], is_strict=True)) == ("EXPIRED", 0)
    half = make("leaf", "root", 9, 1, usage(0x84))
    assert said(validator.judge([half], [root], is_strict=True)) == ("OTHER", 0)
    assert said(validator.judge([half], [half], is_strict=True)) == ("OTHER", 0)
    assert said(validator.judge([leaf], [leaf], is_strict=True)) == ("NONE", 0)


UNREADABLE = {
    "empty key usage": extension(KEY_USAGE, tlv(BIT_STRING, b"\0")),
    "key usage": extension(KEY_USAGE, b"garbage"),
    "path length below zero": extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, TRUE, integer(-1))),
    "constraints": extension(NAME_CONSTRAINTS, tlv(SEQUENCE, tlv(0xA0, tlv(SEQUENCE, b"\x88\0")))),
    "a point without anything": extension(CRL_POINTS, tlv(SEQUENCE, tlv(SEQUENCE))),
    "alternative name": extension(ALT_NAME, tlv(SEQUENCE, tlv(0x88, b"\x80"))),
    "serial number of the issuer": extension("2.5.29.35", tlv(SEQUENCE, tlv(0x82, b"\0\0"))),
    "name of the issuer": extension("2.5.29.35", tlv(SEQUENCE, tlv(0xA1, b"\xa9\0"))),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_who_cannot_be_read_vouches_for_nobody(validator: Validator, what: str) -> None:
    constraints = [] if "length" in what else [CA]
    changed = make("middle", "root", 2, 1, UNREADABLE[what], *constraints)
    assert said(validator.judge([LEAF, LOWER, changed], [ROOT])) == ("UNKNOWN_CA", 1)
    assert said(validator.judge([LEAF, LOWER, changed, MIDDLE], [ROOT])) == ("NONE", 0)
    assert validator.judge([LEAF, LOWER], [changed]).reason == "UNKNOWN_CA"


@pytest.mark.parametrize("what", UNREADABLE)
def test_who_cannot_be_read_has_no_issuer(validator: Validator, what: str) -> None:
    leaf = make("leaf", "root", 9, 1, UNREADABLE[what])
    assert said(validator.judge([leaf], [ROOT])) == ("UNKNOWN_CA", 0)
    assert said(validator.judge([leaf], [ROOT, leaf])) == ("NONE", 0)
    if "alternative" in what:
        assert said(validator.judge([leaf], [ROOT, leaf], host="a.test")) == ("NAME_MISMATCH", 0)


def test_names_must_be_texts(validator: Validator) -> None:
    for tag, value in (
        (UTF8, b"\xff"),
        (UTF8, b"\xed\xa0\x80"),
        (0x1E, b"\xd8\x00"),
        (0x1C, b"\0\x11\0\0"),
    ):
        odd = make("middle", "root", 2, 1, CA, subject=name(entry(COMMON_NAME, tag, value)))
        assert validator.judge([SHORT, odd], [ROOT]).reason == "PROTOCOL"


LEAVES: list[tuple[list[bytes], bool, str]] = [
    ([], True, "NONE"),
    ([usage(0x80)], True, "NONE"),
    ([usage(0x20)], True, "NONE"),
    ([usage(0x08)], True, "NONE"),
    ([usage(0x04)], True, "PURPOSE"),
    ([usage(0x20)], False, "PURPOSE"),
    ([usage(0x08)], False, "NONE"),
    ([purposes(CLIENT_AUTH)], True, "PURPOSE"),
    ([purposes(CLIENT_AUTH)], False, "NONE"),
    ([purposes(SERVER_AUTH)], False, "PURPOSE"),
    ([purposes()], True, "PURPOSE"),
    ([purposes("2.16.840.1.113730.4.1")], True, "NONE"),
    ([purposes("2.16.840.1.113730.4.1")], False, "PURPOSE"),
    ([extension("2.16.840.1.113730.1.1", tlv(BIT_STRING, b"\0\x80"))], True, "PURPOSE"),
    ([extension("2.16.840.1.113730.1.1", tlv(BIT_STRING, b"\0\x80"))], False, "NONE"),
    ([CA], True, "NONE"),
]


@pytest.mark.parametrize(("extensions", "is_server", "reason"), LEAVES)
def test_purposes(
    validator: Validator, extensions: list[bytes], is_server: bool, reason: str
) -> None:
    leaf = make("leaf", "root", 9, 1, *extensions)
    assert validator.judge([leaf], [ROOT], is_server=is_server).reason == reason


def test_clients_with_certificates_of_servers(validator: Validator) -> None:
    for extensions, good in (
        ([purposes(SERVER_AUTH)], True),
        ([purposes(SERVER_AUTH), usage(0x80)], True),
        ([purposes(SERVER_AUTH), usage(0x20)], False),
        ([purposes("2.16.840.1.113730.4.1")], False),
        ([purposes("1.3.6.1.5.5.7.3.4")], False),
    ):
        leaf = make("leaf", "middle", 9, 2, *extensions)
        middle = make("middle", "root", 2, 1, CA, purposes(SERVER_AUTH))
        mail = make("middle", "root", 2, 1, CA, purposes("1.3.6.1.5.5.7.3.4"))
        asked: dict[str, Any] = {"is_server": False, "accept_server_eku": True}
        reason = "NONE" if good else "PURPOSE"
        assert validator.judge([leaf, middle], [ROOT], **asked).reason == reason
        assert validator.judge([leaf, mail], [ROOT], **asked).reason == "PURPOSE"
        assert validator.judge([leaf, middle], [ROOT], is_server=False).reason == "PURPOSE"


def test_sizes_of_keys(validator: Validator) -> None:
    for bits, reason in ((1962, "WEAK_KEY"), (1963, "NONE"), (2048, "NONE")):
        leaf = make("leaf", "root", 9, 1, public_key=rsa_key(9, bits))
        assert validator.judge([leaf], [ROOT]).reason == reason
        assert validator.judge([leaf], [leaf]).reason == reason
    leaf = make("leaf", "root", 9, 1, public_key=key(9, "1.2.3"))
    assert validator.judge([leaf], [ROOT]).reason == "WEAK_KEY"


def test_sizes_of_rsa_keys_that_a_domain_asks_for(validator: Validator) -> None:
    """Of all in the path, what is trusted included; keys of another kind have none."""
    small, large = rsa_key(9, 3071), rsa_key(9, 3072)
    leaf = make("leaf", "root", 9, 1, public_key=small)
    assert said(validator.judge([leaf], [ROOT])) == ("NONE", 0)
    assert said(validator.judge([leaf], [ROOT], min_rsa_bits=3071)) == ("NONE", 0)
    assert said(validator.judge([leaf], [ROOT], min_rsa_bits=3072)) == ("WEAK_KEY", 0)
    assert said(validator.judge([leaf], [leaf], min_rsa_bits=3072)) == ("WEAK_KEY", 0)
    assert said(validator.judge([leaf], [ROOT], host="other", min_rsa_bits=3072)) == ("WEAK_KEY", 0)
    old = make("leaf", "root", 9, 1, public_key=small, not_after=PAST)
    assert said(validator.judge([old], [ROOT], min_rsa_bits=3072))[0] == "EXPIRED"
    leaf = make("leaf", "root", 9, 1, public_key=large)
    assert said(validator.judge([leaf], [ROOT], min_rsa_bits=3072)) == ("NONE", 0)
    assert said(validator.judge([LEAF, LOWER, MIDDLE], [ROOT], min_rsa_bits=16384)) == ("NONE", 0)


def test_self_issued_intermediates_are_free(validator: Validator) -> None:
    """A new key of the root, below the old one, does not count against its path length."""
    old = make("root", "root", 1, 1, path_length(1), own_id(b"old"))
    new = make("root", "root", 2, 1, CA, own_id(b"new"), issuer_id(b"old"))
    middle = make("middle", "root", 3, 2, CA, issuer_id(b"new"))
    leaf = make("leaf", "middle", 9, 3)
    assert validator.judge([leaf, middle, new], [old]).reason == "NONE"
    third = make("third", "middle", 4, 3, CA)
    leaf = make("leaf", "third", 9, 4)
    assert said(validator.judge([leaf, third, middle, new], [old])) == ("TOO_DEEP", 4)


def test_the_order_of_reasons(validator: Validator) -> None:
    """A certificate is wrong in everything: each fault is told when those before it are mended."""
    wrong = {
        "TOO_DEEP": "verify_depth",
        "PURPOSE": purposes(CLIENT_AUTH),
        "REVOKED": "crl",
        "SIGNATURE": signature(4),
        "EXPIRED": PAST,
        "NAME_MISMATCH": "host",
    }
    order = list(wrong)
    for start in range(len(order)):
        left = order[start:]
        extensions = [purposes(CLIENT_AUTH)] if "PURPOSE" in left else []
        items = {"serial": integer(5)}
        items |= {"signature": signature(4)} if "SIGNATURE" in left else {}
        items |= {"not_after": PAST} if "EXPIRED" in left else {}
        leaf = make("leaf", "middle", 9, 2, hosts("a.test"), *extensions, **items)
        crl = make_crl("middle", 2, 5 if "REVOKED" in left else 6)
        answer = validator.judge(
            [leaf, MIDDLE],
            [ROOT],
            [crl],
            host="b.test" if "NAME_MISMATCH" in left else "a.test",
            verify_depth=0 if "TOO_DEEP" in left else 1,
        )
        assert answer.reason == left[0]
    leaf = make("leaf", "middle", 9, 2, hosts("a.test"))
    assert (
        validator.judge([leaf, MIDDLE], [ROOT], rules=(False, "c.test")).reason == "NAME_MISMATCH"
    )
    assert validator.judge([leaf, MIDDLE], [ROOT], rules=(True, ""), host="a.test").reason == "NONE"
    assert (
        validator.judge([leaf, MIDDLE], [ROOT], rules=(True, ""), host="*.test").reason
        == "NAME_MISMATCH"
    )


# Name constraints; names against subtrees are in test_name_constraints.py.


def constrained(*permitted: bytes) -> bytes:
    subtrees = tlv(0xA0, *[tlv(SEQUENCE, base) for base in permitted])
    return extension(NAME_CONSTRAINTS, tlv(SEQUENCE, subtrees), TRUE)


def test_all_above_constrain_all_below(validator: Validator) -> None:
    for root, middle in ((constrained(b"\x82\6b.test"), b""), (b"", constrained(b"\x82\6b.test"))):
        chain = [LEAF, LOWER, make("middle", "root", 2, 1, CA, middle)]
        answer = validator.judge(chain, [make("root", "root", 1, 1, CA, root)])
        assert said(answer) == ("OTHER", 0)
    assert (
        validator.judge(
            [LEAF, LOWER, MIDDLE], [make("root", "root", 1, 1, CA, constrained(b"\x82\6a.test"))]
        ).reason
        == "NONE"
    )


def test_common_names_count_where_no_host_is_asked_for(validator: Validator) -> None:
    root = make("root", "root", 1, 1, CA, constrained(b"\x82\6a.test"))
    for word, reason in (("www.b.test", "OTHER"), ("www.a.test", "NONE"), ("Bob Smith", "NONE")):
        leaf = make(word, "root", 9, 1)
        assert validator.judge([leaf], [root]).reason == reason
        address = extension(ALT_NAME, tlv(SEQUENCE, tlv(0x87, bytes([10, 0, 0, 1]))))
        leaf = make(word, "root", 9, 1, address)
        assert validator.judge([leaf], [root]).reason == reason
        assert validator.judge([leaf], [root], host="10.0.0.1").reason == "NONE"


# The rest.


def test_whoever_is_short_of_memory_accepts_nobody(c: CCode, validator: Validator) -> None:
    crl = make_crl("lower", 3)
    for count in range(100):
        anchors = validator.anchors([ROOT], [crl])
        c.lib.tlsmgm_anchors_free(anchors)
        blob, made = validator.blob(ROOT), c.ffi.new("struct tlsmgm_anchors *")
        c.lib.tlsmgm_test_fail_after(count)
        status = c.lib.tlsmgm_anchors_add_ca(made, blob, 0, 0, c.ffi.NULL)
        c.lib.tlsmgm_test_fail_after(-1)
        if status == c.lib.TLSMGM_STATUS_OK:
            c.lib.tlsmgm_anchors_free(made)
            return
        assert c.status_name(status) == "NO_MEMORY"
        c.lib.tlsmgm_blob_free(blob)
        c.lib.tlsmgm_anchors_free(made)
    raise AssertionError("it never succeeds")


@given(st.binary(max_size=300), st.integers(0, 4))
def test_any_bytes_are_malformed(c: CCode, data: bytes, at: int) -> None:
    shown = [LEAF, LOWER, MIDDLE]
    shown.insert(at, data)
    assert Validator(c).judge(shown, [ROOT]).reason == "PROTOCOL"


@given(st.randoms(use_true_random=False), st.integers(0, 400), st.integers(0, 255))
def test_an_altered_byte_never_makes_a_way(c: CCode, random: Random, at: int, value: int) -> None:
    """Signatures protect nothing here, being numbers, but nobody is trusted by a change."""
    stranger = make("leaf", "stranger", 9, 44, hosts("a.test"))
    data = bytearray(stranger)
    data[at % len(data)] = value
    chain = [bytes(data), make("stranger", "stranger", 44, 44, CA), MIDDLE]
    random.shuffle(chain[1:])
    assert Validator(c).judge(chain, [ROOT], now=NOW).reason != "NONE"
