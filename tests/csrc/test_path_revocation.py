"""Which revocation list counts for a certificate of a path, and what it says."""

from __future__ import annotations

import pytest

from tests.support.c_code import CCode
from tests.support.der import SEQUENCE, extension, integer, tlv
from tests.support.path import (
    CA,
    CRL_POINTS,
    TRUE,
    Answer,
    Validator,
    called,
    issuer_id,
    make,
    make_crl,
    own_id,
    usage,
)

ROOT = make("root", "root", 1, 1, CA)
MIDDLE = make("middle", "root", 2, 1, CA)
LOWER = make("lower", "middle", 3, 2, CA)


@pytest.fixture
def validator(c: CCode) -> Validator:
    return Validator(c)


def said(answer: Answer) -> tuple[str, int]:
    return answer.reason, answer.depth


SERIAL = {"serial": integer(77)}


@pytest.mark.parametrize(
    ("crls", "reason"),
    [
        ([make_crl("root", 1)], "NONE"),
        ([make_crl("root", 1, 76, 78)], "NONE"),
        ([make_crl("root", 1, 76, 77, 78)], "REVOKED"),
        ([make_crl("other", 1)], "CRL_MISSING"),
        ([make_crl("root", 4, 77)], "CRL_INVALID"),
        ([make_crl("root", 1, next_update=b"260201000000Z")], "CRL_EXPIRED"),
        ([make_crl("root", 1, this_update=b"270201000000Z")], "CRL_EXPIRED"),
        ([make_crl("root", 1, 77, next_update=b"260201000000Z"), make_crl("root", 1)], "NONE"),
        ([make_crl("root", 1, 77, this_update=b"250201000000Z"), make_crl("root", 1)], "NONE"),
        ([make_crl("root", 1, 77), make_crl("root", 1, this_update=b"250201000000Z")], "REVOKED"),
        ([make_crl("root", 1, extensions=[extension("1.2.3", b"x", TRUE)])], "OTHER"),
        (
            [
                make_crl("root", 1, 77, extensions=[extension("1.2.3", b"x", TRUE)]),
                make_crl("root", 1),
            ],
            "NONE",
        ),
        ([make_crl("root", 1, extensions=[issuer_id(b"other")])], "NONE"),
        (
            [make_crl("root", 1, extensions=[extension("2.5.29.27", integer(1), TRUE)])],
            "CRL_MISSING",
        ),
    ],
)
def test_lists(validator: Validator, crls: list[bytes], reason: str) -> None:
    leaf = make("leaf", "root", 9, 1, **SERIAL)
    assert validator.judge([leaf], [ROOT], crls).reason == reason


def test_who_may_sign_lists(validator: Validator) -> None:
    leaf = make("leaf", "root", 9, 1)
    for bits, reason in ((0x04, "CRL_INVALID"), (0x06, "NONE")):
        root = make("root", "root", 1, 1, CA, usage(bits))
        assert validator.judge([leaf], [root], [make_crl("root", 1)]).reason == reason


def test_lists_of_two_authorities_of_one_name(validator: Validator) -> None:
    first = make("ca", "root", 4, 1, CA, own_id(b"first"))
    second = make("ca", "root", 5, 1, CA, own_id(b"second"))
    leaf = make("leaf", "ca", 9, 5, issuer_id(b"second"), **SERIAL)
    other = make_crl("ca", 4, 77, extensions=[issuer_id(b"first")])
    ours = make_crl("ca", 5, extensions=[issuer_id(b"second")], this_update=b"250601000000Z")
    shown = [leaf, first, second]
    assert validator.judge(shown, [ROOT], [other, ours]).reason == "NONE"
    assert validator.judge(shown, [ROOT], [other]).reason == "CRL_MISSING"


