"""Lists of revoked certificates: large ones, and new ones."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.support.managers import client_domain, method_of, server_domain
from tests.support.pairs import Managers, manager
from tests.support.pki import Authority, Identity
from tlsmgm import TLSManager, VerificationError

ENTRIES = 5000


def large_crl(root: Authority, *serials: int) -> bytes:
    """DER of a list with these and thousands of other numbers."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.name)
    builder = builder.last_update(now - day).next_update(now + 30 * day)
    for serial in (*range(1, ENTRIES), *serials):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - day)
        builder = builder.add_revoked_certificate(entry.build())
    made = builder.sign(root.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def gone(root: Authority) -> Identity:
    return root.issue("gone")


@pytest.fixture(scope="module")
def crl(root: Authority, gone: Identity) -> bytes:
    return large_crl(root, gone.leaf.serial_number)


def test_thousands_of_entries(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    user: Identity,
    gone: Identity,
    crl: bytes,
    tmp_path: Path,
) -> None:
    (tmp_path / "list").write_bytes(crl)
    method = {"method": method_of(version)}
    rules = {"verify_cert": True, "ca_list": root.pem, "crl_dir": tmp_path}
    server = manager(library, server_domain("dom1", **(site.fields() | rules | method)))
    for shown in (user, gone):
        fields = shown.fields() | {"ca_list": root.pem} | method
        both = Managers(server, manager(client_library, client_domain(**fields)))
        if shown is user:
            both.connect().echo()
        else:
            error = both.fail().server_error
            assert isinstance(error, VerificationError)
            assert error.reason == "revoked"


def test_a_reload_takes_new_lists_and_leaves_other_domains_alone(
    library: str, version: str, root: Authority, site: Identity, user: Identity, tmp_path: Path
) -> None:
    lists = tmp_path / "crls"
    lists.mkdir()
    (lists / "1.pem").write_bytes(root.crl())
    names = {"certificate": "cert.pem", "private_key": "key.pem"}
    for parameter, content in site.fields().items():
        (tmp_path / names[parameter]).write_bytes(content)
    (tmp_path / "ca.pem").write_bytes(root.pem)
    shown = 'certificate = "cert.pem"\nprivate_key = "key.pem"\nca_list = "ca.pem"\n'
    shown += f'method = "{method_of(version)}"\n'
    (tmp_path / "tlsmgm.toml").write_text(
        f'[server.dom1]\nmatch_sip_domain = "dom1.test"\n{shown}crl_dir = "crls"\n'
        f'[server.other]\nmatch_sip_domain = "other.test"\n{shown}'
    )
    server = TLSManager.from_toml(tmp_path / "tlsmgm.toml", library)
    fields = user.fields() | {"ca_list": root.pem, "method": method_of(version)}
    both = Managers(server, manager(library, client_domain(**fields)))
    before = both.connect()
    before.echo()
    contexts = {key: built.context for key, built in server._changes.snapshot.built.items()}
    (lists / "1.pem").write_bytes(root.crl(user))
    assert server.reload().changed == ("dom1",)
    after = {key: built.context for key, built in server._changes.snapshot.built.items()}
    assert after["server", "other"] is contexts["server", "other"]
    assert after["server", "dom1"] is not contexts["server", "dom1"]
    error = both.fail().server_error
    assert isinstance(error, VerificationError)
    assert error.reason == "revoked"
    before.echo()  # who is in stays in
