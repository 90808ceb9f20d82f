"""What a domain that pins nothing offers and accepts: Mozilla's intermediate profile, see
docs/security.md."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import tlsmgm
from tests.support import pki
from tests.support.hello import groups_in, key_shares_in
from tests.support.hostile import HANDSHAKE, split_records
from tests.support.managers import LOCAL
from tests.support.pairs import ConnectionPair, managers, session_of
from tests.support.pki import Authority, dh_params
from tlsmgm import ProtocolError

#: All that are left in TLS 1.2.
SUITES = {
    "ec": [
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ],
    "rsa": [
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ],
}

#: CBC, SHA-1, key exchange by RSA, finite fields, short tags: of each some.
REFUSED = {
    "ec": ["ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA"],
    "rsa": ["ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"],
}
ONLY_OPENSSL = ["AES128-GCM-SHA256", "AES256-SHA"]

FFDHE = "DHE-RSA-AES128-GCM-SHA256"


def sites(root: Authority, kind: str) -> dict[str, dict[str, Any]]:
    site = root.issue("site", names=["dom1.test"], kind=kind)
    return {"server": site.fields(), "client": {"ca_list": root.pem}}


@pytest.fixture(scope="module")
def identities(root: Authority) -> dict[str, dict[str, dict[str, Any]]]:
    return {kind: sites(root, kind) for kind in SUITES}


def pinned(values: dict[str, dict[str, Any]], side: str, **more: str) -> dict[str, dict[str, Any]]:
    return {key: fields | (more if key == side else {}) for key, fields in values.items()}


@pytest.mark.parametrize("side", ["server", "client"])
@pytest.mark.parametrize(("kind", "suite"), [(k, s) for k, all_ in SUITES.items() for s in all_])
def test_suites_with_forward_secrecy_and_authenticated_encryption(
    library: str,
    client_library: str,
    side: str,
    kind: str,
    suite: str,
    identities: dict[str, dict[str, dict[str, Any]]],
) -> None:
    values = pinned(identities[kind], side, cipher_list=suite)
    pair = managers(library, client_library, "TLSv1.2", **values).connect()
    assert pair.server.cipher == suite


def refused_suites(library: str) -> list[tuple[str, str]]:
    found = [(kind, suite) for kind, suites in REFUSED.items() for suite in suites]
    return found + [("rsa", suite) for suite in ONLY_OPENSSL if library == "openssl"]


@pytest.mark.parametrize("side", ["server", "client"])
def test_no_other_suite(
    library: str,
    client_library: str,
    side: str,
    identities: dict[str, dict[str, dict[str, Any]]],
) -> None:
    for kind, suite in refused_suites(client_library if side == "client" else library):
        values = pinned(identities[kind], side, cipher_list=suite)
        pair = managers(library, client_library, "TLSv1.2", **values).fail()
        assert isinstance(pair.server_error, ProtocolError), suite


def test_default_is_the_word_for_what_the_library_had_chosen(
    library: str, client_library: str, identities: dict[str, dict[str, dict[str, Any]]]
) -> None:
    old = {"cipher_list": "ECDHE-RSA-AES128-SHA"}
    values = pinned(identities["rsa"], "server", cipher_list="DEFAULT")
    values = pinned(values, "client", **old)
    pair = managers(library, client_library, "TLSv1.2", **values).connect()
    assert pair.server.cipher == old["cipher_list"]


def test_diffie_hellman_parameters_bring_their_suites(
    library: str, client_library: str, identities: dict[str, dict[str, dict[str, Any]]]
) -> None:
    values = pinned(identities["rsa"], "client", cipher_list=FFDHE)
    values["server"] = values["server"] | {"dh_params": dh_params()[0]}
    pair = managers(library, client_library, "TLSv1.2", **values).connect()
    assert pair.server.cipher == FFDHE


@pytest.mark.parametrize("field", ["ffdhe2048", "ffdhe3072", "ffdhe4096"])
def test_clients_that_name_a_finite_field_are_served(
    library: str, field: str, identities: dict[str, dict[str, dict[str, Any]]]
) -> None:
    """From OpenSSL 4.0 on such a field goes before dh_params, so a server must have it."""
    if "openssl" not in tlsmgm.libraries():
        pytest.skip("wolfSSL's clients name no other field than ffdhe2048")
    values = pinned(identities["rsa"], "client", cipher_list=FFDHE)
    values["client"] = values["client"] | {"ec_curve": f"x25519:{field}"}
    values["server"] = values["server"] | {"dh_params": dh_params()[0]}
    pair = managers(library, "openssl", "TLSv1.2", **values).connect()
    assert pair.server.cipher == FFDHE


@pytest.mark.parametrize("group", ["x25519", "secp256r1", "secp384r1"])
def test_groups_of_a_server(
    library: str,
    client_library: str,
    version: str,
    group: str,
    identities: dict[str, dict[str, dict[str, Any]]],
) -> None:
    values = pinned(identities["rsa"], "client", ec_curve=group)
    assert managers(library, client_library, version, **values).connect().server.group == group


def test_no_other_group_of_a_server(
    library: str,
    client_library: str,
    version: str,
    identities: dict[str, dict[str, dict[str, Any]]],
) -> None:
    values = pinned(identities["rsa"], "client", ec_curve="secp521r1")
    managers(library, client_library, version, **values).fail()


def test_hybrid_group_is_there(library: str, client_library: str) -> None:
    for name in (library, client_library):
        if "mlkem" not in tlsmgm.libraries()[name].features:
            pytest.skip(f"{name} has no ML-KEM")
    both = managers(
        library, client_library, "TLSv1.3", client={"ec_curve": "X25519MLKEM768:x25519"}
    )
    assert both.connect().server.group == "X25519MLKEM768"


HYBRID, X25519, SECP256R1 = 4588, 29, 23


def first_hello(library: str, version: str | None) -> bytes:
    client = managers(library, library, version).client.client_connection("client")
    assert client.handshake() is False
    return client.drain()


@pytest.mark.parametrize("highest", [None, "TLSv1.3"])
def test_groups_of_a_client(library: str, highest: str | None) -> None:
    """Those that servers have come first, and both of the likely ones with their shares.

    OpenSSL 4.0 puts two more hybrids between them.
    """
    expected = [HYBRID, X25519] if "mlkem" in tlsmgm.libraries()[library].features else [X25519]
    hello = first_hello(library, highest)
    assert key_shares_in(hello) == expected
    offered = groups_in(hello)
    assert offered[0] == expected[0]
    assert offered.index(X25519) < offered.index(SECP256R1)


def test_groups_of_a_client_before_tls13(library: str) -> None:
    hello = first_hello(library, "TLSv1.2")
    assert key_shares_in(hello) == []
    assert groups_in(hello)[:2] == [X25519, SECP256R1]
    assert HYBRID not in groups_in(hello)


def count_hellos(pair: ConnectionPair) -> list[bytes]:
    """Make the pair remember its ClientHellos, all that a client sends in the clear in TLS 1.3."""
    found: list[bytes] = []

    def hook(data: bytes) -> bytes:
        found.extend(record for kind, record in split_records(data) if kind == HANDSHAKE)
        return data

    pair.client_side.hook = hook
    return found


@pytest.mark.parametrize("group", ["x25519", "X25519MLKEM768"])
def test_servers_need_not_ask_a_client_again(library: str, client_library: str, group: str) -> None:
    for name in (library, client_library):
        if group != "x25519" and "mlkem" not in tlsmgm.libraries()[name].features:
            pytest.skip(f"{name} has no ML-KEM")
    pair = managers(library, client_library, "TLSv1.3", server={"ec_curve": group}).pair()
    hellos = count_hellos(pair)
    pair.handshake().echo()
    assert pair.client.group == pair.server.group == group
    assert len(hellos) == 1


@pytest.mark.parametrize("group", ["secp256r1", "secp521r1"])
def test_servers_may_ask_a_client_again(library: str, client_library: str, group: str) -> None:
    pair = managers(library, client_library, "TLSv1.3", server={"ec_curve": group}).pair()
    hellos = count_hellos(pair)
    pair.handshake().echo()
    assert pair.server.group == group
    assert len(hellos) == 2


@pytest.mark.parametrize("later", ["x25519", "secp384r1"])
def test_a_session_does_not_bind_a_client_to_its_group(
    library: str, client_library: str, version: str, later: str
) -> None:
    """The server may be another one, or have lost the group of the session."""
    both = managers(library, client_library, version)
    session = session_of(both.connect())
    other = managers(library, client_library, version, server={"ec_curve": later}).server
    client = both.client.client_connection("client", server_name="dom1.test", session=session)
    pair = ConnectionPair(client, other.server_connection(LOCAL)).handshake()
    pair.echo()
    assert pair.server.group == later


def test_certificates_on_the_largest_curve(
    library: str, client_library: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The groups of a server leave it out, but a certificate may be on it, on either side."""
    root = Authority("largest root")
    curve = ec.SECP521R1()
    monkeypatch.setattr(pki, "new_key", lambda kind: ec.generate_private_key(curve))
    site, user = root.issue("site", names=["dom1.test"]), root.issue("user")
    trust = {"ca_list": root.pem}
    values: dict[str, Any] = {"server": site.fields(), "client": trust}
    managers(library, client_library, version, **values).connect().echo()
    values = {"server": values["server"] | trust | {"verify_cert": True}}
    values["client"] = trust | user.fields()
    managers(library, client_library, version, **values).connect().echo()


def test_groups_that_leave_out_finite_fields_are_a_warning(
    library: str, identities: dict[str, dict[str, dict[str, Any]]]
) -> None:
    values = identities["rsa"]["server"] | {"dh_params": dh_params()[0], "ec_curve": "x25519"}
    told = [text for text in managers(library, library, server=values).server.warnings]
    warned = [text for text in told if "ec_curve names no finite field" in text]
    assert bool(warned) == ("rfc7919" in tlsmgm.libraries()[library].features)
