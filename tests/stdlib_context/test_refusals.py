"""What a context cannot be made from: the message says domain, parameter and what is wrong."""

from __future__ import annotations

import os
import pty
import select
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.pki import Authority, Identity, dh_params, key_pem, write_ca_dir, write_crls
from tests.support.process import PATHS, TIMEOUT
from tlsmgm import ConfigError, Domain
from tlsmgm._domains.domain import Origin

GARBAGE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def refusal(kind: str, **fields: Any) -> ConfigError:
    """Return why a domain is refused; it says so at its place."""
    domain = Domain("here", kind, origin=Origin("tls.cfg", 7), **fields)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        domain.ssl_context()
    error = caught.value
    assert error.domain == "here"
    assert str(error).startswith(f"tls.cfg:7: domain 'here': parameter {error.parameter!r}: ")
    assert_no_key(error, fields)
    return error


def assert_no_key(error: BaseException, fields: dict[str, Any]) -> None:
    """Prove that no line of a key stands in an error or in what led to it."""
    key = fields.get("private_key", b"")
    lines = key.decode().splitlines()[4:-1] if isinstance(key, bytes) else []
    found: BaseException | None = error
    while found is not None:
        assert not any(line in repr(found) for line in lines)
        assert not any(line in str(found) for line in lines)
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def encrypted(site: Identity) -> bytes:
    return key_pem(site.key, b"open sesame")


def traditional(site: Identity) -> bytes:
    """The key in the older form, whose encryption stands in a header."""
    return site.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"open sesame"),
    )


def test_a_server_without_certificate() -> None:
    assert refusal("server").parameter == "certificate"


def test_a_certificate_without_key(site: Identity) -> None:
    error = refusal("client", certificate=site.fields()["certificate"])
    assert error.parameter == "private_key"


def test_a_foreign_key(site: Identity, user: Identity) -> None:
    error = refusal("server", **site.fields() | {"private_key": user.fields()["private_key"]})
    assert error.parameter == "private_key"
    assert "does not belong to the certificate" in error.reason
    assert error.hint


def test_a_chain_with_the_root_first(root: Authority, site: Identity) -> None:
    fields = site.fields()
    error = refusal("server", **fields | {"certificate": root.pem + fields["certificate"]})
    assert (error.parameter, "it issued" in (error.hint or "")) == ("private_key", True)
    assert "must come first" in (error.hint or "")


def test_a_key_of_another_kind(root: Authority, site: Identity) -> None:
    other = root.issue("other", kind="rsa").fields()["private_key"]
    error = refusal("server", **site.fields() | {"private_key": other})
    assert error.parameter == "private_key"
    assert "does not belong to the certificate" in error.reason


@pytest.mark.parametrize("form", [encrypted, traditional])
@pytest.mark.parametrize("passphrase", [None, "", "wrong", "x" * 5000])
def test_an_encrypted_key_without_its_passphrase(
    site: Identity, form: Any, passphrase: str | None
) -> None:
    fields = site.fields() | {"private_key": form(site), "private_key_passphrase": passphrase}
    error = refusal("server", **fields)
    assert error.parameter == "private_key"
    assert "passphrase" in error.reason
    if not passphrase:
        assert error.hint == "set private_key_passphrase"


