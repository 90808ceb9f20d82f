"""Revocation lists: what is read from them, and which numbers they revoke."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.der import GENERALIZED_TIME, SEQUENCE, UTC_TIME, extension, integer, tlv
from tests.support.path import TRUE, called, issuer_id, make_crl

REASON, NUMBER, DELTA, SCOPE, OWNER = (
    "2.5.29.21",
    "2.5.29.20",
    "2.5.29.27",
    "2.5.29.28",
    "2.5.29.29",
)
WHEN = tlv(UTC_TIME, b"260101000000Z")
SERIALS = st.integers(-(1 << 160), 1 << 160)


class List:
    """A list that was read, or the text that says why not."""

    def __init__(self, c: CCode, der: bytes) -> None:
        self.c = c
        source, blob = c.ffi.new("struct tlsmgm_source *"), c.ffi.new("struct tlsmgm_blob *")
        source.data, _keep = c.bytes_in(der)
        assert c.lib.tlsmgm_source_read(source, c.ffi.NULL, blob, c.ffi.NULL) == 0
        self.crl = c.ffi.new("struct tlsmgm_crl *")
        error = c.error()
        self.status = c.status_name(c.lib.tlsmgm_crl_read(blob, self.crl, error))
        self.text = c.text(error)
        if self.status != "OK":
            assert error.parameter == c.ffi.NULL
            assert (self.crl.entry_count, blob.size) == (0, len(der))
        c.lib.tlsmgm_blob_free(blob)

    def revokes(self, serial: int) -> bool:
        view, _keep = self.c.bytes_in(integer(serial)[2:])
        return bool(self.c.lib.tlsmgm_crl_revokes(self.crl, view))

    def free(self) -> None:
        self.c.lib.tlsmgm_crl_free(self.crl)


def read(c: CCode, der: bytes) -> Any:
    found = List(c, der)
    if found.status != "OK":
        found.free()
    return found


def entry(serial: int, *extensions: bytes) -> bytes:
    more = tlv(SEQUENCE, *extensions) if extensions else b""
    return tlv(SEQUENCE, integer(serial), WHEN, more)


def reason(code: int) -> bytes:
    return extension(REASON, tlv(0x0A, bytes([code])))


def owner(*words: str) -> bytes:
    names = [tlv(0xA4, tlv(SEQUENCE, called(word))) for word in words]
    return extension(OWNER, tlv(SEQUENCE, *names), TRUE)


@given(st.sets(SERIALS, max_size=60), st.sets(SERIALS, max_size=20), st.integers(-3, 3))
def test_numbers_are_found(c: CCode, listed: set[int], others: set[int], near: int) -> None:
    found = read(c, make_crl("root", 1, *listed))
    for serial in listed | others | {serial + near for serial in listed}:
        assert found.revokes(serial) is (serial in listed)
    found.free()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 1000])
@pytest.mark.parametrize("step", [1, -1, 7919])
def test_lists_in_any_order(c: CCode, count: int, step: int) -> None:
    """A step that has no divisor in common with the sizes goes through all of them."""
    serials = [n * step % 100_003 for n in range(count)]
    found = read(c, make_crl("root", 1, *serials))
    assert found.crl.entry_count == count
    assert all(found.revokes(serial) for serial in serials)
    assert not found.revokes(100_003)
    found.free()


def test_an_entry_may_be_removed(c: CCode) -> None:
    found = read(c, make_crl("root", 1, entry(1, reason(8)), entry(2, reason(1)), entry(3)))
    assert [found.revokes(serial) for serial in (1, 2, 3, 4)] == [False, True, True, False]
    found.free()


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=12))
def test_of_two_entries_the_one_that_revokes(c: CCode, rows: list[tuple[int, bool]]) -> None:
    entries = [entry(serial, *([reason(8)] if removed else [])) for serial, removed in rows]
    found = read(c, make_crl("root", 1, *entries))
    for serial in (1, 2, 3):
        assert found.revokes(serial) is ((serial, False) in rows)
    found.free()


def test_entries_of_another_issuer(c: CCode) -> None:
    """The one that is named keeps what follows, until another is named."""
    rows = [entry(1), entry(2, owner("other")), entry(3), entry(4, owner("x", "Root")), entry(5)]
    found = read(c, make_crl("root", 1, *rows))
    assert [found.revokes(n) for n in range(1, 6)] == [True, False, False, True, True]
    assert not found.crl.has_unknown_critical
    found.free()


def test_what_is_noted(c: CCode) -> None:
    scope = extension(SCOPE, tlv(SEQUENCE, tlv(0x81, b"\xff"), tlv(0x84, b"\xff")), TRUE)
    number, delta = extension(NUMBER, integer(4)), extension(DELTA, integer(3), TRUE)
    found = read(c, make_crl("root", 1, extensions=[scope, number, delta, issuer_id(b"x")]))
    crl = found.crl
    assert (crl.is_delta, crl.scope.is_given, crl.scope.only_users) == (True, True, True)
    assert (crl.scope.is_indirect, crl.scope.is_contradictory) == (True, False)
    assert c.bytes_out(crl.signer.key_id) == b"x"
    assert not crl.has_unknown_critical
    assert (crl.this_update, crl.next_update) == (1767225600, 2335219200)
    found.free()
    found = read(c, make_crl("root", 1, next_update=None))
    assert found.crl.next_update == (1 << 63) - 1
    found.free()


@pytest.mark.parametrize(
    "extensions",
    [
        [extension("1.2.3", b"x", TRUE)],
        [extension(NUMBER, integer(4), TRUE)],
    ],
)
def test_critical_ones_that_are_not_known(c: CCode, extensions: list[bytes]) -> None:
    found = read(c, make_crl("root", 1, extensions=extensions))
    assert found.crl.has_unknown_critical
    found.free()
    found = read(c, make_crl("root", 1, entry(5, extension("1.2.3", b"x", TRUE))))
    assert found.crl.has_unknown_critical
    found.free()


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "twice": make_crl("root", 1, extensions=[extension(NUMBER, integer(1))] * 2),
    "number": make_crl("root", 1, extensions=[extension(NUMBER, b"x")]),
    "scope": make_crl("root", 1, extensions=[extension(SCOPE, tlv(SEQUENCE, tlv(0x81, b"")))]),
    "point": make_crl(
        "root", 1, extensions=[extension(SCOPE, tlv(SEQUENCE, tlv(0xA0, b"\xa0\1x")))]
    ),
    "key": make_crl("root", 1, extensions=[extension("2.5.29.35", tlv(SEQUENCE, tlv(0x82, b"")))]),
    "date": make_crl("root", 1, this_update=b"261301000000Z"),
    "reason": make_crl("root", 1, entry(1, extension(REASON, integer(1)))),
    "owner": make_crl("root", 1, entry(1, extension(OWNER, b"x"))),
    "serial number": make_crl("root", 1, tlv(SEQUENCE, b"\2\2\0\1", WHEN)),
    "long number": make_crl("root", 1, tlv(SEQUENCE, integer(1 << 2048), WHEN)),
    "no entry": make_crl("root", 1, tlv(SEQUENCE)),
    "bytes behind it": make_crl("root", 1) + b"\0",
    "unused bits": make_crl("root", 1)[:-1].replace(b"\3\x09\0", b"\3\x09\1") + b"\1",
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_lists(c: CCode, what: str) -> None:
    found = read(c, BROKEN[what])
    assert (found.status, found.text[:26]) == ("CONFIG", "the CRL cannot be decoded:"[:26])


def test_a_list_that_is_cut_off_anywhere(c: CCode) -> None:
    whole = make_crl("root", 1, entry(1, reason(1)), 2, extensions=[extension(NUMBER, integer(1))])
    for size in range(len(whole)):
        assert read(c, whole[:size]).status == "CONFIG"


@given(st.data())
def test_a_changed_byte_does_no_harm(c: CCode, data: st.DataObject) -> None:
    whole = bytearray(make_crl("root", 1, entry(1, reason(1)), entry(2, owner("x")), 3))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    found = read(c, bytes(whole))
    if found.status == "OK":
        found.revokes(2)
        found.free()


def test_a_shortage_of_memory(c: CCode) -> None:
    der = make_crl("root", 1, 1, 2, 3)
    source, blob = c.ffi.new("struct tlsmgm_source *"), c.ffi.new("struct tlsmgm_blob *")
    source.data, _keep = c.bytes_in(der)
    assert c.lib.tlsmgm_source_read(source, c.ffi.NULL, blob, c.ffi.NULL) == 0
    crl = c.ffi.new("struct tlsmgm_crl *")
    c.lib.tlsmgm_test_fail_after(0)
    status = c.lib.tlsmgm_crl_read(blob, crl, c.ffi.NULL)
    c.lib.tlsmgm_test_fail_after(-1)
    assert (c.status_name(status), blob.size) == ("NO_MEMORY", len(der))
    c.lib.tlsmgm_blob_free(blob)


def test_dates_of_both_kinds(c: CCode) -> None:
    general = tlv(GENERALIZED_TIME, b"20260101000000Z")
    found = read(c, make_crl("root", 1, tlv(SEQUENCE, integer(5), general)))
    assert found.revokes(5)
    found.free()
