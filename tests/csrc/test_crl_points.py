"""How much memory a certificate's CRL distribution points may take, by its sizes alone."""

from __future__ import annotations

import pytest

from tests.support.c_code import CCode
from tests.support.der import oid, tlv

NAME = tlv(0x30, oid("2.5.4.3") + tlv(0x0C, b"crl 1"))
RELATIVE = tlv(0xA1, NAME)
FULL = tlv(0xA0, tlv(0x86, b"http://crl.example/root.crl"))


def point(name: bytes | None, *more: bytes) -> bytes:
    return tlv(0x30, b"" if name is None else tlv(0xA0, name), *more)


def points(*items: bytes) -> bytes:
    return tlv(0x30, *items)


def bounded(c: CCode, extension: bytes, issuer_size: int = 100) -> bool:
    view, _keep = c.bytes_in(extension)
    return bool(c.lib.tlsmgm_crl_points_are_bounded(view, issuer_size))


def test_names_of_their_own_cost_nothing(c: CCode) -> None:
    many = points(*[point(FULL)] * 300)
    for extension in (points(), points(point(FULL)), points(point(None, tlv(0xA2, NAME))), many):
        assert bounded(c, extension)
        assert bounded(c, extension, 1 << 40)


def test_a_few_relative_names_are_fine(c: CCode) -> None:
    assert bounded(c, points(point(RELATIVE)))
    assert bounded(c, points(point(FULL), *[point(RELATIVE, tlv(0x81, b"\x01\x06"))] * 10))


def test_what_the_copies_take_is_bounded(c: CCode) -> None:
    """The same few bytes, below issuers of any size; no library sees them."""
    limit = c.lib.TLSMGM_CRL_POINTS_MAX
    for count in (1, 2, 7):
        extension = points(*[point(FULL)] * 3, *[point(RELATIVE)] * count)
        most = limit // count - len(extension)
        assert bounded(c, extension, most)
        assert not bounded(c, extension, most + 1)
        assert not bounded(c, extension, (1 << 64) - 1)


def test_the_extension_counts_too(c: CCode) -> None:
    extension = points(*[point(RELATIVE)] * 200)
    assert len(extension) * 200 > c.lib.TLSMGM_CRL_POINTS_MAX
    assert not bounded(c, extension, 0)


@pytest.mark.parametrize(
    "extension",
    [
        b"garbage",
        points(point(RELATIVE)) + b"\0",
        points(point(RELATIVE), b"\x04"),
        points(tlv(0x31, tlv(0xA0, RELATIVE))),
        b"\x30\x80" + point(RELATIVE) + b"\0\0",
    ],
)
def test_what_cannot_be_read_is_taken_for_as_many_as_fit(c: CCode, extension: bytes) -> None:
    count = len(extension) // 8 + 1
    most = c.lib.TLSMGM_CRL_POINTS_MAX // count - len(extension)
    assert bounded(c, extension, most)
    assert not bounded(c, extension, most + 1)


def test_nothing_at_all(c: CCode) -> None:
    assert bounded(c, b"")