def test_the_whole_path_or_the_leaf_alone(validator: Validator) -> None:
    lists = [make_crl("lower", 3), make_crl("middle", 2), make_crl("root", 1, 1)]
    leaf = make("leaf", "lower", 9, 3, serial=integer(8))
    chain = [leaf, LOWER, MIDDLE]
    assert validator.judge(chain, [ROOT], lists).reason == "NONE"
    assert said(validator.judge(chain, [ROOT], lists, check_all_crls=True)) == ("REVOKED", 2)
    assert said(validator.judge(chain, [ROOT], lists[:1], check_all_crls=True)) == (
        "CRL_MISSING",
        1,
    )


def scope(*parts: bytes) -> bytes:
    return extension("2.5.29.28", tlv(SEQUENCE, *parts), TRUE)


POINT = tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://a/")))
OTHER_POINT = tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://b/")))
YES = b"\xff"


@pytest.mark.parametrize(
    ("points", "parts", "reason"),
    [
        ([], [tlv(0x81, YES)], "NONE"),
        ([], [tlv(0x82, YES)], "CRL_MISSING"),
        ([], [tlv(0x85, YES)], "CRL_MISSING"),
        ([], [tlv(0x81, YES), tlv(0x82, YES)], "CRL_MISSING"),
        ([], [tlv(0x84, YES)], "CRL_MISSING"),
        ([], [tlv(0x83, b"\1\6")], "CRL_MISSING"),
        ([], [], "CRL_MISSING"),
        ([], [POINT], "CRL_MISSING"),
        ([tlv(SEQUENCE, POINT)], [POINT], "NONE"),
        ([tlv(SEQUENCE, OTHER_POINT)], [POINT], "CRL_MISSING"),
        ([tlv(SEQUENCE, OTHER_POINT), tlv(SEQUENCE, POINT)], [POINT], "NONE"),
        ([tlv(SEQUENCE, POINT, tlv(0x81, b"\1\6"))], [POINT], "CRL_MISSING"),
        (
            [tlv(SEQUENCE, POINT, tlv(0xA2, tlv(0xA4, tlv(SEQUENCE, called("other")))))],
            [POINT],
            "CRL_MISSING",
        ),
        (
            [tlv(SEQUENCE, POINT, tlv(0xA2, tlv(0xA4, tlv(SEQUENCE, called("ROOT")))))],
            [POINT],
            "NONE",
        ),
        ([tlv(SEQUENCE, POINT, tlv(0xA2, tlv(0x82, b"root")))], [POINT], "CRL_MISSING"),
    ],
)
def test_partitioned_lists(
    validator: Validator, points: list[bytes], parts: list[bytes], reason: str
) -> None:
    more = [extension(CRL_POINTS, tlv(SEQUENCE, *points))] if points else []
    leaf = make("leaf", "root", 9, 1, *more)
    crl = make_crl("root", 1, extensions=[scope(*parts)])
    assert validator.judge([leaf], [ROOT], [crl]).reason == reason


def test_lists_of_some_reasons_add_up(validator: Validator) -> None:
    """The peer's points name two lists for different reasons: both are asked."""
    some, rest = tlv(0x81, b"\1\x70"), tlv(0x81, b"\7\x0f\x80")
    points = [tlv(SEQUENCE, POINT, some), tlv(SEQUENCE, OTHER_POINT, rest)]
    leaf = make("leaf", "root", 9, 1, extension(CRL_POINTS, tlv(SEQUENCE, *points)), **SERIAL)
    first = make_crl("root", 1, extensions=[scope(POINT)])
    second = make_crl("root", 1, extensions=[scope(OTHER_POINT)])
    revoking = make_crl("root", 1, 77, extensions=[scope(OTHER_POINT)])
    assert validator.judge([leaf], [ROOT], [first]).reason == "CRL_MISSING"
    assert validator.judge([leaf], [ROOT], [first, second]).reason == "NONE"
    assert validator.judge([leaf], [ROOT], [first, revoking]).reason == "REVOKED"
