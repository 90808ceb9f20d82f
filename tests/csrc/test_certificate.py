"""What a certificate says of itself, as a path needs to know it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    extension,
    integer,
    oid,
    tlv,
)
from tests.support.path import (
    ALT_NAME,
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    CA,
    CLIENT_AUTH,
    CRL_POINTS,
    KEY_USAGE,
    NOW,
    SERVER_AUTH,
    SUBJECT_KEY_ID,
    TRUE,
    called,
    issuer_id,
    key,
    make,
    own_id,
    purposes,
    rsa_key,
    usage,
)

V1 = {"version": b""}
NETSCAPE = "2.16.840.1.113730.1.1"
SIGNED_TWICE = tlv(SEQUENCE, oid("1.2.840.113549.1.1.11"), tlv(5))


def read(c: CCode, der: bytes) -> tuple[Any, Any]:
    view, keep = c.bytes_in(der)
    out = c.ffi.new("struct tlsmgm_certificate *")
    status = c.status_name(c.lib.tlsmgm_certificate_read(view, out, c.ffi.NULL))
    return (out if status == "OK" else status), keep


def test_a_plain_one(c: CCode) -> None:
    leaf, _keep = read(c, make("leaf", "root", 9, 1))
    flags = ("is_invalid", "has_unknown_critical", "is_proxy", "has_basic_constraints", "is_ca")
    assert not any(getattr(leaf, flag) for flag in flags)
    assert not any((leaf.has_key_usage, leaf.has_extended_usage, leaf.is_self_issued))
    assert (leaf.not_before, leaf.not_after) == (1704067200, 2335219200)
    assert leaf.key_id.data == c.ffi.NULL


@pytest.mark.parametrize(
    ("contents", "is_ca", "length"),
    [
        (b"", False, None),
        (TRUE, True, None),
        (TRUE + integer(0), True, 0),
        (TRUE + integer(127), True, 127),
        (TRUE + integer(128), True, 128),
        (TRUE + integer(0xFFFFFFFF), True, 0xFFFFFFFF),
        (TRUE + integer(1 << 40), True, 0xFFFFFFFF),
        (integer(3), False, 3),
        (tlv(BOOLEAN, b"\0"), False, None),
    ],
)
def test_basic_constraints(c: CCode, contents: bytes, is_ca: bool, length: int | None) -> None:
    made, _keep = read(
        c, make("a", "b", 1, 2, extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, contents)))
    )
    assert (made.is_invalid, made.has_basic_constraints, made.is_ca) == (False, True, is_ca)
    assert (made.path_length if made.has_path_length else None) == length


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(b"\0\x80", 0x80), (b"\1\x06", 0x06), (b"\7\x00\x80", 0x8000), (b"\0\x80\0\1", 0x80)],
)
def test_key_usage(c: CCode, bits: bytes, expected: int) -> None:
    made, _keep = read(c, make("a", "b", 1, 2, extension(KEY_USAGE, tlv(BIT_STRING, bits))))
    assert (made.is_invalid, made.has_key_usage, made.key_usage) == (False, True, expected)


def general(tag: int, *contents: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(tag, *contents))


NAME = tlv(SEQUENCE, called("x"))
GOOD_NAMES = [
    tlv(SEQUENCE),
    general(0xA0, oid("1.2.3"), tlv(0xA0, tlv(OCTET_STRING, b"x"))),
    general(0x81, b"\xff"),
    general(0x82, b""),
    general(0xA3, b"anything"),
    general(0xA4, NAME),
    general(0xA5, tlv(0xA1, tlv(0x0C, b"x"))),
    general(0xA5, tlv(0xA0, tlv(0x0C, b"x")), tlv(0xA1, tlv(0x0C, b"x"))),
    general(0x86, b"x"),
    general(0x87, b"xyz"),
    general(0x88, b"\x2a\x03"),
]
BAD_NAMES = [
    general(0xA0, oid("1.2.3")),
    general(0xA0, tlv(0xA0, tlv(5))),
    general(0xA0, oid("1.2.3"), tlv(0xA0, tlv(5), tlv(5))),
    general(0xA0, oid("1.2.3"), tlv(0xA0, tlv(5)), tlv(5)),
    general(0xA4, NAME, NAME),
    general(0xA4, tlv(SEQUENCE, b"x")),
    general(0xA5, tlv(0xA0, tlv(5))),
    general(0x88, b""),
    general(0x88, b"\x80"),
]


@pytest.mark.parametrize("names", GOOD_NAMES)
def test_general_names(c: CCode, names: bytes) -> None:
    issuer = tlv(SEQUENCE, tlv(0xA1, names[2:]))
    for made in (extension(ALT_NAME, names), extension(AUTHORITY_KEY_ID, issuer)):
        certificate, _keep = read(c, make("a", "b", 1, 2, made))
        assert not certificate.is_invalid


@pytest.mark.parametrize("names", BAD_NAMES)
def test_general_names_that_are_none(c: CCode, names: bytes) -> None:
    issuer = tlv(SEQUENCE, tlv(0xA1, names[2:]))
    points = tlv(SEQUENCE, tlv(SEQUENCE, tlv(0xA0, tlv(0xA0, names[2:]))))
    makers = tlv(SEQUENCE, tlv(SEQUENCE, tlv(0xA2, names[2:])))
    for made in (
        extension(ALT_NAME, names),
        extension(AUTHORITY_KEY_ID, issuer),
        extension(CRL_POINTS, points),
        extension(CRL_POINTS, makers),
    ):
        certificate, _keep = read(c, make("a", "b", 1, 2, made))
        assert certificate.is_invalid
        assert certificate.fields.subject_alt_names.size == 0


@pytest.mark.parametrize(
    ("point", "good"),
    [
        (tlv(SEQUENCE, tlv(0xA0, tlv(0xA0, tlv(0x86, b"x")))), True),
        (tlv(SEQUENCE, tlv(0xA0, tlv(0xA1, called("x")[2:]))), True),
        (tlv(SEQUENCE, tlv(0xA2, tlv(0x82, b"x"))), True),
        (tlv(SEQUENCE), False),
        (tlv(SEQUENCE, tlv(0x81, b"\0\x80")), False),
        (tlv(SEQUENCE, tlv(0xA2)), False),
        (tlv(SEQUENCE, tlv(0xA0, tlv(0xA0), tlv(0xA0))), False),
        (tlv(SEQUENCE, tlv(0xA0, tlv(0xA1))), False),
        (tlv(SEQUENCE, tlv(0xA0, tlv(0xA0)), tlv(0x81, b"\x09")), False),
        (tlv(SEQUENCE, tlv(0xA0, tlv(0xA0)), b"\4\0"), False),
        (b"\4\0", False),
    ],
)
def test_distribution_points(c: CCode, point: bytes, good: bool) -> None:
    made, _keep = read(c, make("a", "b", 1, 2, extension(CRL_POINTS, tlv(SEQUENCE, point))))
    assert made.is_invalid is not good


def authority(c: CCode, der: bytes) -> str:
    made, _keep = read(c, der)
    kind = c.lib.tlsmgm_certificate_authority(made)
    name = c.ffi.string(c.ffi.cast("enum tlsmgm_authority", kind))
    return str(name).removeprefix("TLSMGM_")


def test_kinds_of_authorities(c: CCode) -> None:
    flag = extension(NETSCAPE, tlv(BIT_STRING, b"\0\x04"))
    no_flag = extension(NETSCAPE, tlv(BIT_STRING, b"\0\x80"))
    kinds = {
        make("a", "a", 1, 1, CA): "AUTHORITY",
        make("a", "b", 1, 2, CA, usage(0x06)): "AUTHORITY",
        make("a", "b", 1, 2, CA, usage(0x02)): "NO_AUTHORITY",
        make("a", "b", 1, 2, usage(0x04)): "OLD_AUTHORITY",
        make("a", "b", 1, 2, flag): "NETSCAPE_AUTHORITY",
        make("a", "b", 1, 2, no_flag): "NO_AUTHORITY",
        make("a", "b", 1, 2): "NO_AUTHORITY",
        make("a", "a", 1, 1): "NO_AUTHORITY",
        make("a", "a", 1, 1, **V1): "OLD_AUTHORITY",
        make("a", "b", 1, 1, **V1): "NO_AUTHORITY",
        make("a", "b", 1, 1, CA, extension(KEY_USAGE, b"x")): "NO_AUTHORITY",
    }
    for der, kind in kinds.items():
        assert authority(c, der) == kind


def test_purposes_above_and_below(c: CCode) -> None:
    def is_for(der: bytes, server: bool, above: bool) -> bool:
        made, _keep = read(c, der)
        return bool(c.lib.tlsmgm_certificate_is_for(made, server, above))

    mail = make("a", "b", 1, 2, CA, purposes("1.3.6.1.5.5.7.3.4"))
    both = make("a", "b", 1, 2, CA, purposes(SERVER_AUTH, CLIENT_AUTH))
    for server in (True, False):
        for above in (True, False):
            assert not is_for(mail, server, above)
            assert is_for(both, server, above)
    assert not is_for(make("a", "b", 1, 2), True, True)
    netscape = make("a", "b", 1, 2, extension(NETSCAPE, tlv(BIT_STRING, b"\0\x02")))
    assert not is_for(netscape, True, True)


REFERENCES = [
    (tlv(SEQUENCE), True),
    (tlv(SEQUENCE, tlv(0x80, b"id")), True),
    (tlv(SEQUENCE, tlv(0x80, b"di")), False),
    (tlv(SEQUENCE, tlv(0x82, b"\1")), True),
    (tlv(SEQUENCE, tlv(0x82, b"\2")), False),
    (tlv(SEQUENCE, tlv(0xA1, tlv(0xA4, tlv(SEQUENCE, called("TOP"))))), True),
    (tlv(SEQUENCE, tlv(0xA1, tlv(0xA4, tlv(SEQUENCE, called("other"))))), False),
    (tlv(SEQUENCE, tlv(0xA1, tlv(0x82, b"a"), tlv(0xA4, tlv(SEQUENCE, called("top"))))), True),
    (tlv(SEQUENCE, tlv(0x80, b"id"), tlv(0xA1, tlv(0x82, b"a")), tlv(0x82, b"\1")), True),
    (tlv(SEQUENCE, tlv(0x80, b"id"), tlv(0x82, b"\2")), False),
]


@pytest.mark.parametrize(("reference", "fits"), REFERENCES)
def test_who_is_meant(c: CCode, reference: bytes, fits: bool) -> None:
    signer, _keep = read(c, make("ca", "top", 2, 1, CA, own_id(b"id")))
    made = make("leaf", "CA", 9, 2, extension(AUTHORITY_KEY_ID, reference))
    leaf, _too = read(c, made)
    assert bool(c.lib.tlsmgm_certificate_may_be_by(leaf, signer)) is fits
    other, _also = read(c, make("leaf", "other", 9, 2))
    assert not c.lib.tlsmgm_certificate_may_be_by(other, signer)


def test_who_has_signed_itself(c: CCode) -> None:
    rows = [
        (make("a", "A", 1, 1), True, True),
        (make("a", "a", 1, 1, own_id(b"x"), issuer_id(b"x")), True, True),
        (make("a", "a", 1, 1, own_id(b"x"), issuer_id(b"y")), True, False),
        (make("a", "a", 1, 1, public_key=rsa_key(1)), True, False),
        (make("a", "a", 1, 1, extension(SUBJECT_KEY_ID, b"x")), True, False),
        (make("a", "b", 1, 1), False, False),
    ]
    for der, issued, signed in rows:
        made, _keep = read(c, der)
        assert (made.is_self_issued, made.is_self_signed) == (issued, signed)


def test_the_inner_algorithm_says_who_can_have_signed(c: CCode) -> None:
    leaf, _keep = read(c, make("leaf", "ca", 9, 2, algorithm=SIGNED_TWICE))
    assert leaf.signed_with == c.lib.TLSMGM_SIGNATURE_RSA
    assert leaf.signature.kind == c.lib.TLSMGM_SIGNATURE_ECDSA
    for public_key, fits in ((key(2), False), (rsa_key(2), True)):
        signer, _too = read(c, make("ca", "top", 2, 1, CA, public_key=public_key))
        assert bool(c.lib.tlsmgm_certificate_may_be_by(leaf, signer)) is fits


@pytest.mark.parametrize(
    ("begin", "end", "good"),
    [
        (NOW, NOW + 1, True),
        (NOW + 1, NOW + 2, False),
        (NOW - 1, NOW, False),
        (NOW - 1, NOW + 1, True),
    ],
)
def test_dates(c: CCode, begin: int, end: int, good: bool) -> None:
    made, _keep = read(c, make("a", "b", 1, 2))
    made.not_before, made.not_after = begin, end
    assert bool(c.lib.tlsmgm_certificate_is_in_force(made, NOW)) is good
    made.has_not_after = False
    assert not c.lib.tlsmgm_certificate_is_in_force(made, NOW)


@pytest.mark.parametrize(
    ("date", "status"),
    [
        (tlv(UTC_TIME, b"2401010000Z"), "PROTOCOL"),
        (tlv(GENERALIZED_TIME, b"20240101000Z"), "PROTOCOL"),
        (tlv(UTC_TIME, b"240101000000+0000"), "no date"),
        (tlv(UTC_TIME, b"240230000000Z"), "no date"),
        (tlv(GENERALIZED_TIME, b"20240101000000Z"), "date"),
    ],
)
def test_dates_that_are_none(c: CCode, date: bytes, status: str) -> None:
    made, _keep = read(c, make("a", "b", 1, 2, not_before=date))
    if status == "PROTOCOL":
        assert made == status
    else:
        assert made.has_not_before is (status == "date")


@given(st.data())
def test_a_changed_byte_does_no_harm(c: CCode, data: st.DataObject) -> None:
    names = extension(ALT_NAME, GOOD_NAMES[5])
    whole = bytearray(make("a", "b", 1, 2, CA, usage(0x06), purposes(SERVER_AUTH), names))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    made, _keep = read(c, bytes(whole))
    assert made == "PROTOCOL" or c.lib.tlsmgm_certificate_authority(made) >= 0
