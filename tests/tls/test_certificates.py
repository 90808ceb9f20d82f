"""Certificates, keys and trust: what a domain shows and whom it believes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import NameOID

from tests.support.bad_certificates import small_key
from tests.support.pairs import ConnectionPair, Managers, core_server, managers
from tests.support.peers import PyOpenSSLPeer, pyopenssl_context
from tests.support.pki import (
    Authority,
    Identity,
    certificate_pem,
    dh_params,
    key_pem,
    write_ca_dir,
    write_crls,
)
from tlsmgm import AlertError, ConfigError, VerificationError

SECRET = "correct horse"


def mutual(
    library: str,
    client_library: str,
    version: str | None,
    root: Authority,
    site: Identity,
    client: dict[str, Any],
    **server: Any,
) -> Managers:
    """A server that demands a certificate of the root, unless ``server`` says otherwise."""
    rules = {"verify_cert": True, "ca_list": root.pem} | site.fields() | server
    shown = {"ca_list": root.pem} | client
    return managers(library, client_library, version, server=rules, client=shown)


def test_serial_number_of_a_subject(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    """An attribute of the name; the number of the certificate is another thing."""
    site = root.issue("site", names=["dom1.test"], attributes=[(NameOID.SERIAL_NUMBER, "S-1")])
    numbers = [(NameOID.SERIAL_NUMBER, "00-1b:ae"), (NameOID.SERIAL_NUMBER, "second")]
    user = root.issue("user", attributes=numbers)
    plain = root.issue("plain")
    both = mutual(library, client_library, version, root, site, user.fields())
    values = both.connect().server.variables
    assert values["tls_peer_subject_serial"] == "00-1b:ae"
    assert values["tls_my_subject_serial"] == "S-1"
    assert values["tls_peer_serial"] == str(user.leaf.serial_number)
    both = mutual(library, client_library, version, root, site, plain.fields())
    assert both.connect().server.variables["tls_peer_subject_serial"] is None


def refused(pair: ConnectionPair, reason: str) -> None:
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == reason
    assert isinstance(pair.client_error, AlertError)
    assert pair.server_error.alert == pair.client_error.alert


def test_mutual_tls(
    library: str, client_library: str, version: str, root: Authority, site: Identity, user: Identity
) -> None:
    pair = mutual(library, client_library, version, root, site, user.fields()).connect()
    pair.echo()
    assert pair.server.peer_certificate.der == user.der
    assert pair.server.certificate.der == site.der
    assert pair.client.certificate.der == user.der
    assert pair.client.peer_certificate.der == site.der
    assert pair.server.is_peer_verified() == pair.client.is_peer_verified() == 1


def test_client_without_certificate_is_refused(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    refused(mutual(library, client_library, version, root, site, {}).fail(), "missing")


def test_client_without_certificate_may_come_where_none_is_required(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    both = mutual(library, client_library, version, root, site, {}, require_cert=False)
    pair = both.connect()
    pair.echo()
    assert pair.server.is_peer_verified() == -1
    assert pair.server.verify_reason == "missing"


def test_certificate_of_a_stranger_is_refused_even_where_none_is_required(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    stranger = Authority("elsewhere").issue("user").fields()
    both = mutual(library, client_library, version, root, site, stranger, require_cert=False)
    refused(both.fail(), "unknown_ca")


def test_same_name_with_another_key_is_no_authority(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    forged = Authority("tests root").issue("user").fields()
    pair = mutual(library, client_library, version, root, site, forged).fail()
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason in ("signature", "unknown_ca")


def test_certificate_request_names_the_authorities(
    library: str, version: str, root: Authority, middle: Authority, site: Identity
) -> None:
    rules = {"verify_cert": True, "require_cert": False, "ca_list": root.pem + middle.pem}
    both = managers(library, library, version, server=site.fields() | rules)
    client = PyOpenSSLPeer(pyopenssl_context(version), server_name="dom1.test")
    client.tls.set_verify(0, None)
    ConnectionPair(client, core_server(both.server)).handshake()
    named = {item.CN for item in client.tls.get_client_ca_list()}
    assert named == {"tests root", "tests intermediate"}


def test_chain_is_sent_and_verified(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    deep = root.below("first", "second").issue("deep", names=["dom1.test"])
    both = mutual(library, client_library, version, root, deep, deep.fields())
    pair = both.connect()
    for end in (pair.client, pair.server):
        assert [item.subject_cn for item in end.peer_chain] == ["deep", "second", "first"]
        assert end.is_peer_verified() == 1


def test_leaf_without_its_chain_is_refused(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    deep_user: Identity,
    deep_site: Identity,
) -> None:
    bare = deep_user.fields(chain=False)
    refused(mutual(library, client_library, version, root, site, bare).fail(), "unknown_ca")
    both = managers(
        library,
        client_library,
        version,
        server=deep_site.fields(chain=False),
        client={"ca_list": root.pem},
    )
    pair = both.fail()
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "unknown_ca"


def test_directory_of_hashed_names_is_trusted(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    user: Identity,
    tmp_path: Path,
) -> None:
    trusted = write_ca_dir(tmp_path / "ca", Authority("another"), root)
    client = user.fields() | {"ca_list": None, "ca_dir": trusted}
    rules = {"ca_list": None, "ca_dir": trusted}
    pair = mutual(library, client_library, version, root, site, client, **rules).connect()
    assert pair.server.is_peer_verified() == pair.client.is_peer_verified() == 1
    stranger = Authority("elsewhere").issue("user").fields()
    both = mutual(library, client_library, version, root, site, stranger, **rules)
    refused(both.fail(), "unknown_ca")


def test_directory_without_revocation_list_is_refused(
    library: str, root: Authority, tmp_path: Path
) -> None:
    (tmp_path / "README").write_text("nothing here\n")
    with pytest.raises(ConfigError) as caught:
        managers(library, library, client={"ca_list": root.pem, "crl_dir": str(tmp_path)})
    assert caught.value.parameter == "crl_dir"


def test_revoked_peer_is_refused_on_either_side(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    user: Identity,
    tmp_path: Path,
) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(user))
    both = mutual(library, client_library, version, root, site, user.fields(), crl_dir=crls)
    refused(both.fail(), "revoked")
    crls = write_crls(tmp_path / "others", root.crl(site))
    client = {"ca_list": root.pem, "crl_dir": crls}
    pair = managers(library, client_library, version, server=site.fields(), client=client).fail()
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "revoked"


def test_peer_that_is_not_on_the_list_is_accepted(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    user: Identity,
    tmp_path: Path,
) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(root.issue("somebody else")))
    both = mutual(library, client_library, version, root, site, user.fields(), crl_dir=crls)
    assert both.connect().server.is_peer_verified() == 1


def test_issuer_without_revocation_list_is_refused(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    user: Identity,
    tmp_path: Path,
) -> None:
    crls = write_crls(tmp_path / "crls", Authority("another").crl())
    both = mutual(library, client_library, version, root, site, user.fields(), crl_dir=crls)
    refused(both.fail(), "crl_missing")


@pytest.mark.parametrize(("depth", "count"), [(0, 0), (1, 1), (2, 2), (3, 3), (5, 5)])
def test_chain_as_deep_as_allowed(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    depth: int,
    count: int,
) -> None:
    deep = root.below(*(f"level {n}" for n in range(count))).issue("deep").fields()
    both = mutual(library, client_library, version, root, site, deep, verify_depth=depth)
    assert both.connect().server.is_peer_verified() == 1


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 2), (3, 4)])
def test_chain_deeper_than_allowed(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    depth: int,
    count: int,
) -> None:
    deep = root.below(*(f"level {n}" for n in range(count))).issue("deep").fields()
    both = mutual(library, client_library, version, root, site, deep, verify_depth=depth)
    refused(both.fail(), "too_deep")


def test_encrypted_key(library: str, root: Authority, site: Identity) -> None:
    locked = site.fields() | {"private_key": key_pem(site.key, SECRET.encode())}
    server = locked | {"private_key_passphrase": SECRET}
    both = managers(library, library, server=server, client={"ca_list": root.pem})
    both.connect().echo()


@pytest.mark.parametrize("passphrase", [None, "", "battery staple", SECRET + "x"])
def test_encrypted_key_with_another_passphrase(
    library: str, site: Identity, passphrase: str | None
) -> None:
    locked = site.fields() | {"private_key": key_pem(site.key, SECRET.encode())}
    with pytest.raises(ConfigError) as caught:
        managers(library, library, server=locked | {"private_key_passphrase": passphrase})
    assert caught.value.parameter == "private_key"
    assert caught.value.domain == "dom1"
    if passphrase:
        assert passphrase not in str(caught.value)


def test_key_of_another_certificate(library: str, site: Identity, user: Identity) -> None:
    mixed = site.fields() | {"private_key": key_pem(user.key)}
    with pytest.raises(ConfigError, match="belong") as caught:
        managers(library, library, server=mixed)
    assert caught.value.parameter == "private_key"


def test_a_small_rsa_key_cannot_be_shown(library: str, root: Authority, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        managers(library, library, server=small_key(root, tmp_path).shown)
    assert caught.value.parameter in ("certificate", "private_key")


def test_own_diffie_hellman_parameters_are_used(
    library: str, client_library: str, root: Authority
) -> None:
    identity = root.issue("site", names=["dom1.test"], kind="rsa")
    parameters, prime = dh_params()
    server = {"dh_params": parameters, "cipher_list": "DHE-RSA-AES256-GCM-SHA384"}
    # A client that offers finite fields by name would get one of them (RFC 7919).
    client = {"ca_list": root.pem, "cipher_list": server["cipher_list"], "ec_curve": "secp256r1"}
    both = managers(
        library, client_library, "TLSv1.2", server=identity.fields() | server, client=client
    )
    seen = bytearray()

    def look(data: bytes) -> bytes:
        seen.extend(data)
        return data

    pair = both.connect(to_client=look)
    pair.echo()
    assert pair.server.cipher == "DHE-RSA-AES256-GCM-SHA384"
    assert prime in seen  # ServerKeyExchange is not encrypted


def test_unreadable_diffie_hellman_parameters(library: str) -> None:
    bad = b"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n"
    with pytest.raises(ConfigError) as caught:
        managers(library, library, server={"dh_params": bad})
    assert caught.value.parameter == "dh_params"


def test_a_pinned_leaf_vouches_for_nobody(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    """Who holds the key of a certificate in ca_list is not thereby an authority."""
    pinned = root.issue("pinned", names=["pinned.test"])
    impostor = Authority("pinned")
    impostor.key, impostor.name = pinned.key, pinned.leaf.subject
    victim = impostor.issue("victim", names=["victim.test"])
    both = managers(
        library,
        client_library,
        version,
        server=victim.fields(),
        client={"ca_list": certificate_pem(pinned.leaf)},
    )
    pair = both.fail(server_name="victim.test")
    assert isinstance(pair.client_error, VerificationError)
