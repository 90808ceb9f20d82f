"""A domain's rules hold in its ``ssl`` context, in handshakes with both of our libraries."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.managers import client_domain, manager_of, method_of
from tests.support.pairs import ConnectionPair
from tests.support.peers import StdlibPeer
from tests.support.pki import (
    SERVER_AUTH,
    Authority,
    Identity,
    dh_params,
    key_pem,
    write_ca_dir,
    write_crls,
)
from tlsmgm import Domain, TLSError, UnsupportedError

Connector = Callable[..., ConnectionPair]


def of_server(identity: Identity, **values: Any) -> Domain:
    return Domain("here", "server", **({"verify_cert": False} | identity.fields() | values))


def of_client(authority: Authority, **values: Any) -> Domain:
    return Domain("here", "client", **({"ca_list": authority.pem} | values))


def accepted(pair: ConnectionPair) -> ConnectionPair:
    pair.handshake().echo()
    return pair


def refused(side: Exception | None, message: str) -> None:
    """Prove that this end refused the certificate, and why."""
    assert isinstance(side, ssl.SSLCertVerificationError)
    assert message in side.verify_message


# --- certificates, keys, chains ----------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "files"])
def test_a_server_shows_its_certificate(
    meet: Connector, version: str, where: str, root: Authority, site: Identity, tmp_path: Path
) -> None:
    fields = site.fields()
    if where == "files":
        fields = {name: write(tmp_path / name, value) for name, value in fields.items()}
    domain = Domain("here", "server", verify_cert=False, **fields)
    pair = accepted(meet(domain, version=version, ca_list=root.pem))
    assert pair.client.peer_certificate.der == site.der


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def test_a_client_shows_its_certificate(
    meet: Connector, version: str, root: Authority, site: Identity, user: Identity
) -> None:
    domain = of_client(root, **user.fields())
    strict = site.fields() | {"verify_cert": True, "require_cert": True, "ca_list": root.pem}
    pair = accepted(meet(domain, version=version, **strict))
    assert pair.server.peer_certificate.der == user.der


def test_the_chain_is_shown(
    meet: Connector, version: str, root: Authority, deep_site: Identity
) -> None:
    accepted(meet(of_server(deep_site), version=version, ca_list=root.pem))
    bare = of_server(deep_site, **deep_site.fields(chain=False))
    assert meet(bare, version=version, ca_list=root.pem).client_error is not None


@pytest.mark.parametrize("where", ["memory", "file"])
def test_an_encrypted_key(
    meet: Connector, where: str, root: Authority, site: Identity, tmp_path: Path
) -> None:
    key: bytes | str = key_pem(site.key, b"open sesame")
    if where == "file":
        key = write(tmp_path / "key", key_pem(site.key, b"open sesame"))
    domain = of_server(site, private_key=key, private_key_passphrase="open sesame")
    accepted(meet(domain, ca_list=root.pem))


# --- verification of servers -------------------------------------------------------------


def test_a_server_of_another_authority_is_refused(
    meet: Connector, version: str, root: Authority
) -> None:
    stranger = Authority("other").issue("stranger", names=["dom1.test"])
    pair = meet(of_client(root), version=version, **stranger.fields())
    refused(pair.client_error, "unable to get local issuer")
    assert pair.server_error is not None


@pytest.mark.parametrize("name", ["dom2.test", "192.0.2.1"])
def test_a_server_of_another_name_is_refused(
    meet: Connector, version: str, name: str, root: Authority, site: Identity
) -> None:
    pair = meet(of_client(root), version=version, server_name=name, **site.fields())
    refused(pair.client_error, "mismatch")


def test_a_common_name_is_no_host_name(meet: Connector, root: Authority) -> None:
    pair = meet(of_client(root), **root.issue("dom1.test").fields())
    refused(pair.client_error, "mismatch")


def test_the_comparison_of_names_can_be_turned_off(
    meet: Connector, root: Authority, site: Identity
) -> None:
    domain = of_client(root, danger_skip_hostname_check=True)
    for name in ("dom2.test", None):
        accepted(meet(domain, server_name=name, **site.fields()))
    stranger = Authority("other").issue("stranger")
    refused(meet(domain, **stranger.fields()).client_error, "unable to get local issuer")


def test_a_socket_wants_a_name_to_compare(root: Authority) -> None:
    context = of_client(root).ssl_context()
    with socket.socket() as sock, pytest.raises(ValueError, match="server_hostname"):
        context.wrap_socket(sock)


def test_verification_can_be_turned_off(meet: Connector, version: str, root: Authority) -> None:
    domain = of_client(root, verify_cert=False)
    stranger = Authority("other").issue("stranger")
    for name in ("dom1.test", None):
        accepted(meet(domain, version=version, server_name=name, **stranger.fields()))


def test_an_expired_server_is_refused(meet: Connector, root: Authority) -> None:
    old = root.issue("old", names=["dom1.test"], days=(-2, -1))
    refused(meet(of_client(root), **old.fields()).client_error, "expired")


def test_who_is_named_is_trusted_without_its_root(
    meet: Connector, middle: Authority, deep_site: Identity
) -> None:
    accepted(meet(of_client(middle), **deep_site.fields()))


def test_a_directory_of_authorities(
    meet: Connector, version: str, root: Authority, site: Identity, tmp_path: Path
) -> None:
    domain = Domain("here", "client", ca_dir=write_ca_dir(tmp_path / "cas", root))
    accepted(meet(domain, version=version, **site.fields()))
    other = Domain("here", "client", ca_dir=write_ca_dir(tmp_path / "other", Authority("other")))
    pair = meet(other, version=version, **site.fields())
    refused(pair.client_error, "unable to get local issuer")


def test_comments_of_any_language_may_stand_beside_authorities(
    meet: Connector, root: Authority, site: Identity
) -> None:
    domain = of_client(root, ca_list="Größte Zertifizierungsstelle\n".encode() + root.pem)
    accepted(meet(domain, **site.fields()))


# --- verification of clients -------------------------------------------------------------


@pytest.fixture
def strict(root: Authority, site: Identity) -> Domain:
    """A server that demands certificates of the root."""
    return of_server(site, verify_cert=True, require_cert=True, ca_list=root.pem)


def test_a_client_of_the_authority_is_accepted(
    meet: Connector, version: str, strict: Domain, root: Authority, user: Identity
) -> None:
    pair = accepted(meet(strict, version=version, ca_list=root.pem, **user.fields()))
    assert pair.server.tls.getpeercert(binary_form=True) == user.der


@pytest.mark.parametrize("require", [True, False])
def test_a_client_of_another_authority_is_refused(
    meet: Connector, version: str, strict: Domain, root: Authority, require: bool
) -> None:
    stranger = Authority("other").issue("stranger")
    domain = strict.replace(require_cert=require)
    pair = meet(domain, version=version, ca_list=root.pem, **stranger.fields())
    refused(pair.server_error, "unable to get local issuer")
    assert isinstance(pair.client_error, TLSError)


def test_a_client_without_certificate_is_refused_where_one_is_required(
    meet: Connector, version: str, strict: Domain, root: Authority
) -> None:
    pair = meet(strict, version=version, ca_list=root.pem)
    assert isinstance(pair.server_error, ssl.SSLError)
    assert pair.server_error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    assert isinstance(pair.client_error, TLSError)
    optional = strict.replace(require_cert=False)
    accepted(meet(optional, version=version, ca_list=root.pem))


def test_nobody_is_asked_where_certificates_do_not_count(
    meet: Connector, version: str, strict: Domain, root: Authority
) -> None:
    domain = strict.replace(verify_cert=False)
    stranger = Authority("other").issue("stranger")
    pair = accepted(meet(domain, version=version, ca_list=root.pem, **stranger.fields()))
    assert pair.server.tls.getpeercert(binary_form=True) is None


def test_a_server_certificate_is_no_client_certificate(
    meet: Connector, strict: Domain, root: Authority
) -> None:
    other = root.issue("other", usage=[SERVER_AUTH])
    pair = meet(strict, ca_list=root.pem, **other.fields())
    refused(pair.server_error, "purpose")


def test_a_verifying_server_lets_nobody_resume_in_tls_1_3(
    library: str, strict: Domain, root: Authority, user: Identity
) -> None:
    context = strict.ssl_context()
    fields = {"ca_list": root.pem, "method": "TLSv1_3"} | user.fields()
    ours = manager_of(library, client_domain("client", **fields))
    pair = ConnectionPair(
        ours.client_connection("client", server_name="dom1.test"),
        StdlibPeer(context, server_side=True),
    )
    pair.handshake().echo()
    assert pair.client.session is None


# --- revocation --------------------------------------------------------------------------


def test_revoked_leaf(
    meet: Connector, version: str, root: Authority, site: Identity, tmp_path: Path
) -> None:
    revoked = root.issue("revoked", names=["dom1.test"])
    domain = of_client(root, crl_dir=write_crls(tmp_path / "crls", root.crl(revoked)))
    accepted(meet(domain, version=version, **site.fields()))
    pair = meet(domain, version=version, **revoked.fields())
    refused(pair.client_error, "revoked")


def test_revoked_client(
    meet: Connector, version: str, strict: Domain, root: Authority, user: Identity, tmp_path: Path
) -> None:
    revoked = root.issue("revoked")
    domain = strict.replace(crl_dir=write_crls(tmp_path / "crls", root.crl(revoked)))
    accepted(meet(domain, version=version, ca_list=root.pem, **user.fields()))
    pair = meet(domain, version=version, ca_list=root.pem, **revoked.fields())
    refused(pair.server_error, "revoked")


def test_revoked_intermediate_counts_where_all_are_checked(
    meet: Connector, version: str, root: Authority, tmp_path: Path
) -> None:
    gone = root.below("gone")
    leaf = gone.issue("leaf", names=["dom1.test"])
    crls = write_crls(tmp_path / "crls", root.crl(gone), gone.crl())
    domain = of_client(root, crl_dir=crls)
    accepted(meet(domain, version=version, **leaf.fields()))
    pair = meet(domain.replace(crl_check_all=True), version=version, **leaf.fields())
    refused(pair.client_error, "revoked")


def test_an_issuer_without_crl_is_refused(
    meet: Connector, root: Authority, deep_site: Identity, tmp_path: Path
) -> None:
    domain = of_client(root, crl_dir=write_crls(tmp_path / "crls", root.crl()))
    pair = meet(domain, **deep_site.fields())
    refused(pair.client_error, "unable to get certificate CRL")


def test_crls_in_der_and_several_in_a_file_beside_strange_files(
    meet: Connector, root: Authority, middle: Authority, deep_site: Identity, tmp_path: Path
) -> None:
    folder = tmp_path / "crls"
    gone = middle.issue("gone", names=["dom1.test"])
    (folder / "a folder").mkdir(parents=True)
    (folder / "both.pem").write_bytes(b"a comment\n" + root.crl() + middle.crl(gone))
    (folder / "readme").write_bytes(b"no CRL")
    (folder / "empty").write_bytes(b"")
    domain = of_client(root, crl_dir=folder, crl_check_all=True)
    accepted(meet(domain, **deep_site.fields()))
    refused(meet(domain, **gone.fields()).client_error, "revoked")
    (folder / "both.pem").unlink()
    for number, pem in enumerate((root.crl(), middle.crl(gone))):
        der = ssl.PEM_cert_to_DER_cert(pem.decode().replace("X509 CRL", "CERTIFICATE"))
        (folder / f"{number}.der").write_bytes(der)
    accepted(meet(domain, **deep_site.fields()))
    refused(meet(domain, **gone.fields()).client_error, "revoked")


def test_a_certificate_among_crls_is_not_trusted(
    meet: Connector, root: Authority, tmp_path: Path
) -> None:
    other = Authority("other")
    stranger = other.issue("stranger", names=["dom1.test"])
    folder = Path(write_crls(tmp_path / "crls", other.pem + root.crl() + other.crl() + other.pem))
    (folder / "other.pem").write_bytes(other.pem)
    (folder / "other.der").write_bytes(ssl.PEM_cert_to_DER_cert(other.pem.decode()).ljust(4))
    domain = of_client(root, crl_dir=folder)
    assert domain.ssl_context().cert_store_stats() == {"x509": 1, "crl": 2, "x509_ca": 1}
    refused(meet(domain, **stranger.fields()).client_error, "unable to get local issuer")


def test_crls_among_authorities_do_not_count(
    meet: Connector, root: Authority, middle: Authority, deep_site: Identity, tmp_path: Path
) -> None:
    """With the intermediate's CRL the server would be accepted."""
    crls = write_crls(tmp_path / "crls", root.crl())
    domain = of_client(root, ca_list=root.pem + middle.crl(), crl_dir=crls)
    pair = meet(domain, **deep_site.fields())
    refused(pair.client_error, "unable to get certificate CRL")


