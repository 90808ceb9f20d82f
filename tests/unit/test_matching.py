"""Matching: recorded answers, rules one by one, and what is derived from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reference_matcher
from tests.support.cases import load_cases, script_of
from tests.support.process import assert_silent, run_python
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script_text
from tlsmgm._domains import globs
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm._domains.filters import Address, ascii_name, encode_name_filter
from tlsmgm._domains.matching import (
    ClientLookup,
    client_lookup,
    find_shadowed,
    match_entries,
    parse_address,
)
from tlsmgm.errors import ConfigError

SERVER_CASES: list[dict[str, Any]] = load_cases("server_matching")
CLIENT_CASES: list[dict[str, Any]] = load_cases("client_matching")


def find(domains: list[Domain], address: str, name: bytes | None) -> str | None:
    parsed = parse_address(address)
    assert parsed is not None
    entries = match_entries(domains)
    number = reference_matcher.find(entries, parsed.packed, parsed.port, name)
    return None if number is None else domains[number].name


def of_kind(config: Configuration, kind: str) -> list[Domain]:
    return [domain for domain in config.domains if domain.kind == kind]


def server(name: str, names: str = "*", address: str = "*", **more: Any) -> Domain:
    return Domain(name, "server", match_ip_address=address, match_sip_domain=names, **more)


# Recorded answers.


@pytest.mark.parametrize("number", range(len(SERVER_CASES)))
def test_recorded_server_answers(number: int) -> None:
    case = SERVER_CASES[number]
    domains = of_kind(read_script_text(script_of(case["params"])), "server")
    for query in case["queries"]:
        sni = query["sni"]
        name = None if sni is None else sni.encode()
        assert find(domains, query["listen"], name) == query["domain"], query


@pytest.mark.parametrize("number", range(len(CLIENT_CASES)))
def test_recorded_client_answers(number: int) -> None:
    case = CLIENT_CASES[number]
    config = read_script_text(script_of(case["params"]))
    domains = of_kind(config, "client")
    for query in case["queries"]:
        lookup = client_lookup(
            {"sip_dom": query["avp_sip"], "tls_dom": query["avp_tls"]},
            {"sip_dom": query["bavp_sip"], "tls_dom": query["bavp_tls"]},
            config.client_tls_domain_avp,
            config.client_sip_domain_avp,
        )
        if lookup.domain_name is None:
            answer = find(domains, query["dst"], lookup.sip_domain)
        else:
            answer = next((d.name for d in domains if d.name == lookup.domain_name), None)
        assert answer == query["domain"], query


@pytest.mark.parametrize("number", range(len(SERVER_CASES)))
def test_recorded_lists_print_the_same_filters(number: int) -> None:
    case = SERVER_CASES[number]
    domains = {d.name: d for d in read_script_text(script_of(case["params"])).domains}
    for row in case["tls_list"]["Domains"]:
        domain = domains[row["name"]]
        addresses = [parse_address(text) for text in reversed(domain.match_ip_address)]
        texts = [address.list_text if address else "*" for address in addresses]
        assert texts == row["IP ADDRESS FILTERS"]
        assert [*reversed(domain.match_sip_domain)] == row["SIP DOMAIN FILTERS"]
        assert domain.method == row["METHOD"]
        assert (domain.verify_cert, domain.require_cert) == (
            row["VERIFY_CERT"],
            row["REQ_CLI_CERT"],
        )
        assert (domain.certificate, domain.private_key) == (row["CERT_FILE"], row["PKEY_FILE"])


# Addresses.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.1:5061", "10.0.0.1:5061"),
        (" 10.0.0.1:5061 ", "10.0.0.1:5061"),
        ("[::1]:5061", "[::1]:5061"),
        ("::1:5061", "[::1]:5061"),
        ("0:0:0:0:0:0:0:1:5061", "[::1]:5061"),
        ("[2001:DB8::7]:1", "[2001:db8::7]:1"),
        ("[::ffff:10.0.0.1]:65535", "10.0.0.1:65535"),
    ],
)
def test_address(text: str, shown: str) -> None:
    assert str(parse_address(text)) == shown


def test_address_forms() -> None:
    address = parse_address("[2001:db8::a:7]:5061")
    assert address is not None
    assert address.list_text == "2001:DB8:0:0:0:0:A:7:5061"
    assert len(address.packed) == 16
    assert parse_address("10.1.2.3:7") == Address(bytes(10) + b"\xff\xff\x0a\x01\x02\x03", 7)
    assert parse_address(" * ") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:+1", ":5061",
        "[::1]", "[::1:5061", "::1]:5061", "10.0.0:5061", "host:5061", "*:5061", "fe80::1%lo:5061",
        "10.0.0.1:5061:5062", "10.0.0.1:\u0665", "10.0.0.1:" + "9" * 5000, "010.0.0.1:5061",
    ],
)  # fmt: skip
def test_bad_address_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(text)
    assert repr(text) in str(caught.value)


# Rules.


def test_an_address_that_is_named_hides_the_domains_of_all_addresses() -> None:
    domains = [server("any"), server("one", "a.com", "127.0.0.1:5061")]
    assert find(domains, "127.0.0.1:5061", b"a.com") == "one"
    assert find(domains, "127.0.0.1:5061", b"b.com") is None
    assert find(domains, "127.0.0.1:5062", b"b.com") == "any"


def test_order_of_filters() -> None:
    domains = [
        server("plain", "foo.bar.com"),
        server("long", "*.bar.com"),
        server("short", "*.com"),
        server("all", "*"),
    ]
    for order in (domains, domains[::-1]):
        assert find(order, "10.0.0.1:1", b"FOO.bar.com") == "plain"
        assert find(order, "10.0.0.1:1", b"a.b.bar.com") == "long"
        assert find(order, "10.0.0.1:1", b"bar.com") == "short"
        assert find(order, "10.0.0.1:1", b"bar.org") == "all"


def test_between_equals_the_later_domain_wins() -> None:
    domains = [server("first", "a.com, a?.com"), server("second", "A.COM, ?b.com")]
    assert find(domains, "10.0.0.1:1", b"a.com") == "second"
    assert find(domains, "10.0.0.1:1", b"ab.com") == "second"


def test_an_unclosed_bracket_makes_no_pattern() -> None:
    domains = [server("plain", "a[b"), server("pattern", "a\\[b")]
    assert find(domains, "10.0.0.1:1", b"a[b") == "plain"


def test_no_server_name() -> None:
    domains = [server("all", "*"), server("text", "n*, nono")]
    assert find(domains, "10.0.0.1:1", None) == "all"
    assert find([*domains, server("none", "None")], "10.0.0.1:1", None) == "none"
    assert find([server("none", "none")], "10.0.0.1:1", b"none") is None
    assert find([server("one", "a.com")], "10.0.0.1:1", None) is None


def test_none_is_a_name_on_client_domains() -> None:
    domain = Domain("c", "client", match_sip_domain="none")
    assert match_entries([domain]) == [(None, 0, b"none", 0)]
    assert match_entries([server("s", "none")]) == [(None, 0, None, 0)]


def test_names_outside_ascii_are_matched_as_they_travel() -> None:
    entries = match_entries([server("s", "*.Bücher.example, bücher.example")])
    assert [entry[2] for entry in entries] == [
        b"*.xn--bcher-kva.example",
        b"xn--bcher-kva.example",
    ]
    with pytest.raises(ConfigError, match="wildcards in a label outside ASCII"):
        server("s", "bü*.example")


@pytest.mark.parametrize(
    ("written", "encoded"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("STRAßE.Example", "xn--strae-oqa.Example"),
        ("strasse.example", "strasse.example"),
        ("*.straße.example", "*.xn--strae-oqa.example"),
        ("_sip.straße.example", "_sip.xn--strae-oqa.example"),
        ("straße.example.", "xn--strae-oqa.example."),
        ("例。example", "xn--fsq.example"),
        ("*。例。example", "*.xn--fsq.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        # ASCII stays as it is.
        ("*.example", "*.example"),
        ("[ab]*", "[ab]*"),
        ("[!a-z]?.Example", "[!a-z]?.Example"),
        ("_x._y.example.", "_x._y.example."),
        ("a\\*b", "a\\*b"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("xn--no-such-label", "xn--no-such-label"),
        ("-a..b-", "-a..b-"),
    ],
)
def test_names_are_a_labels_of_idna_2008(written: str, encoded: str) -> None:
    assert encode_name_filter(written) == ascii_name(written) == encoded.encode()


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("☕.example", "U+2615"),
        ("a\u200db.example", "U+200D"),
        ("_straße.example", "U+005F"),
        ("ü" * 80 + ".example", "too long"),
        ("a\u05d0.example", "has no ASCII form"),
        ("\u0301a.example", "has no ASCII form"),
        ("例\u2024.example", "U+2024"),
        ("\uff0a.example", "U+002A"),
        ("\udcff.example", "has no ASCII form"),
    ],
)
def test_names_that_idna_does_not_allow(written: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ascii_name(written)
    assert repr(written) in str(caught.value)
    assert reason in str(caught.value)


@given(st.text(max_size=20))
def test_whatever_is_a_name_becomes_ascii(text: str) -> None:
    try:
        encoded = ascii_name(text)
    except ConfigError:
        assert not text.isascii()
    else:
        assert encoded.isascii()
        assert not text.isascii() or encoded == text.encode()


def test_a_domain_answers_for_the_name_that_travels() -> None:
    domains = [server("new", "straße.example"), server("old", "strasse.example")]
    assert find(domains, "10.0.0.1:1", b"xn--strae-oqa.example") == "new"
    assert find(domains, "10.0.0.1:1", b"XN--STRAE-OQA.example") == "new"
    assert find(domains, "10.0.0.1:1", b"strasse.example") == "old"
    assert client_lookup({"sip": "straße.example"}, {}, None, "sip").sip_domain == (
        b"xn--strae-oqa.example"
    )


def test_names_in_ascii_need_no_tables() -> None:
    program = """
        manager = TLSManager("none")
        manager.add_domains([
            Domain("s", "server", match_sip_domain="*.a.test, _b.test"),
            Domain("c", "client", peer_identity="a.test"),
        ])
        manager.select_server_domain("127.0.0.1", 5061, "x.a.test")
        print("idna" in sys.modules)
    """
    done = run_python(program, "none")
    assert_silent(done)
    assert done.stdout == "False\n"


def test_unset_sip_avp_is_the_text_star() -> None:
    assert client_lookup(None, None, None, "sip") == ClientLookup(None, b"*")
    assert client_lookup({"sip": "a"}, None, None, None) == ClientLookup(None, b"*")
    pattern = Domain("p", "client", match_sip_domain="?")
    plain = Domain("n", "client", match_sip_domain="atlanta.com")
    assert find([pattern, plain], "10.0.0.1:1", b"*") == "p"
    assert find([plain], "10.0.0.1:1", b"*") is None


def test_branch_avps_go_first() -> None:
    avps: dict[str, str | bytes | None] = {"sip": "a", "tls": b"d1"}
    assert client_lookup(avps, {"tls": "d2"}, "tls", "sip") == ClientLookup("d2", b"a")
    assert client_lookup(avps, {"tls": None, "sip": b"b"}, "tls", "sip") == ClientLookup("d1", b"b")
    assert client_lookup({"sip": "bücher.at"}, {}, None, "sip").sip_domain == b"xn--bcher-kva.at"
    assert client_lookup({"sip": "ü" * 80}, {}, None, "sip").sip_domain == ("ü" * 80).encode()


@pytest.mark.parametrize(
    "text",
    ["[[:alpha:]].com", "[![:digit:]]", "a\\", "a\\\\\\", "a b", "a\n", "", "x" * 256, "a\udc80"],
)
def test_bad_name_filter(text: str) -> None:
    with pytest.raises(ConfigError):
        encode_name_filter(text)


@pytest.mark.parametrize(
    ("pattern", "literals", "fits", "fails"),
    [
        (b"*.a", 2, [b"x.a", b".A", b"x.y.a"], [b"a", b"x.ab"]),
        (b"s?p", 2, [b"sip", b"s.p"], [b"sp", b"siip"]),
        (b"s[0-4]", 1, [b"s0", b"S4"], [b"s5", b"s"]),
        (b"[a-c]", 0, [b"B"], [b"d"]),
        (b"[A-C]", 0, [b"b"], [b"d"]),
        (b"[!a-c]", 0, [b"d"], [b"B", b""]),
        (b"[^a-c]x", 1, [b"dx"], [b"bx"]),
        (b"[]a]", 0, [b"]", b"a"], [b"b"]),
        (b"[!]a]", 0, [b"b"], [b"]", b"a"]),
        (b"[a-]", 0, [b"-", b"a"], [b"b"]),
        (b"[\\]a]", 0, [b"]", b"a"], [b"\\"]),
        (b"[a\\-c]", 0, [b"-", b"a", b"c"], [b"b"]),
        (b"[z-a]", 0, [], [b"z", b"a", b"m", b"-"]),
        (b"[A-z]", 0, [b"a", b"Z"], [b"_"]),
        (b"[0-_]", 0, [b"0", b"_"], [b"a", b"A"]),
        (b"[!]", 3, [b"[!]"], [b"a"]),
        (b"a[b", 3, [b"a[b"], [b"ab"]),
        (b"[", 1, [b"["], [b""]),
        (b"[*", 1, [b"[", b"[x"], [b"x"]),
        (b"\\*", 1, [b"*"], [b"a"]),
        (b"\\*a\\[", 3, [b"*a["], [b"aa["]),
        (b"**", 0, [b"", b"x"], []),
    ],
)
def test_patterns(pattern: bytes, literals: int, fits: list[bytes], fails: list[bytes]) -> None:
    expression, counted = reference_matcher.compile_pattern(pattern)
    assert counted == literals == globs.literals(pattern)
    for name in fits:
        assert expression.fullmatch(name), name
        assert globs.covers(pattern, _escaped(name)), name
    for name in fails:
        assert not expression.fullmatch(name), name
        assert not globs.covers(pattern, _escaped(name)), name


def _escaped(name: bytes) -> bytes:
    return b"".join(b"\\" + bytes([byte]) for byte in name)


PATTERNS = st.text("ab.*?[]!-\\", max_size=8).map(str.encode)
FILTERS = st.sampled_from(["*", "none", "a.b", "?.b", "[ab].b", "*.b", "a*", "a?b"])
NAMES = st.text("aB.]-", max_size=6).map(str.encode)


@settings(max_examples=400)
@given(PATTERNS, NAMES)
def test_patterns_are_understood_alike(pattern: bytes, name: bytes) -> None:
    expression, literals = reference_matcher.compile_pattern(pattern)
    assert literals == globs.literals(pattern)
    assert bool(expression.fullmatch(name)) == globs.covers(pattern, _escaped(name))


@given(PATTERNS, PATTERNS, st.lists(NAMES, max_size=30))
def test_a_covering_pattern_fits_all_names_of_the_other(
    wide: bytes, narrow: bytes, names: list[bytes]
) -> None:
    if globs.covers(wide, narrow):
        for name in names:
            if reference_matcher.compile_pattern(narrow)[0].fullmatch(name):
                assert reference_matcher.compile_pattern(wide)[0].fullmatch(name)


# Filters that never win.


def test_same_filter_later() -> None:
    domains = [
        server("a", "x.com, y.com", "10.0.0.1:1, *", origin=Origin("f", 3)),
        server("b", "X.com", "10.0.0.1:1", origin=Origin("f", 9)),
        Domain("c", "client", match_sip_domain="x.com"),
    ]
    (found,) = find_shadowed(domains)
    assert (found.domain, found.name_filter, found.address) == ("a", "x.com", "10.0.0.1:1")
    assert found.message == (
        "f:3: server domain 'a': filter 'x.com' at address '10.0.0.1:1' never matches: "
        "'X.com' of domain 'b' (f:9) goes before it"
    )


def test_pattern_hidden_by_a_wider_one_of_its_rank() -> None:
    hidden = find_shadowed([server("a", "sip[0-4].x.com"), server("b", "sip?.x.com")])
    assert [(item.domain, item.by_filter) for item in hidden] == [("a", "sip?.x.com")]
    assert not find_shadowed([server("b", "sip?.x.com"), server("a", "sip[0-4].x.com")])
    assert not find_shadowed([server("a", "*.x.com"), server("b", "*.com"), server("c", "*")])
    assert not find_shadowed([server("a", "*.x.com, *.x.com"), server("b", "none")])
    assert [item.domain for item in find_shadowed([server("a"), server("b")])] == ["a"]


@given(
    st.lists(
        st.lists(FILTERS, min_size=1),
        min_size=1,
        max_size=5,
    ),
    st.one_of(st.none(), st.text("ab.", max_size=5)),
)
def test_a_shadowed_filter_never_wins(filters: list[list[str]], name: str | None) -> None:
    domains = [server(f"d{at}", ",".join(names)) for at, names in enumerate(filters)]
    shadowed = {(item.domain, item.name_filter) for item in find_shadowed(domains)}
    kept = [
        (None, 0, entry[2], entry[3])
        for domain, entry in ((domains[entry[3]], entry) for entry in match_entries(domains))
        if (domain.name, (entry[2] or b"none").decode()) not in shadowed
    ]
    query = None if name is None else name.encode()
    every = match_entries(domains)
    assert reference_matcher.find(every, bytes(16), 1, query) == reference_matcher.find(
        kept, bytes(16), 1, query
    )


def test_many_filters_are_compared_in_reasonable_time() -> None:
    domains = [server(f"d{at}", f"*.customer{at}.example") for at in range(3000)]
    assert find_shadowed(domains) == []