ASKING = """
import os
os.open(sys.argv[1], os.O_RDWR)  # makes it the terminal of this session
from tlsmgm import ConfigError, Domain
try:
    Domain("here", sys.argv[2], **dict(zip(sys.argv[3::2], sys.argv[4::2]))).ssl_context()
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["private_key", "certificate", "ca_list", "ca_dir", "dh_params"])
def test_nobody_is_asked_at_a_terminal(
    root: Authority, site: Identity, tmp_path: Path, what: str
) -> None:
    fields = site.fields() | {"ca_list": root.pem, "dh_params": dh_params()[0]}
    fields[what] = traditional(site) if what == "private_key" else encrypted_text(fields, what)
    arguments = []
    for name, content in fields.items():
        path = tmp_path / name / "01234567.0"
        path.parent.mkdir()
        path.write_bytes(content)
        arguments += [name, str(path.parent if name == "ca_dir" else path)]
    ours, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import sys\nsys.path[:0] = {PATHS!r}\n{ASKING}",
                os.ttyname(terminal),
                "server",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            start_new_session=True,
        )
        asked = select.select([ours], [], [], 0)[0]
    finally:
        os.close(ours)
        os.close(terminal)
    assert not asked
    # Of a directory it is told, of a file it is an error.
    said, silent = (done.stderr, "") if what == "ca_dir" else (done.stdout, done.stderr)
    assert f"parameter '{what}': " in said
    words = {"private_key": "is encrypted", "ca_dir": "no readable CA"}.get(what, "headers")
    assert words in said
    assert silent == ""


def encrypted_text(fields: dict[str, bytes], what: str) -> bytes:
    """A PEM text that claims to be encrypted, as any may."""
    head, rest = fields.get(what, fields["certificate"]).split(b"\n", 1)
    header = b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,%s\n\n" % (b"0" * 32)
    return head + b"\n" + header + rest


@pytest.mark.parametrize("parameter", ["certificate", "private_key", "ca_list", "dh_params"])
@pytest.mark.parametrize("where", ["memory", "file", "no file", "folder"])
def test_unreadable_sources(site: Identity, tmp_path: Path, parameter: str, where: str) -> None:
    path = tmp_path / "source.pem"
    if where == "file":
        path.write_bytes(b"nothing\n")
    elif where == "folder":
        path.mkdir()
    value = GARBAGE.replace(b"CERTIFICATE", b"THING") if where == "memory" else str(path)
    error = refusal("server", **site.fields() | {parameter: value})
    assert error.parameter == parameter
    assert where == "memory" or str(path) in error.reason
    if where == "no file":
        assert "No such file" in error.reason


def test_a_broken_certificate_behind_a_good_one(root: Authority, site: Identity) -> None:
    chain = site.fields()["certificate"] + GARBAGE
    assert refusal("server", **site.fields() | {"certificate": chain}).parameter == "certificate"
    assert refusal("client", ca_list=root.pem + GARBAGE).parameter == "ca_list"


def test_a_weak_certificate_at_a_high_security_level(root: Authority, site: Identity) -> None:
    error = refusal("server", **site.fields(), cipher_list="DEFAULT:@SECLEVEL=5")
    assert error.parameter == "certificate"
    assert "too small" in error.reason


def test_directories_without_authorities_trust_nobody(
    root: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def told(folder: Path) -> str:
        caplog.clear()
        context = Domain("here", "client", ca_dir=folder).ssl_context()
        assert context.cert_store_stats()["x509_ca"] == 0
        assert context.verify_mode is ssl.CERT_REQUIRED
        return caplog.text

    assert "No such file or directory, so nobody is trusted" in told(tmp_path / "absent")
    (tmp_path / "ca.pem").write_bytes(root.pem)
    assert "run: openssl rehash" in told(tmp_path)
    (tmp_path / "01234567.0").write_bytes(GARBAGE)
    assert "no readable CA certificate" in told(tmp_path)


def test_what_a_directory_of_authorities_collects(
    root: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenSSL itself would not even look at it; so it is passed over, and that is told."""
    folder = Path(write_ca_dir(tmp_path / "cas", root))
    (folder / "00000000.0").symlink_to("gone")
    (folder / "01234567.0").write_bytes(GARBAGE)
    context = Domain("here", "client", ca_dir=folder).ssl_context()
    assert context.cert_store_stats()["x509_ca"] == 1
    assert [record.name for record in caplog.records] == ["tlsmgm.ssl_context"] * 2
    assert "00000000.0: it is a link to nothing" in caplog.text
    assert "01234567.0" in caplog.records[1].getMessage()


def test_directories_of_crls(root: Authority, tmp_path: Path) -> None:
    fields = {"ca_list": root.pem}
    missing = refusal("client", **fields, crl_dir=tmp_path / "absent")
    assert (missing.parameter, "No such file" in missing.reason) == ("crl_dir", True)
    broken = root.crl().replace(b"M", b"N")
    for content in ((), (b"nothing",), (root.pem,), (root.crl(), broken), (root.crl()[:200],)):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        error = refusal("client", **fields, crl_dir=write_crls(folder, *content))
        assert error.parameter == "crl_dir"
        is_list = any(b"X509 CRL" in item for item in content)
        said = f"{len(content) - 1}.crl.pem, CRL 1" if is_list else "no CRL in"
        assert said in error.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ECDHE+AESGCM:!aNUL", "aNUL"),
        ("NO-SUCH-SUITE", "NO-SUCH-SUITE"),
        ("TLS_NO_SUCH_SUITE", "TLS_NO_SUCH_SUITE"),
        ("!aNULL", "selects nothing"),
        ("AES128:DEFAULT", "DEFAULT"),
        ("SSLv2", "no cipher"),
    ],
)
def test_cipher_lists(root: Authority, text: str, reason: str) -> None:
    error = refusal("client", ca_list=root.pem, cipher_list=text)
    assert error.parameter == "cipher_list"
    assert reason in error.reason


def test_unknown_curves(root: Authority) -> None:
    error = refusal("client", ca_list=root.pem, ec_curve="no-such-curve")
    assert error.parameter == "ec_curve"
    assert "no-such-curve" in error.reason


def test_a_context_that_fails_leaves_no_descriptor_open(site: Identity) -> None:
    before = os.listdir("/proc/self/fd")
    refusal("server", **site.fields() | {"private_key": encrypted(site)})
    assert os.listdir("/proc/self/fd") == before