# --- versions, ciphers, curves, parameters, protocols ------------------------------------


@pytest.mark.parametrize("method", ["TLSv1_2", "TLSv1_3", "TLSv1-TLSv1_2", "-TLSv1_3", "SSLv23"])
@pytest.mark.parametrize("kind", ["server", "client"])
def test_methods(
    meet: Connector, kind: str, method: str, version: str, root: Authority, site: Identity
) -> None:
    domain = of_server(site) if kind == "server" else of_client(root)
    peer = {"ca_list": root.pem} if kind == "server" else site.fields()
    domain = domain.replace(method=method)
    pair = meet(domain, version=version, **peer)
    if domain.parsed_method.allows({"TLSv1.2": 0x303, "TLSv1.3": 0x304}[version]):
        accepted(pair)
        assert pair.client.version == version
    else:
        assert pair.client_error is not None
        assert pair.server_error is not None


def test_a_range_from_tls_1_0_leaves_out_ssl_3(root: Authority) -> None:
    context = of_client(root, method="TLSv1-TLSv1_3").ssl_context()
    assert context.minimum_version == ssl.TLSVersion.MINIMUM_SUPPORTED
    assert context.options & ssl.OP_NO_SSLv3


def test_tls_1_0_alone_draws_pythons_warning(root: Authority) -> None:
    domain = of_client(root, method="TLSv1")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context = domain.ssl_context()
    assert context.maximum_version == 0x0301


