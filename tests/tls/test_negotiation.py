"""What a domain pins: protocols, groups, suites, versions."""

from __future__ import annotations

from typing import Any

import pytest

import tlsmgm
from tests.support import hello
from tests.support.managers import method_of
from tests.support.pairs import managers
from tests.support.pki import Authority
from tlsmgm import AlertError, ConfigError, ProtocolError

HANDSHAKE_FAILURE, PROTOCOL_VERSION, NO_APPLICATION_PROTOCOL = 40, 70, 120

#: One suite of each kind, not the first choice of anybody.
PINNED = "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_CHACHA20_POLY1305_SHA256"
CHOSEN = {"TLSv1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.3": "TLS_CHACHA20_POLY1305_SHA256"}


def test_alpn_takes_the_first_of_the_server(
    library: str, client_library: str, version: str
) -> None:
    both = managers(
        library,
        client_library,
        version,
        server={"alpn": ("h2", "sip/2", "http/1.1")},
        client={"alpn": ("http/1.1", "sip/2", "other")},
    )
    pair = both.connect()
    assert (pair.client.alpn, pair.server.alpn) == ("sip/2", "sip/2")


def test_alpn_without_common_protocol_is_refused(
    library: str, client_library: str, version: str
) -> None:
    both = managers(
        library, client_library, version, server={"alpn": "h2"}, client={"alpn": "sip/2"}
    )
    pair = both.fail()
    assert isinstance(pair.server_error, ProtocolError)
    assert isinstance(pair.client_error, AlertError)
    assert pair.server_error.alert == NO_APPLICATION_PROTOCOL
    assert pair.client_error.alert == NO_APPLICATION_PROTOCOL


@pytest.mark.parametrize("side", ["server", "client"])
def test_alpn_on_one_side_only_agrees_on_nothing(
    library: str, client_library: str, version: str, side: str
) -> None:
    values: dict[str, Any] = {"server": {}, "client": {}} | {side: {"alpn": "h2"}}
    pair = managers(library, client_library, version, **values).connect()
    assert (pair.client.alpn, pair.server.alpn) == (None, None)
    pair.echo()


@pytest.fixture(scope="module")
def grouped(root: Authority) -> dict[str, dict[str, Any]]:
    """Both sides of a domain with an RSA key, which leaves the groups free in TLS 1.2."""
    identity = root.issue("site", names=["dom1.test"], kind="rsa")
    return {"server": identity.fields(), "client": {"ca_list": root.pem}}


Grouped = dict[str, dict[str, Any]]


def with_groups(grouped: Grouped, **groups: str) -> Grouped:
    return {
        side: fields | ({"ec_curve": groups[side]} if side in groups else {})
        for side, fields in grouped.items()
    }


@pytest.mark.parametrize("side", ["server", "client"])
@pytest.mark.parametrize("group", ["x25519", "secp256r1", "secp384r1"])
def test_group_is_pinned_by_either_side(
    library: str, client_library: str, version: str, side: str, group: str, grouped: Grouped
) -> None:
    values = with_groups(grouped, **{side: group})
    pair = managers(library, client_library, version, **values).connect()
    assert (pair.client.group, pair.server.group) == (group, group)


def test_first_common_group_is_taken(
    library: str, client_library: str, version: str, grouped: Grouped
) -> None:
    values = with_groups(grouped, server="secp384r1:secp256r1", client="x25519:secp384r1")
    assert (
        managers(library, client_library, version, **values).connect().server.group == "secp384r1"
    )


def test_no_common_group(library: str, client_library: str, version: str, grouped: Grouped) -> None:
    values = with_groups(grouped, server="secp384r1", client="secp256r1")
    if version == "TLSv1.2":  # nothing but what needs a group
        values["client"]["cipher_list"] = "ECDHE-RSA-AES128-GCM-SHA256"
    pair = managers(library, client_library, version, **values).fail()
    assert isinstance(pair.server_error, ProtocolError)
    assert isinstance(pair.client_error, AlertError)
    assert pair.server_error.alert == pair.client_error.alert == HANDSHAKE_FAILURE


def test_hybrid_group(library: str, client_library: str) -> None:
    for name in (library, client_library):
        if "mlkem" not in tlsmgm.libraries()[name].features:
            pytest.skip(f"{name} has no ML-KEM")
    both = managers(
        library, client_library, "TLSv1.3", server={"ec_curve": "X25519MLKEM768:x25519"}
    )
    assert both.connect().server.group == "X25519MLKEM768"


@pytest.mark.parametrize("side", ["server", "client"])
def test_list_pins_suites_of_both_kinds(
    library: str, client_library: str, version: str, side: str
) -> None:
    values: dict[str, Any] = {"server": {}, "client": {}} | {side: {"cipher_list": PINNED}}
    pair = managers(library, client_library, version, **values).connect()
    assert (pair.client.cipher, pair.server.cipher) == (CHOSEN[version], CHOSEN[version])


