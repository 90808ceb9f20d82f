"""``tlsmgm check`` looks into the files of each domain, and at who else can read them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.commands import Run
from tests.support.pki import (
    CLIENT_AUTH,
    SERVER_AUTH,
    Authority,
    Identity,
    dh_params,
    write_ca_dir,
    write_crls,
)

Finding = dict[str, Any]


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("root")


class Folder:
    """A folder with a script of one domain.

    Args:
        path: of the folder.
        run: runs a command.
    """

    def __init__(self, path: Path, run: Run, library: str) -> None:
        self.path = path
        self.library = library
        self._run = run

    def write(self, name: str, content: bytes) -> str:
        """Write a file that nobody else can read."""
        path = self.path / name
        path.write_bytes(content)
        path.chmod(0o600)
        return name

    def shown(self, identity: Identity) -> dict[str, str]:
        """Write a certificate and its key; return the parameters."""
        fields = identity.fields()
        return {name: self.write(f"{name}.pem", content) for name, content in fields.items()}

    def check(self, kind: str, *more: str, **values: object) -> list[Finding]:
        """Return what is found in a domain with these parameters."""
        lines = [f'loadmodule "tls_{self.library}.so"', "socket=tls:127.0.0.1:5061"]
        lines += [f'modparam("tls_mgm", "{kind}_domain", "a")']
        lines += [f'modparam("tls_mgm", "{name}", "[a]{text}")' for name, text in values.items()]
        return self._check("opensips.cfg", "\n".join(lines) + "\n", *more)

    def check_toml(self, kind: str, text: str) -> list[Finding]:
        """The same for a domain in TOML."""
        return self._check("tlsmgm.toml", f'library = "{self.library}"\n[{kind}.a]\n{text}')

    def _check(self, name: str, text: str, *more: str) -> list[Finding]:
        script = self.path / name
        script.write_text(text)
        command = ["check", "--config", str(script), "--library", self.library, "--json", *more]
        code, out, _ = self._run(*command)
        report = json.loads(out)
        assert code == (not report["ok"])
        found: list[Finding] = report["findings"]
        other = "no server domain to answer"
        return [item for item in found if other not in item["message"]]

    def server(self, *more: str, **values: object) -> list[Finding]:
        return self.check("server", *more, **({"verify_cert": 0} | values))

    def client(self, *more: str, **values: object) -> list[Finding]:
        return self.check("client", *more, **values)


@pytest.fixture
def folder(tmp_path: Path, run: Run, library: str) -> Folder:
    return Folder(tmp_path, run, library)


def messages(found: Iterable[Finding], check: str) -> list[tuple[str, str]]:
    """Severity and text of what a check has found; others must have found nothing."""
    found = list(found)
    assert {item["check"] for item in found} <= {check}, found
    return [(item["severity"], item["message"]) for item in found]


# What has expired.


def trusted(pem: bytes) -> bytes:
    """The certificate as OpenSSL writes it with trust settings."""
    command = ["openssl", "x509", "-trustout", "-addtrust", "serverAuth"]
    return subprocess.run(command, input=pem, capture_output=True, check=True).stdout


#: How the certificate is dressed, and the line on which it begins then.
DRESSES: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "plain": (lambda pem: pem, 1),
    "CRLF": (lambda pem: pem.replace(b"\n", b"\r\n"), 1),
    "byte order mark": (lambda pem: b"\xef\xbb\xbf" + pem, 1),
    "text before": (lambda pem: b"Z\xfcrich\nBag Attributes\n" + pem, 3),
    "commented out": (
        lambda pem: b"# -----BEGIN CERTIFICATE-----\n# MIIB\n# -----END CERTIFICATE-----\n" + pem,
        4,
    ),
    "X509 CERTIFICATE": (lambda pem: pem.replace(b" CERTIFICATE-", b" X509 CERTIFICATE-"), 1),
    "TRUSTED CERTIFICATE": (trusted, 1),
    "parameters before": (lambda pem: dh_params()[0] + pem, 1 + dh_params()[0].count(b"\n")),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_an_expired_certificate_in_any_dress(folder: Folder, root: Authority, dress: str) -> None:
    files = folder.shown(root.issue("old", days=(-40, -2)))
    path = folder.path / "certificate.pem"
    put_on, line = DRESSES[dress]
    path.write_bytes(put_on(path.read_bytes()))
    ((severity, text),) = messages(folder.server(**files), "expiry")
    assert (severity, "/CN=old" in text) == ("error", True)
    assert f"{path}, certificate 1 (line {line})" in text


def test_each_certificate_is_looked_at(folder: Folder, root: Authority, tmp_path: Path) -> None:
    old = Authority("old CA", root, days=(-40, -2))
    files = folder.shown(old.issue("leaf"))
    second = root.issue("second", kind="rsa", days=(-40, -2)).fields()
    for name, content in second.items():
        files[f"{name}2"] = folder.write(f"{name}2.pem", content)
    ca_list = folder.write("ca.pem", root.pem + old.pem)
    cas = write_ca_dir(tmp_path / "cas", root, old)
    toml = "".join(f'{name} = "{path}"\n' for name, path in files.items())
    found = folder.check_toml("server", f'verify_cert = false\nca_list = "{ca_list}"\n{toml}')
    told = messages(found, "expiry")
    assert [severity for severity, _ in told] == ["error", "error", "warning"]
    for (_, text), subject, place in zip(
        told,
        ("chain certificate /CN=old CA", "certificate /CN=second", "CA /CN=old CA"),
        (
            "certificate.pem, certificate 2",
            "certificate2.pem, certificate 1",
            "ca.pem, certificate 2",
        ),
        strict=True,
    ):
        assert subject in text
        assert place in text
    ((severity, text),) = messages(folder.client(ca_dir=cas), "expiry")
    assert (severity, "CA /CN=old CA" in text, cas in text) == ("warning", True, True)


@pytest.mark.parametrize(
    ("lifetime", "age", "more", "is_told"),
    [
        (90, 1, (), False),
        (90, 59, (), False),
        (90, 70, (), True),
        (45, 14, (), False),
        (45, 31, (), True),
        (6, 1, (), False),
        (6, 5, (), True),
        (365, 300, (), False),
        (365, 340, (), True),
        (90, 1, ("--days", "100"), True),
        (6, 5, ("--days", "0"), False),
    ],
)
def test_how_early_is_told_of_the_end(
    folder: Folder, root: Authority, lifetime: int, age: int, more: tuple[str, ...], is_told: bool
) -> None:
    """Who renews does it when a third is left; a short lifetime is no finding by itself."""
    files = folder.shown(root.issue("leaf", days=(-age, lifetime - age)))
    found = messages(folder.server(*more, **files), "expiry")
    assert [severity for severity, _ in found] == ["warning"] * is_told


# For whom it is.


@pytest.mark.parametrize(
    ("kind", "usage", "words"),
    [
        ("server", (), None),
        ("server", (SERVER_AUTH,), None),
        ("server", (SERVER_AUTH, CLIENT_AUTH), None),
        ("server", (CLIENT_AUTH,), "is not for servers"),
        ("client", (), None),
        ("client", (CLIENT_AUTH,), None),
        ("client", (SERVER_AUTH, CLIENT_AUTH), None),
        ("client", (SERVER_AUTH,), "is for servers only"),
    ],
)
def test_certificates_for_the_other_side(
    folder: Folder, root: Authority, kind: str, usage: tuple[Any, ...], words: str | None
) -> None:
    files = folder.shown(root.issue("leaf", usage=usage))
    found = messages(folder.check(kind, **files, verify_cert=0), "usage")
    assert [severity for severity, _ in found] == ["warning"] * (words is not None)
    assert words is None or words in found[0][1]


# Lists of revoked certificates.


def test_crls_in_force(folder: Folder, root: Authority, tmp_path: Path) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(), root.crl(days=(-40, -2)))
    ca_list = folder.write("ca.pem", root.pem)
    assert folder.client(ca_list=ca_list, crl_dir=crls) == []


@pytest.mark.parametrize(
    ("days", "words"), [((-40, -2), "ended on"), ((2, 40), "is not in force before")]
)
@pytest.mark.parametrize("is_der", [False, True])
def test_crls_out_of_force(
    folder: Folder,
    root: Authority,
    tmp_path: Path,
    days: tuple[int, int],
    words: str,
    is_der: bool,
) -> None:
    """Every peer is refused; or, if another CA has a good list, those of this CA are."""
    other = Authority("other")
    crls = Path(write_crls(tmp_path / "crls", root.crl(days=days)))
    path = crls / "0.crl.pem"
    if is_der:
        command = ["openssl", "crl", "-outform", "DER"]
        done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True)
        path.write_bytes(done.stdout)
    ca_list = folder.write("ca.pem", root.pem + other.pem)
    ((severity, text),) = messages(folder.client(ca_list=ca_list, crl_dir=crls), "crl")
    assert (severity, words in text, str(path) in text) == ("error", True, True)
    assert "the CRL of /CN=root" in text
    (crls / "other").write_bytes(other.crl())
    ((severity, text),) = messages(folder.client(ca_list=ca_list, crl_dir=crls), "crl")
    assert (severity, words in text) == ("warning", True)
    assert folder.client(ca_list=ca_list, crl_dir=crls, verify_cert=0) == []


@pytest.mark.parametrize(
    ("extension", "words"),
    [
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), "unknown kind"),
        (
            x509.IssuingDistributionPoint(None, None, False, False, None, True, False),
            "an indirect CRL",
        ),
        (
            x509.IssuingDistributionPoint(
                None, None, False, False, frozenset([x509.ReasonFlags.key_compromise]), False, False
            ),
            "some reasons only",
        ),
        (
            x509.IssuingDistributionPoint(None, None, False, False, None, False, True),
            "attribute certificates",
        ),
    ],
)
def test_crls_that_speak_for_nobody(
    folder: Folder, root: Authority, tmp_path: Path, extension: x509.ExtensionType, words: str
) -> None:
    plain = x509.load_pem_x509_crl(root.crl())
    assert plain.next_update_utc is not None
    builder = x509.CertificateRevocationListBuilder(
        plain.issuer, plain.last_update_utc, plain.next_update_utc
    )
    made = builder.add_extension(extension, critical=True).sign(root.key, hashes.SHA256())
    crls = Path(write_crls(tmp_path / "crls", made.public_bytes(Encoding.PEM)))
    ca_list = folder.write("ca.pem", root.pem)
    ((severity, text),) = messages(folder.client(ca_list=ca_list, crl_dir=crls), "crl")
    assert (severity, words in text, "the CRL of /CN=root" in text) == ("error", True, True)
    (crls / "plain.pem").write_bytes(root.crl())
    assert folder.client(ca_list=ca_list, crl_dir=crls) == []


def test_crls_of_strangers_alone(folder: Folder, root: Authority, tmp_path: Path) -> None:
    crls = write_crls(tmp_path / "crls", Authority("root").crl(), Authority("other").crl())
    # Of one name, but of another key: authorityKeyIdentifier is not there to tell, so it may be.
    ca_list = folder.write("ca.pem", Authority("mine").pem)
    ((severity, text),) = messages(folder.client(ca_list=ca_list, crl_dir=crls), "crl")
    assert (severity, "no CRL in" in text, crls in text) == ("warning", True, True)
    ca_list = folder.write("ca.pem", Authority("mine").pem + root.pem)
    assert folder.client(ca_list=ca_list, crl_dir=crls) == []


def test_crls_of_the_whole_chain(folder: Folder, root: Authority, tmp_path: Path) -> None:
    """With crl_check_all a list is wanted of each CA, and of the one that has signed it."""
    middle = root.below("middle")
    crls = Path(write_crls(tmp_path / "crls", middle.crl()))
    both, top = (folder.write("ca.pem", middle.pem + root.pem), folder.write("top.pem", root.pem))

    def found(ca_list: str, check_all: int = 1) -> list[tuple[str, str]]:
        values = {"ca_list": ca_list, "crl_dir": str(crls), "crl_check_all": check_all}
        return messages(folder.client(**values), "crl")

    ((severity, text),) = found(both)
    assert (severity, "by /CN=root" in text, "/CN=middle" in text) == ("warning", True, True)
    ((severity, text),) = found(top)
    assert (severity, "everybody is refused" in text) == ("error", True)
    assert found(both, 0) == []
    (crls / "root.crl.pem").write_bytes(root.crl())
    assert found(both) == found(top) == []


def test_a_crl_that_is_damaged(folder: Folder, root: Authority, tmp_path: Path) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(), root.crl()[:200])
    ca_list = folder.write("ca.pem", root.pem)
    ((severity, text),) = messages(folder.client(ca_list=ca_list, crl_dir=crls), "load")
    assert (severity, "1.crl.pem, CRL 1 (line 1)" in text) == ("error", True)


# What is used in part, what does nothing.


def test_what_is_passed_over_is_told_once(
    folder: Folder, root: Authority, tmp_path: Path, run: Run
) -> None:
    cas = Path(write_ca_dir(tmp_path / "cas", root))
    (cas / "01234567.0").symlink_to("gone")
    ((severity, text),) = messages(folder.client(ca_dir=cas), "load")
    assert (severity, "01234567.0: it is a link to nothing" in text) == ("warning", True)
    out = run("check", "--config", str(tmp_path / "opensips.cfg"))[1]
    assert out.count("link to nothing") == 1


def test_a_version_that_nobody_can_speak(folder: Folder, root: Authority) -> None:
    files = folder.shown(root.issue("leaf", kind="rsa"))
    found = folder.server(**files, tls_method="TLSv1")
    if folder.library == "wolfssl":
        assert "wolfSSL has no TLS below 1.2" in messages(found, "load")[0][1]
        return
    ((severity, text),) = messages(found, "version")
    assert (severity, "nobody can connect: OpenSSL does TLSv1 at" in text) == ("error", True)
    for method, ciphers in (
        ("TLSv1", "DEFAULT:@SECLEVEL=0"),
        ("TLSv1", "@SECLEVEL=2:ALL:@SECLEVEL=0"),
        ("TLSv1-TLSv1_2", "DEFAULT"),
    ):
        assert folder.server(**files, tls_method=method, ciphers_list=ciphers) == []


def test_the_last_security_level_counts(folder: Folder, root: Authority) -> None:
    files = folder.shown(root.issue("leaf", kind="rsa"))
    ciphers = "ALL:@SECLEVEL=0:@SECLEVEL=1"
    found = folder.server(**files, tls_method="TLSv1", ciphers_list=ciphers)
    if folder.library == "openssl":
        ((severity, text),) = messages(found, "version")
        assert (severity, "and cipher_list ends at 1" in text) == ("error", True)


def test_suites_that_begin_with_another_version(folder: Folder, root: Authority) -> None:
    files = folder.shown(root.issue("leaf", kind="rsa"))
    ciphers = "ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"
    found = folder.server(**files, tls_method="TLSv1", ciphers_list=ciphers)
    if folder.library == "openssl":
        ((severity, text),) = messages(found, "version")
        assert (severity, "begin with TLS 1.2, and tls_method is TLSv1" in text) == ("error", True)
    assert folder.server(**files, tls_method="TLSv1_2", ciphers_list=ciphers) == []


@pytest.mark.parametrize(("kind", "other"), [("rsa", "ECDSA"), ("ec", "RSA"), ("ed25519", "RSA")])
def test_suites_for_another_key(folder: Folder, root: Authority, kind: str, other: str) -> None:
    files = folder.shown(root.issue("leaf", kind=kind))
    ciphers = f"ECDHE-{other}-AES128-GCM-SHA256"
    found = folder.server(**files, tls_method="TLSv1_2", ciphers_list=ciphers)
    ((severity, text),) = messages(found, "version")
    assert (severity, f"are for {other} certificates" in text) == ("error", True)
    assert folder.server(**files, tls_method="TLSv1_2-", ciphers_list=ciphers) == []  # by TLS 1.3
    both = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"
    assert folder.server(**files, tls_method="TLSv1_2", ciphers_list=both) == []


# Files that do not go together.


def test_a_chain_with_the_root_first(folder: Folder, root: Authority) -> None:
    identity = root.issue("leaf")
    files = folder.shown(identity)
    for order, words in (
        (root.pem + identity.fields()["certificate"], "it issued /CN=leaf, which stands behind"),
        (root.issue("b").fields()["certificate"] + root.pem, "certificate must come first in the"),
        (root.issue("b").fields()["certificate"], "give the key for which the certificate was"),
    ):
        folder.write("certificate.pem", order)
        ((severity, text),) = messages(folder.server(**files), "load")
        assert severity == "error"
        assert "private_key: the key does not belong to the certificate (the first" in text
        assert words in text
        assert "certificate.pem, certificate 1 (line 1)" in text
        assert "private_key.pem" in text


@pytest.mark.parametrize("held", ["nothing", "an empty file", "others", "missing", "a file"])
def test_a_directory_without_crls(
    folder: Folder, root: Authority, tmp_path: Path, held: str
) -> None:
    files = folder.shown(root.issue("leaf"))
    ca_list = folder.write("ca.pem", root.pem)
    crls = tmp_path / "crls"
    words = {
        "nothing": "(there are no files in it; put",
        "an empty file": "(1.crl there is empty; put",
        "others": "(a, b, c and 1 more there hold none; put",
        "missing": "(crl_dir is a directory",
        "a file": "(crl_dir is a directory",
    }[held]
    if held == "a file":
        crls.write_bytes(root.crl())
    elif held != "missing":
        crls.mkdir()
    if held == "an empty file":
        (crls / "1.crl").touch()
    for name in "abcd" if held == "others" else "":
        (crls / name).write_text("no CRL")
    found = folder.server(**files, verify_cert=1, ca_list=ca_list, crl_dir=crls)
    ((severity, text),) = messages(found, "load")
    assert (severity, words in text) == ("error", True), text


# Who else can read it.


def test_a_configuration_with_keys_in_it(
    tmp_path: Path, run: Run, root: Authority, library: str
) -> None:
    path = tmp_path / "tlsmgm.toml"
    fields = root.issue("leaf").fields()
    pems = {name: content.decode() for name, content in fields.items()}
    key = tmp_path / "key.pem"
    key.write_text(pems["private_key"])
    key.chmod(0o600)

    def told(text: str, mode: int) -> list[str]:
        path.write_text(f'library = "{library}"\n[server.a]\nverify_cert = false\n{text}\n')
        path.chmod(mode)
        report = json.loads(run("check", "--config", str(path), "--json")[1])
        return [item["message"] for item in report["findings"] if item["check"] == "key-file"]

    shown = f"certificate = '''{pems['certificate']}'''"
    inline = f"{shown}\nprivate_key = '''{pems['private_key']}'''"
    (text,) = told(inline, 0o644)
    assert f"with its secrets, {path} is open to group or others (mode 0644)" in text
    assert told(inline, 0o600) == []
    assert told(f'{shown}\nprivate_key = "key.pem"', 0o644) == []
    (text,) = told(f'{shown}\nprivate_key = "key.pem"\nprivate_key_passphrase = "x"', 0o640)
    assert "with its secrets" in text


def test_a_database_that_others_can_read(tmp_path: Path, run: Run, root: Authority) -> None:
    pytest.importorskip("sqlalchemy")
    path, script = tmp_path / "x.db", tmp_path / "opensips.cfg"
    assert run("db", "init", "--url", f"sqlite:///{path}")[0] == 0
    script.write_text(f'modparam("tls_mgm", "db_url", "sqlite://{path}")\n')

    def told() -> list[str]:
        report = json.loads(run("check", "--config", str(script), "--json")[1])
        return [item["message"] for item in report["findings"] if item["check"] == "key-file"]

    assert told() == []
    path.chmod(0o644)
    (text,) = told()
    assert f"database {path} is open to group or others (mode 0644)" in text


def test_what_is_public_may_be_read(folder: Folder, root: Authority) -> None:
    files = folder.shown(root.issue("leaf"))
    (folder.path / "certificate.pem").chmod(0o644)
    assert folder.server(**files) == []


@pytest.mark.parametrize(
    ("more", "is_default"),
    [
        ("", True),
        ('modparam("tls_mgm", "certificate", "[a]tls/cert.pem")\n', False),
        ('modparam("tls_mgm", "certificate", "tls/cert.pem")\n', False),
    ],
)
def test_a_certificate_that_nobody_has_named(
    tmp_path: Path, run: Run, more: str, is_default: bool
) -> None:
    script = tmp_path / "opensips.cfg"
    head = 'loadmodule "tls_openssl.so"\nmodparam("tls_mgm", "server_domain", "a")\n'
    script.write_text(head + 'modparam("tls_mgm", "private_key", "[a]a.key")\n' + more)
    out = run("check", "--config", str(script))[1]
    assert f"certificate: cannot open {tmp_path}/tls/cert.pem: No such file" in out
    assert ("nothing is set, so this is the default; set certificate" in out) == is_default