@pytest.mark.parametrize("kind", ["server", "client"])
def test_ciphers(meet: Connector, kind: str, root: Authority, site: Identity) -> None:
    domain = of_server(site) if kind == "server" else of_client(root)
    peer = {"ca_list": root.pem} if kind == "server" else site.fields()
    domain = domain.replace(cipher_list="ECDHE+AES256:!SHA1:!SHA384:ECDHE-ECDSA-AES256-GCM-SHA384")
    pair = accepted(meet(domain, version="TLSv1.2", **peer))
    side = pair.server if kind == "server" else pair.client
    assert side.tls.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    pair = meet(domain, version="TLSv1.2", cipher_list="ECDHE-ECDSA-AES128-GCM-SHA256", **peer)
    assert pair.errors


def test_the_security_level_of_the_cipher_list_holds(site: Identity) -> None:
    context = of_server(site, cipher_list="DEFAULT:@SECLEVEL=3").ssl_context()
    assert context.security_level == 3


@pytest.mark.parametrize("kind", ["server", "client"])
@pytest.mark.parametrize("curve", ["secp384r1", "P-384"])
def test_curve(meet: Connector, version: str, kind: str, curve: str, root: Authority) -> None:
    site = root.issue("site", names=["dom1.test"], kind="rsa")
    domain = of_server(site) if kind == "server" else of_client(root)
    peer = {"ca_list": root.pem} if kind == "server" else site.fields()
    domain = domain.replace(ec_curve=curve, cipher_list="ECDHE+AESGCM")
    accepted(meet(domain, version=version, ec_curve="prime256v1:secp384r1", **peer))
    assert meet(domain, version=version, ec_curve="prime256v1", **peer).errors