def test_kind_that_a_list_does_not_name_keeps_its_default(
    library: str, client_library: str, version: str
) -> None:
    other = "TLSv1.3" if version == "TLSv1.2" else "TLSv1.2"
    only = {"cipher_list": CHOSEN[other]}
    open_ended = managers(
        library, client_library, server=only, client={"method": method_of(version)}
    )
    for both in (open_ended, managers(library, client_library, version, server=only, client=only)):
        pair = both.connect()
        assert pair.server.version == version
        assert pair.server.cipher not in CHOSEN.values()


def test_order_of_the_server_counts(library: str, client_library: str, version: str) -> None:
    names = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
    suites = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384")
    both = managers(
        library,
        client_library,
        version,
        server={"cipher_list": ":".join((*names, *suites))},
        client={"cipher_list": ":".join((*names[::-1], *suites[::-1]))},
    )
    assert both.connect().server.cipher == (names if version == "TLSv1.2" else suites)[0]


def test_no_common_suite(library: str, client_library: str, version: str) -> None:
    both = managers(
        library,
        client_library,
        version,
        server={"cipher_list": PINNED},
        client={"cipher_list": "ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384"},
    )
    pair = both.fail()
    assert isinstance(pair.server_error, ProtocolError)
    assert isinstance(pair.client_error, AlertError)


@pytest.mark.parametrize(("kind", "word"), [("rsa", "ECDHE-RSA-"), ("ec", "ECDHE-ECDSA-")])
def test_key_kind_decides_the_suite(
    library: str, client_library: str, version: str, root: Authority, kind: str, word: str
) -> None:
    identity = root.issue("site", names=["dom1.test"], kind=kind)
    both = managers(
        library,
        client_library,
        version,
        server=identity.fields(),
        client={"ca_list": root.pem},
    )
    pair = both.connect()
    pair.echo()
    assert pair.client.peer_certificate.der == identity.der
    assert pair.server.cipher.startswith(word if version == "TLSv1.2" else "TLS_")


def test_highest_common_version_is_taken(library: str, client_library: str) -> None:
    assert managers(library, client_library).connect().client.version == "TLSv1.3"
    for side in ("server", "client"):
        values: dict[str, Any] = {side: {"method": "-TLSv1_2" if side == "server" else "TLSv1_2"}}
        assert managers(library, client_library, **values).connect().client.version == "TLSv1.2"


@pytest.mark.parametrize("server", ["TLSv1_2", "TLSv1_3"])
def test_no_common_version(library: str, client_library: str, server: str) -> None:
    client = "TLSv1_3" if server == "TLSv1_2" else "TLSv1_2"
    both = managers(library, client_library, server={"method": server}, client={"method": client})
    pair = both.fail()
    for error in (pair.server_error, pair.client_error):
        assert isinstance(error, AlertError | ProtocolError)
        assert error.alert in (PROTOCOL_VERSION, HANDSHAKE_FAILURE)  # wolfSSL says the latter


@pytest.mark.parametrize("word", ["RC4", "RC4-SHA", "EECDH+aRSA+RC4", "EXPORT", "TLS_SM4_CCM_SM3"])
def test_words_of_old_lists_are_told(library: str, word: str) -> None:
    """The same list loads with both libraries, and the same is said about it."""
    newer = ":TLS_AES_128_GCM_SHA256" if word.startswith("TLS_") else ""
    both = managers(
        library, library, server={"cipher_list": f"{word}:HIGH:!aNULL:!RC4:!EXP:+RC2{newer}"}
    )
    told = [str(warning) for warning in both.server.warnings]
    assert [text for text in told if "cipher_list" in text] == [
        f"domain 'dom1': parameter 'cipher_list': \"{word}\" fits no suite of this library"
    ]
    both.connect("dom1.test").echo()


@pytest.mark.parametrize("text", ["HIGH:RC5", "HIGH:!RC5", "RC4", "RC4-SHA:!aNULL"])
def test_lists_that_no_library_takes(library: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        managers(library, library, server={"cipher_list": text})
    assert caught.value.parameter == "cipher_list"


@pytest.mark.parametrize("legacy", [0x0303, 0x0304, 0x0305])
@pytest.mark.parametrize("highest", ["TLSv1_2", None])
def test_a_legacy_version_alone_means_tls12(
    library: str, root: Authority, legacy: int, highest: str | None
) -> None:
    """RFC 8446 section 4.2.1: without supported_versions nothing above TLS 1.2 is negotiated."""
    site = root.issue("leaf", names=["dom1.test"], kind="ec")
    values = site.fields() | ({"method": highest} if highest else {})
    extensions = [
        hello.server_name(b"dom1.test"),
        hello.extension(hello.GROUPS, hello.vector(2, (23).to_bytes(2, "big"))),
        hello.extension(hello.SIGNATURES, hello.vector(2, b"\x04\x03")),
    ]
    suite = b"\xc0\x2b"  # TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    sent = hello.message(*extensions, version=legacy.to_bytes(2, "big"), suites=suite)
    server = managers(library, library, server=values).pair().server
    server.feed(hello.records(sent))
    assert server.handshake() is False
    answer = server.drain()
    assert (answer[0], answer[5]) == (22, 2)  # a ServerHello
    assert answer[9:11] == b"\x03\x03"
