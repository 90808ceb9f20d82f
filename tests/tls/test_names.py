"""The name that a client wants and the certificate must carry (RFC 9525)."""

from __future__ import annotations

from collections.abc import Callable

import idna
import pytest

from tests.support.pairs import Managers, managers, session_of
from tests.support.pki import Authority
from tlsmgm import ConfigError, VerificationError

#: Makes managers whose server shows a certificate with these SubjectAltNames.
Site = Callable[..., Managers]


@pytest.fixture
def site(library: str, client_library: str, version: str, root: Authority) -> Site:
    def make(names: list[str], addresses: list[str] | None = None, **client: object) -> Managers:
        identity = root.issue("common.test", names=names, addresses=addresses or [])
        return managers(
            library,
            client_library,
            version,
            server=identity.fields(),
            client={"ca_list": root.pem} | client,
        )

    return make


MATCHES = [
    (["a.test", "b.test"], "b.test"),
    (["A.Test"], "a.tEST"),
    (["*.dom.test"], "a.dom.test"),
    (["*.dom.test"], "A.DOM.test"),
    (["xn--bcher-kva.test"], "xn--bcher-kva.test"),
    (["*.dom.test"], "xn--bcher-kva.dom.test"),
    (["*.dom.test"], "-a-.dom.test"),
    (["_a.dom.test"], "_a.dom.test"),
    (["a.test"], "a.test."),
]

MISMATCHES = [
    (["a.test"], "b.test"),
    (["a.test"], "a.test.example"),
    (["dom.test"], "a.dom.test"),
    (["*.dom.test"], "dom.test"),
    (["*.dom.test"], "a.b.dom.test"),
    (["a*.dom.test"], "ab.dom.test"),
    (["*a.dom.test"], "ba.dom.test"),
    (["a.*.test"], "a.b.test"),
    (["*.test"], "a.test"),
    (["*.dom.test"], "_a.dom.test"),  # a service, no host
    (["*._tcp.dom.test"], "a._tcp.dom.test"),
    (["*.-dom.test"], "a.-dom.test"),
    (["*.dom-.test"], "a.dom-.test"),
    (["a.test."], "a.test"),
    (["a.test."], "a.test."),
    (["*.dom.test."], "a.dom.test"),
    (["192.0.2.7"], "192.0.2.7"),  # a DNS name that looks like an address
    ([], "common.test"),  # the common name counts for nothing
    (["other.test"], "common.test"),
]


@pytest.mark.parametrize(("names", "wanted"), MATCHES)
def test_name_matches(site: Site, names: list[str], wanted: str) -> None:
    pair = site(names).connect(server_name=wanted)
    assert pair.client.is_peer_verified() == 1


@pytest.mark.parametrize(("names", "wanted"), MISMATCHES)
def test_name_does_not_match(site: Site, names: list[str], wanted: str) -> None:
    pair = site(names).fail(server_name=wanted)
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "name_mismatch"
    assert pair.server_error is not None


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_address_matches(site: Site, address: str) -> None:
    pair = site(["a.test"], [address]).connect(server_name=address)
    assert pair.client.is_peer_verified() == 1
    assert pair.server.server_name is None  # RFC 6066 section 3


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:DB8:0::7]", "2001:db8::7"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]", "fe80::1"),
        ("192.0.2.7.", "192.0.2.7"),
    ],
)
def test_ways_to_write_an_address(site: Site, written: str, address: str) -> None:
    pair = site(["a.test"], [address]).connect(server_name=written)
    assert pair.client.peer_verified
    assert (pair.server.server_name, pair.client.verify_name) == (None, address)


@pytest.mark.parametrize("written", ["[2001:db8::8]", "fe80::2%eth0", "::ffff:192.0.2.7"])
def test_an_address_in_brackets_is_not_another_one(site: Site, written: str) -> None:
    pair = site(["a.test"], ["2001:db8::7", "fe80::1", "192.0.2.7"]).fail(server_name=written)
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "name_mismatch"


# What IDNA 2003 made of them, and Python's codec still does, is another name.
SHARP = "straße.test", "xn--strae-oqa.test", "strasse.test"
SIGMA = "βόλος.test", "xn--nxasmm1c.test", "xn--nxasmq6b.test"


@pytest.mark.parametrize(("written", "right", "wrong"), [SHARP, SIGMA])
def test_names_are_those_of_idna_2008(site: Site, written: str, right: str, wrong: str) -> None:
    assert idna.encode(written) == right.encode()
    assert written.encode("idna") == wrong.encode()
    for spelling in (written, written.replace("t", "T"), written + ".", written.replace(".", "。")):
        pair = site([right]).connect(server_name=spelling)
        assert pair.client.peer_verified
        assert (pair.server.server_name or "").lower() == right
        pair = site([wrong]).fail(server_name=spelling)
        assert isinstance(pair.client_error, VerificationError)
        assert pair.client_error.reason == "name_mismatch"


@pytest.mark.parametrize("written", ["☕.test", "a\u200db.test", "\uff0a.test", "ü" * 80 + ".test"])
def test_names_that_idna_refuses_are_refused(library: str, written: str) -> None:
    both = managers(library, library)
    with pytest.raises(ConfigError, match=r"has no ASCII form \(IDNA 2008\)"):
        both.client.client_connection("client", server_name=written)


@pytest.mark.parametrize("wanted", ["192.0.2.8", "2001:db8::8"])
def test_address_does_not_match(site: Site, wanted: str) -> None:
    pair = site(["a.test"], ["192.0.2.7", "2001:db8::7"]).fail(server_name=wanted)
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "name_mismatch"


def test_no_name_is_not_checked(site: Site) -> None:
    assert site(["a.test"]).connect(server_name=None).client.is_peer_verified() == 1


def test_check_can_be_left_out_by_a_name_that_says_so(site: Site) -> None:
    both = site(["a.test"], danger_skip_hostname_check=True)
    pair = both.connect(server_name="b.test")
    assert pair.client.is_peer_verified() == 1
    assert pair.server.server_name == "b.test"


def test_chain_is_still_verified_where_the_name_is_not(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    stranger = Authority("elsewhere").issue("site", names=["dom1.test"]).fields()
    client = {"ca_list": root.pem, "danger_skip_hostname_check": True}
    pair = managers(library, client_library, version, server=stranger, client=client).fail()
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "unknown_ca"


@pytest.mark.parametrize("wanted", ["", "a" * 300])
def test_name_that_cannot_be_sent(library: str, wanted: str) -> None:
    both = managers(library, library)
    with pytest.raises(ConfigError):
        both.client.client_connection("client", server_name=wanted)


def test_a_session_is_not_offered_to_another_address(site: Site) -> None:
    """No SNI is sent for addresses, but each has a certificate of its own to show."""
    both = site(["a.test"], ["192.0.2.7", "192.0.2.8"])
    session = session_of(both.connect(server_name="192.0.2.7"))
    assert both.connect(server_name="192.0.2.8", session=session).client.session_reused is False
    assert both.connect(server_name="192.0.2.7", session=session).client.session_reused is True


@pytest.mark.parametrize("wanted", [".test", ".dom.test"])
def test_a_leading_dot_is_no_name(site: Site, wanted: str) -> None:
    """OpenSSL would take it for every name below."""
    with pytest.raises(ConfigError):
        site(["a.test", "a.dom.test"]).connect(server_name=wanted)
