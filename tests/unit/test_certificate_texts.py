"""Texts and times of certificates in Python: of any length; None where there is nothing to say."""

from __future__ import annotations

import pytest

from tests.support.der import (
    COMMON_NAME,
    GENERALIZED_TIME,
    UTF8,
    Certificate,
    entry,
    name,
    tlv,
    with_sans,
)
from tlsmgm import Certificate as Read

#: Bytes around the room that most texts fit into.
LENGTHS = [0, 1, 1022, 1023, 1024, 1025, 5000]

DNS, EMAIL, URI = 0x82, 0x81, 0x86


@pytest.mark.parametrize("length", LENGTHS)
def test_an_attribute_of_any_length(length: int) -> None:
    text = "é" * (length // 2) + "x" * (length % 2)
    subject = name(entry(COMMON_NAME, UTF8, text.encode()))
    certificate = Read(Certificate(subject=subject).der())
    assert certificate.subject_cn == text
    assert certificate.issuer_cn == "example"


@pytest.mark.parametrize("length", LENGTHS)
def test_a_name_in_one_line_of_any_length(length: int) -> None:
    certificate = Read(Certificate(issuer=name(entry(COMMON_NAME, UTF8, b"x" * length))).der())
    assert certificate.issuer == "/CN=" + "x" * length
    assert certificate.subject == "/CN=example"
    assert not certificate.is_self_issued


@pytest.mark.parametrize("length", LENGTHS[1:])
def test_alternative_names_of_any_length(length: int) -> None:
    long = b"x" * length
    certificate = Read(with_sans(tlv(DNS, long), tlv(EMAIL, b"a@b"), tlv(DNS, b"second")))
    assert certificate.alt_name("hostname") == long.decode()
    assert certificate.alt_names("hostname") == (long.decode(), "second")
    assert certificate.alt_name("email") == "a@b"
    assert certificate.alt_name("uri") is None


def test_what_is_no_text_is_none() -> None:
    cut = name(entry(COMMON_NAME, UTF8, b"a\0b"))
    assert Read(Certificate(subject=cut).der()).subject_cn is None
    names = Read(with_sans(tlv(URI, b"a\0b"), tlv(URI, b"sip:b"))).alt_names("uri")
    assert names == ("sip:b",)


def test_a_year_that_python_does_not_have() -> None:
    """ISO 8601 and X.509 have a year 0; ``datetime`` begins with 1."""
    year_0 = Read(Certificate(not_before=tlv(GENERALIZED_TIME, b"00000101000000Z")).der())
    assert year_0.not_before is None
    assert year_0.not_before_text == "Jan  1 00:00:00 0 GMT"
    year_1 = Read(Certificate(not_before=tlv(GENERALIZED_TIME, b"00010101000000Z")).der())
    assert year_1.not_before is not None
    assert year_1.not_before.isoformat() == "0001-01-01T00:00:00+00:00"
