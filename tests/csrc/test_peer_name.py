"""Names of peers in certificates: RFC 9525 for hosts, RFC 5922 for SIP domains."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.pki import Authority

ROOT = Authority("root")


def certificate(*sans: str) -> bytes:
    """DER of a certificate with these names; those with a colon are URIs, digits addresses."""
    uris = [name for name in sans if ":" in name and "//" not in name and "::" not in name]
    addresses = [name for name in sans if "::" in name or name.replace(".", "").isdigit()]
    names = [name for name in sans if name not in (*uris, *addresses)]
    return ROOT.issue("cn.test", names=names, uris=uris, addresses=addresses).der


def fields_of(c: CCode, der: bytes) -> tuple[Any, Any]:
    """Return what stands in a certificate, and what must stay alive with it."""
    leaf, keep = c.bytes_in(der)
    fields = c.ffi.new("struct tlsmgm_certificate_fields *")
    assert c.lib.tlsmgm_certificate_fields_read(leaf, fields, c.ffi.NULL) == 0
    return fields, keep


def has_name(c: CCode, der: bytes, name: str, *, sip: bool = False) -> bool:
    asked, _too = c.bytes_in(name.encode())
    fields, _keep = fields_of(c, der)
    return bool(c.lib.tlsmgm_peer_has_name(fields.subject_alt_names, asked, sip))


HOSTS = [
    (["a.test"], "a.test", True),
    (["A.Test"], "a.tEST", True),
    (["a.test"], "a.test.", True),
    (["a.test"], "b.test", False),
    (["a.test"], "x.a.test", False),
    (["a.test"], "test", False),
    (["*.a.test"], "x.a.test", True),
    (["*.a.test"], "x.a.test.", True),
    (["*.a.test"], "a.test", False),
    (["*.a.test"], ".a.test", False),
    (["*.a.test"], "x.y.a.test", False),
    (["*.test"], "a.test", False),
    (["x*.a.test"], "xy.a.test", False),
    (["b.test", "a.test"], "a.test", True),
    ([], "cn.test", False),
    (["192.0.2.1"], "192.0.2.1", True),
    (["192.0.2.1"], "192.0.2.2", False),
    (["2001:db8::1"], "2001:DB8:0::1", True),
    (["sip:a.test"], "a.test", False),
    (["a.test"], "", False),
]

SIP = [
    (["sip:a.test"], "a.test", True),
    (["SIP:A.test"], "a.test", True),
    (["sip:a.test:5061;transport=tls"], "a.test", True),
    (["sip:a.test?x=y"], "a.test", True),
    (["sip:user@a.test"], "a.test", False),
    (["sips:a.test"], "a.test", False),
    (["im:a.test"], "a.test", False),
    (["a.test"], "a.test", True),
    (["a.test", "sip:b.test"], "a.test", False),
    (["a.test", "sip:b.test"], "b.test", True),
    (["a.test", "sip:user@b.test"], "a.test", True),
    (["a.test", "sips:b.test"], "a.test", True),
    (["sip:b.test", "sip:a.test"], "a.test", True),
    (["*.a.test"], "x.a.test", False),
    (["sip:*.a.test"], "x.a.test", False),
    (["sip:a.test"], "x.a.test", False),
    ([], "cn.test", False),
    (["192.0.2.1"], "192.0.2.1", False),
    (["sip:"], "", False),
]


@pytest.mark.parametrize(("sans", "name", "expected"), HOSTS)
def test_hosts(c: CCode, sans: list[str], name: str, expected: bool) -> None:
    assert has_name(c, certificate(*sans), name) is expected


@pytest.mark.parametrize(("sans", "name", "expected"), SIP)
def test_sip_domains(c: CCode, sans: list[str], name: str, expected: bool) -> None:
    assert has_name(c, certificate(*sans), name, sip=True) is expected


def expected_by(c: CCode, der: bytes, names: str | None, asked: str, *, sip: bool = False) -> bool:
    rules = c.ffi.new("struct tlsmgm_peer_rules *")
    text: Any = c.ffi.NULL if names is None else c.ffi.new("char[]", names.encode())
    fields, _keep = fields_of(c, der)
    name, _too = c.bytes_in(asked.encode())
    assert c.lib.tlsmgm_peer_rules_set(rules, sip, text, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
    found = bool(c.lib.tlsmgm_peer_is_expected(fields.subject_alt_names, rules, name))
    c.lib.tlsmgm_peer_rules_free(rules)
    return found


@pytest.mark.parametrize(
    ("names", "asked", "expected"),
    [
        (None, "", True),
        ("", "a.test", True),
        ("a.test", "", True),
        ("x.test,a.test", "", True),
        ("x.test,y.test", "", False),
        ("a.test", "b.test", True),
        ("a.test", "c.test", False),
        ("c.test", "a.test", False),
        (",", "", False),
    ],
)
def test_the_rules_and_the_connection_both_count(
    c: CCode, names: str | None, asked: str, expected: bool
) -> None:
    assert expected_by(c, certificate("a.test", "b.test"), names, asked) is expected


@pytest.mark.parametrize("sip", [False, True])
@pytest.mark.parametrize("names", [b"", b"a.test", b"\x82\x10a.test", b"\xa2\x08\x82\x06a.test"])
def test_what_are_no_names_has_none(c: CCode, names: bytes, sip: bool) -> None:
    view, _keep = c.bytes_in(names)
    asked, _too = c.bytes_in(b"a.test")
    assert not c.lib.tlsmgm_peer_has_name(view, asked, sip)
    view, _keep = c.bytes_in(b"\x82\x06a.test")
    assert c.lib.tlsmgm_peer_has_name(view, asked, sip)


@given(name=st.text(st.characters(codec="utf-8"), max_size=60), sip=st.booleans())
def test_no_other_name_will_do(c: CCode, name: str, sip: bool) -> None:
    der = certificate("a.test", "*.b.test")
    low = name.lower().removesuffix(".")
    fits = low == "a.test" or (
        not sip and low.endswith(".b.test") and len(low) > 7 and "." not in low[:-7]
    )
    if name.isascii():
        assert has_name(c, der, name, sip=sip) is fits
    else:
        assert not has_name(c, der, name, sip=sip) or low.endswith(".b.test")
