"""Names against an authority's constraints (RFC 5280 section 4.2.1.10), as OpenSSL follows them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.der import BMP, IA5, SEQUENCE, UTF8, entry, extension, integer, name, oid, tlv
from tests.support.path import ALT_NAME, CA, NAME_CONSTRAINTS, make

EMAIL, COMMON_NAME = "1.2.840.113549.1.9.1", "2.5.4.3"


def mail(text: str) -> bytes:
    return tlv(0x81, text.encode())


def dns(text: str) -> bytes:
    return tlv(0x82, text.encode())


def uri(text: str) -> bytes:
    return tlv(0x86, text.encode())


def ip(*numbers: int) -> bytes:
    return tlv(0x87, bytes(numbers))


def directory(*words: str) -> bytes:
    return tlv(
        0xA4, tlv(SEQUENCE, name(*[entry(COMMON_NAME, UTF8, word.encode()) for word in words]))
    )


def other(dotted: str, value: bytes) -> bytes:
    return tlv(0xA0, oid(dotted), tlv(0xA0, value))


def subtree(base: bytes, *more: bytes) -> bytes:
    return tlv(SEQUENCE, base, *more)


def constraints(permitted: list[bytes], excluded: list[bytes]) -> bytes:
    parts = [tlv(tag, *items) for tag, items in ((0xA0, permitted), (0xA1, excluded)) if items]
    return extension(NAME_CONSTRAINTS, tlv(SEQUENCE, *parts))


def read(c: CCode, der: bytes) -> tuple[Any, object]:
    view, keep = c.bytes_in(der)
    certificate = c.ffi.new("struct tlsmgm_certificate *")
    assert c.lib.tlsmgm_certificate_read(view, certificate, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
    return certificate, keep


def hold(c: CCode, leaf: bytes, authority: bytes, *, common_names: bool = True) -> bool:
    below, _keep = read(c, leaf)
    above, _too = read(c, authority)
    return bool(
        c.lib.tlsmgm_name_constraints_hold(
            above.name_constraints, c.ffi.addressof(below, "fields"), common_names
        )
    )


def allows(
    c: CCode, names: list[bytes], permitted: list[bytes], excluded: list[bytes] | None = None
) -> bool:
    """Tell whether alternative names keep to subtrees."""
    alternative = extension(ALT_NAME, tlv(SEQUENCE, *names))
    leaf = make("", "root", 9, 1, alternative, subject=b"")
    permitted, excluded = (
        [subtree(base) for base in bases or []] for bases in (permitted, excluded)
    )
    return hold(c, leaf, make("root", "root", 1, 1, CA, constraints(permitted, excluded)))


INSIDE = [
    (dns("a.test"), dns("a.test")),
    (dns("www.A.test"), dns("a.TEST")),
    (dns("www.a.test"), dns(".a.test")),
    (dns("*.a.test"), dns("a.test")),
    (dns("anything"), dns("")),
    (mail("me@a.test"), mail("me@a.test")),
    (mail("me@A.test"), mail("a.TEST")),
    (mail("me@b.a.test"), mail(".a.test")),
    (mail('"@"@a.test'), mail("a.test")),
    (uri("https://a.test/x@y"), uri("a.test")),
    (uri("https://user@b.a.test:443?x"), uri(".A.test")),
    (uri("sip://a.test"), uri("a.test")),
    (ip(10, 1, 2, 3), ip(10, 0, 0, 0, 255, 0, 0, 0)),
    (ip(*[32, 1] + [7] * 14), ip(*[32, 1] + [0] * 14, *[255, 255] + [0] * 14)),
    (directory("a", "b"), directory("a")),
    (directory("A", "b"), directory()),
]
OUTSIDE = [
    (dns("b.test"), dns("a.test")),
    (dns("xa.test"), dns("a.test")),
    (dns("a.test"), dns(".a.test")),
    (dns("test"), dns("a.test")),
    (dns("a.test."), dns("a.test")),
    (mail("ME@a.test"), mail("me@a.test")),
    (mail("me@b.a.test"), mail("a.test")),
    (mail("me@a.test"), mail(".a.test")),
    (mail("you@a.test"), mail("me@a.test")),
    (uri("https://b.a.test/"), uri("a.test")),
    (uri("https://a.test/"), uri(".a.test")),
    (ip(11, 1, 2, 3), ip(10, 0, 0, 0, 255, 0, 0, 0)),
    (ip(10, 1, 2, 3), ip(*[10] * 16, *[255] * 16)),
    (directory("b"), directory("a")),
    (directory(), directory("a")),
]
NOT_UNDERSTOOD = [
    (mail("nobody"), mail("a.test")),
    (mail("m\0e@a.test"), mail("m\0e@a.test")),
    (mail("m\0e@a.test"), mail("mxe@a.test")),
    (uri("urn:x"), uri("a.test")),
    (uri("https:///x"), uri("a.test")),
    (uri("https://[::1]/"), uri("[::1]")),
    (uri("https://a.test:/"), uri("a.test")),
    (uri("https://a.test:65536/"), uri("a.test")),
    (uri("https://a.test:1x/"), uri("a.test")),
    (uri("https://a@b@a.test/"), uri("a.test")),
    (uri("https://a\0@a.test/"), uri("a.test")),
    (ip(10, 1, 2), ip(10, 0, 0, 0, 255, 0, 0, 0)),
    (ip(10, 1, 2, 3), ip(10, 0, 0, 0)),
    (tlv(0x88, b"\x2a\x03"), tlv(0x88, b"\x2a\x03")),
    (other("1.2.3", tlv(UTF8, b"x")), other("1.2.3", tlv(UTF8, b"x"))),
    (other("1.3.6.1.5.5.7.8.9", tlv(UTF8, b"me@a.test")), mail("a.test")),
]
#: Subtrees that are about names of another kind.
APART = [
    (dns("a.test"), mail("a.test")),
    (mail("me@a.test"), dns("b.test")),
    (uri("urn:x"), dns("a.test")),
    (other("1.2.3", tlv(UTF8, b"x")), other("1.2.4", tlv(UTF8, b"x"))),
    (tlv(0x88, b"\x2a\x03"), dns("a.test")),
]


@pytest.mark.parametrize(("inside", "base"), INSIDE)
def test_names_inside(c: CCode, inside: bytes, base: bytes) -> None:
    assert allows(c, [inside], [base])
    assert not allows(c, [inside], [], [base])


@pytest.mark.parametrize(("outside", "base"), OUTSIDE)
def test_names_outside(c: CCode, outside: bytes, base: bytes) -> None:
    assert not allows(c, [outside], [base])
    assert allows(c, [outside], [], [base])


@pytest.mark.parametrize(("odd", "base"), NOT_UNDERSTOOD)
def test_what_is_not_understood_is_neither(c: CCode, odd: bytes, base: bytes) -> None:
    assert not allows(c, [odd], [base])
    assert not allows(c, [odd], [], [base])


@pytest.mark.parametrize(("free", "base"), APART)
def test_names_of_another_kind_are_free(c: CCode, free: bytes, base: bytes) -> None:
    assert allows(c, [free], [base])
    assert allows(c, [free], [], [base])


def test_one_of_several_is_enough_and_each_name_counts(c: CCode) -> None:
    assert allows(c, [dns("a.test"), dns("b.test")], [dns("b.test"), dns("a.test")])
    assert not allows(c, [dns("a.test"), dns("c.test")], [dns("b.test"), dns("a.test")])
    assert not allows(c, [dns("a.test")], [dns("a.test")], [dns("x.test"), dns("a.test")])
    assert allows(c, [ip(10, 0, 0, 1)], [ip(10, 0, 0, 0, 255, 0, 0, 0), ip(1)])
    assert not allows(c, [ip(10, 0, 0, 1)], [ip(1), ip(10, 0, 0, 0, 255, 0, 0, 0)])


def test_only_the_default_minimum_is_taken(c: CCode) -> None:
    leaf = make("leaf", "root", 9, 1, extension(ALT_NAME, tlv(SEQUENCE, dns("a.test"))))
    for more, good in (
        ([tlv(0x80, b"\0")], True),
        ([tlv(0x80, b"\1")], False),
        ([tlv(0x81, b"\5")], False),
        ([tlv(0x80, b"\0"), tlv(0x81, b"\5")], False),
    ):
        for base, about in ((dns("a.test"), True), (mail("b"), False)):
            root = make("root", "root", 1, 1, CA, constraints([subtree(base, *more)], []))
            assert hold(c, leaf, root) is (good or not about)


def test_names_of_the_subject(c: CCode) -> None:
    def root(*permitted: bytes) -> bytes:
        return make("root", "root", 1, 1, CA, constraints([subtree(one) for one in permitted], []))

    def leaf(*entries: bytes) -> bytes:
        return make("", "root", 9, 1, subject=name(*entries))

    common = entry(COMMON_NAME, UTF8, b"leaf")
    assert hold(c, leaf(common), root(directory("leaf")))
    assert not hold(c, leaf(common), root(directory("other")))
    assert hold(c, leaf(), root(directory("other")))
    assert hold(c, leaf(entry(EMAIL, IA5, b"me@a.test")), root(mail("a.test")))
    assert not hold(c, leaf(entry(EMAIL, IA5, b"me@b.test")), root(mail("a.test")))
    assert not hold(c, leaf(entry(EMAIL, UTF8, b"me@a.test")), root(mail("a.test")))


COMMON = [
    ("www.a.test", True),
    ("www.b.test", False),
    ("b.test", False),
    ("localhost", True),
    ("Bob Smith", True),
    ("-b.test", True),
    ("b-.test", True),
    ("b..test", True),
    ("b.test.", True),
    ("under_score.b.test", False),
    ("192.0.2.1", False),
    ("bücher.test", True),
    ("x" * 513, False),
    ("x\0.b.test", False),
    ("www.a.test\0", True),
]


@pytest.mark.parametrize(("word", "good"), COMMON)
@pytest.mark.parametrize("tag", [UTF8, BMP])
def test_common_names_that_look_like_hosts(c: CCode, word: str, tag: int, good: bool) -> None:
    text = word.encode("utf-16-be" if tag == BMP else "utf-8")
    root = make("root", "root", 1, 1, CA, constraints([subtree(dns("a.test"))], []))
    leaf = make("", "root", 9, 1, subject=name(entry(COMMON_NAME, tag, text)))
    assert hold(c, leaf, root) is good
    assert hold(c, leaf, root, common_names=False)
    named = extension(ALT_NAME, tlv(SEQUENCE, dns("www.a.test")))
    assert hold(c, make("", "root", 9, 1, named, subject=name(entry(COMMON_NAME, tag, text))), root)


def test_too_much_work_is_refused(c: CCode) -> None:
    names = [dns(f"{n}.a.test") for n in range(1100)]
    root = [subtree(dns("a.test"))] * 1000
    leaf = make("leaf", "root", 9, 1, extension(ALT_NAME, tlv(SEQUENCE, *names)))
    assert not hold(c, leaf, make("root", "root", 1, 1, CA, constraints(root, [])))
    assert hold(c, leaf, make("root", "root", 1, 1, CA, constraints(root[:900], [])))


@pytest.mark.parametrize(
    "contents",
    [
        tlv(0xA0, b"x"),
        tlv(0xA0, tlv(SEQUENCE)),
        tlv(0xA0, tlv(SEQUENCE, tlv(0x89, b"x"))),
        tlv(0xA0, subtree(dns("a"), tlv(0x80, b""))),
        tlv(0xA0, subtree(dns("a"), integer(0))),
        tlv(0xA1, subtree(tlv(0xA4, tlv(SEQUENCE, b"x")))),
        tlv(0xA1) + tlv(0xA0),
        b"\4\0",
    ],
)
def test_constraints_that_cannot_be_read(c: CCode, contents: bytes) -> None:
    root, _keep = read(
        c, make("root", "root", 1, 1, CA, extension(NAME_CONSTRAINTS, tlv(SEQUENCE, contents)))
    )
    assert root.is_invalid


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 8))
def test_any_bytes(c: CCode, value: bytes, base: bytes, tag: int) -> None:
    constructed = 0xA0 if tag in {0, 3, 4, 5} else 0x80
    allows(c, [tlv(constructed | tag, value)], [tlv(constructed | tag, base)], [dns("x")])