def test_dh_params(meet: Connector, root: Authority, tmp_path: Path) -> None:
    pem, _ = dh_params()
    site = root.issue("site", names=["dom1.test"], kind="rsa")
    for source in (pem, write(tmp_path / "dh.pem", pem)):
        suite = "DHE-RSA-AES256-GCM-SHA384"
        domain = of_server(site, dh_params=source, cipher_list=suite)
        peer = {"ca_list": root.pem, "cipher_list": suite}
        pair = accepted(meet(domain, version="TLSv1.2", **peer))
        assert pair.server.tls.cipher()[0] == suite


@pytest.mark.parametrize("kind", ["server", "client"])
def test_alpn(meet: Connector, version: str, kind: str, root: Authority, site: Identity) -> None:
    domain = of_server(site) if kind == "server" else of_client(root)
    peer = {"ca_list": root.pem} if kind == "server" else site.fields()
    domain = domain.replace(alpn=("sip/2", "http/1.1"))
    pair = accepted(meet(domain, version=version, alpn=("http/1.1",), **peer))
    ours, theirs = (pair.client, pair.server) if kind == "server" else (pair.server, pair.client)
    assert ours.alpn == theirs.tls.selected_alpn_protocol() == "http/1.1"


def test_a_truncated_stream_is_no_clean_close(
    meet: Connector, version: str, root: Authority, site: Identity
) -> None:
    pair = accepted(meet(of_client(root), version=version, **site.fields()))
    pair.client._in.write_eof()
    with pytest.raises(ssl.SSLEOFError):
        pair.client.read()


def test_neither_renegotiation_nor_compression(root: Authority) -> None:
    context = of_client(root).ssl_context()
    for option in (ssl.OP_NO_RENEGOTIATION, ssl.OP_NO_COMPRESSION):
        assert context.options & option


# --- what ssl cannot do ------------------------------------------------------------------


UNSUPPORTED = [
    ("verify_depth", 2),
    ("min_rsa_bits", 3072),
    ("identity", "sip"),
    ("require_staple", True),
    ("peer_identity", "alice.test"),
    ("alpn", "größe"),
    *([] if hasattr(ssl.SSLContext, "set_groups") else [("ec_curve", "X25519:P-256")]),
    *(
        []
        if hasattr(ssl.SSLContext, "set_ciphersuites")
        else [("cipher_list", "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")]
    ),
]


@pytest.mark.parametrize(("parameter", "value"), UNSUPPORTED)
def test_what_ssl_cannot_do_is_refused_by_name(
    root: Authority, parameter: str, value: object
) -> None:
    domain = of_client(root, **{parameter: value})
    with pytest.raises(UnsupportedError, match=f"domain 'here': parameter '{parameter}': "):
        domain.ssl_context()


SERVER_ONLY = [
    ("ocsp_response", b"\x30\x00"),
    ("ticket_key_file", "x"),
    ("ticket_rotation", 60),
    ("client_eku", "client_or_server"),
]


@pytest.mark.parametrize(("parameter", "value"), SERVER_ONLY)
def test_what_ssl_cannot_do_for_servers(site: Identity, parameter: str, value: object) -> None:
    fields = site.fields() | {parameter: value}
    domain = Domain("here", "server", verify_cert=False, **fields)
    with pytest.raises(UnsupportedError, match=f"parameter '{parameter}': "):
        domain.ssl_context()


def test_trusted_certificates_of_openssl(root: Authority) -> None:
    """Those that may vouch for the domain's peers count; ssl cannot keep another from it."""

    def trusted(*rejected: str) -> bytes:
        usages = b"".join(map(bytes.fromhex, rejected))
        settings = b"\xa0" + bytes([len(usages)]) + usages if rejected else b""
        body = root.certificate.public_bytes(serialization.Encoding.DER)
        body += b"\x30" + bytes([len(settings)]) + settings
        label = b"TRUSTED CERTIFICATE-----\n"
        return b"-----BEGIN " + label + base64.encodebytes(body) + b"-----END " + label

    server_auth, client_auth = "06082b06010505070301", "06082b06010505070302"
    for pem in (trusted(), trusted(client_auth)):
        assert of_client(root, ca_list=pem).ssl_context().cert_store_stats()["x509_ca"] == 1
    for pem in (trusted(server_auth), root.pem + trusted(client_auth, server_auth)):
        with pytest.raises(UnsupportedError, match=r"'ca_list'.*restrict a CA"):
            of_client(root, ca_list=pem).ssl_context()


@pytest.mark.skipif(
    not hasattr(ssl.SSLContext, "set_ciphersuites"), reason="this Python cannot choose them"
)
def test_suites_of_tls_1_3(meet: Connector, root: Authority, site: Identity) -> None:
    domain = of_client(root, cipher_list="TLS_AES_128_GCM_SHA256")
    pair = accepted(meet(domain, version="TLSv1.3", **site.fields()))
    assert pair.client.tls.cipher()[0] == "TLS_AES_128_GCM_SHA256"


@pytest.mark.skipif(
    not hasattr(ssl.SSLContext, "set_groups"), reason="this Python takes one curve only"
)
def test_several_curves(meet: Connector, root: Authority, site: Identity) -> None:
    domain = of_client(root, ec_curve="X448:secp384r1")
    accepted(meet(domain, version="TLSv1.3", ec_curve="secp384r1", **site.fields()))


def test_both_ends_may_be_contexts(version: str, root: Authority, site: Identity) -> None:
    method = method_of(version)
    client = StdlibPeer(of_client(root, method=method).ssl_context(), server_name="dom1.test")
    server = StdlibPeer(of_server(site, method=method).ssl_context(), server_side=True)
    accepted(ConnectionPair(client, server))
    assert client.version == server.version == version
