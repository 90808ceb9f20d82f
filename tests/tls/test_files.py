"""Files as people have them: dressed, joined, damaged, or of the wrong kind."""

from __future__ import annotations

import base64
import datetime
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtensionOID, NameOID

from tests.support import der
from tests.support.der import BIT_STRING, COMMON_NAME, SEQUENCE, entry, name, oid, tlv
from tests.support.libraries import release_of
from tests.support.managers import manager_of
from tests.support.pairs import managers
from tests.support.pki import (
    Authority,
    Identity,
    certificate_pem,
    dh_params,
    key_pem,
    write_ca_dir,
    write_crls,
)
from tlsmgm import ConfigError, Domain, ProtocolError, TLSManager, VerificationError

CERTIFICATE = "-----BEGIN CERTIFICATE-----"
DAY = datetime.timedelta(days=1)


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    """Run the program ``openssl``, which writes many of these files in the field."""
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(text: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----\n"
    return [block + end for block in text.split(end)[:-1]]


def each(text: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return b"".join(change(block) for block in blocks(text))


def in_lines(block: bytes, width: int) -> bytes:
    body = base64.b64encode(x509.load_pem_x509_certificate(block).public_bytes(Encoding.DER))
    lines = [body[at : at + width] for at in range(0, len(body), width)]
    return b"\n".join([CERTIFICATE.encode(), *lines, b"-----END CERTIFICATE-----\n"])


def commented(text: bytes) -> bytes:
    return b"".join(b"# " + line + b"\n" for line in text.splitlines())


DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "no line end at the end": lambda text: text.rstrip(),
    "blanks at line ends": lambda text: text.replace(b"\n", b" \t\n"),
    "openssl x509 -text": lambda text: each(text, lambda b: openssl("x509", "-text", data=b)),
    "Bag Attributes": lambda text: each(
        text, lambda b: b"Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n\n" + b
    ),
    "comments between": lambda text: each(text, lambda b: b"# - a CA -\n" + b + b"\n# end\n"),
    "commented out first": lambda text: commented(blocks(text)[0]) + text,
    "one line": lambda text: each(text, lambda b: in_lines(b, 100_000)),
    "76 columns": lambda text: each(text, lambda b: in_lines(b, 76)),
    "X509 CERTIFICATE": lambda text: text.replace(b" CERTIFICATE", b" X509 CERTIFICATE"),
    "TRUSTED CERTIFICATE": lambda text: each(
        text, lambda b: openssl("x509", "-trustout", "-setalias", "our own", data=b)
    ),
    "joined without line ends": lambda text: each(text, lambda b: b.rstrip()),
    "keys and parameters between": lambda text: each(
        text, lambda b: openssl("ecparam", "-name", "prime256v1") + b + dh_params()[0]
    ),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_chain_is_shown_whole(
    library: str, client_library: str, root: Authority, deep_site: Identity, dress: str
) -> None:
    text = DRESSES[dress](certificate_pem(deep_site.leaf, *deep_site.issuers))
    server = deep_site.fields() | {"certificate": text}
    pair = managers(library, client_library, server=server, client={"ca_list": root.pem}).connect()
    pair.echo()
    assert [item.der for item in pair.client.peer_chain] == [
        item.public_bytes(Encoding.DER) for item in (deep_site.leaf, *deep_site.issuers)
    ]


@pytest.mark.parametrize("dress", DRESSES)
def test_all_of_ca_list_counts(
    library: str, root: Authority, site: Identity, dress: str, version: str
) -> None:
    for others in ([root, Authority("other")], [Authority("other"), root]):
        text = DRESSES[dress](b"".join(one.pem for one in others))
        client = {"ca_list": text}
        managers(library, library, version, server=site.fields(), client=client).connect().echo()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda block: block[:200],
    "without END": lambda block: block[: block.index(b"-----END")],
    "without BEGIN": lambda block: block.split(b"\n", 1)[1],
    "a character": lambda block: block[:100] + b"*" + block[101:],
    "a lost letter": lambda block: block[:100] + block[101:],
    "END of another": lambda block: block.replace(b"END CERT", b"END X509 CERT"),
    "text inside": lambda block: (
        CERTIFICATE.encode()
        + b"\n"
        + base64.b64encode(b"not a certificate")
        + b"\n-----END CERTIFICATE-----\n"
    ),
    "BEGIN cut": lambda block: block.replace(b"CERTIFICATE-----\n", b"CERTIFI\n", 1),
}


def refused(library: str, parameter: str, **fields: Any) -> ConfigError:
    kind = fields.pop("kind", "server")
    with pytest.raises(ConfigError) as caught:
        manager_of(library, Domain(name="dom1", kind=kind, verify_cert=False, **fields))
    assert caught.value.parameter == parameter
    return caught.value


@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "middle", "last"])
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("parameter", ["certificate", "ca_list"])
def test_damage_anywhere_is_refused_with_its_place(
    library: str, root: Authority, tmp_path: Path, parameter: str, damage: str, position: int
) -> None:
    leaf = root.below("one", "two").issue("leaf", names=["dom1.test"])
    items = [certificate_pem(one) for one in (leaf.leaf, *leaf.issuers)]
    line = 1 + b"".join(items[:position]).count(b"\n")
    items[position] = DAMAGE[damage](items[position])
    path = tmp_path / "file.pem"
    path.write_bytes(b"".join(items))
    fields: dict[str, Any] = leaf.fields() | {parameter: str(path)}
    text = refused(library, parameter, **fields).reason
    assert text.startswith(f"{path}, ")
    assert f"certificate {position + 1} (line {line})" in text or "line " in text


WRONG: dict[str, tuple[Callable[[Identity], bytes], str, str]] = {
    "a key": (lambda who: key_pem(who.key), "certificate", "holds a private key and no certif"),
    "a certificate": (
        lambda who: certificate_pem(who.leaf),
        "private_key",
        "holds a certificate and no private key",
    ),
    "nothing": (lambda _: b"", "certificate", "is empty"),
    "no parameters": (lambda who: key_pem(who.key), "dh_params", "holds a private key and no Diff"),
    "DER": (lambda who: who.der, "certificate", "openssl x509 -inform DER"),
    "a key in DER": (
        lambda who: who.key.private_bytes(
            Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "private_key",
        "openssl pkey -inform DER",
    ),
    "PKCS#7": (
        lambda who: openssl(
            "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", data=certificate_pem(who.leaf)
        ),
        "certificate",
        "openssl pkcs7 -print_certs",
    ),
    "PKCS#12": (
        lambda who: pkcs12.serialize_key_and_certificates(
            b"x", who.key, who.leaf, None, serialization.BestAvailableEncryption(b"x")
        ),
        "certificate",
        "openssl pkcs12",
    ),
    "an OpenSSH key": (
        lambda who: who.key.private_bytes(
            Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ),
        "private_key",
        "ssh-keygen -p -m PKCS8",
    ),
    "UTF-16": (
        lambda who: certificate_pem(who.leaf).decode().encode("utf-16"),
        "certificate",
        "UTF-16",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_a_file_holds_instead_is_said(
    library: str, root: Authority, tmp_path: Path, what: str
) -> None:
    who = root.issue("leaf", names=["dom1.test"])
    make, parameter, words = WRONG[what]
    path = tmp_path / "file"
    path.write_bytes(make(who))
    text = refused(library, parameter, **(who.fields() | {parameter: str(path)})).reason
    assert str(path) in text
    assert words in text


def test_a_key_is_found_among_other_things(library: str, root: Authority) -> None:
    who = root.issue("leaf", names=["dom1.test"])
    traditional = who.key.private_bytes(
        Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    around = certificate_pem(who.leaf, root.certificate)
    for key in (key_pem(who.key), traditional):
        text = openssl("ecparam", "-name", "prime256v1") + around + key + dh_params()[0]
        for dress in ("plain", "CRLF", "BOM", "blanks at line ends"):
            fields = who.fields() | {"private_key": DRESSES[dress](text)}
            client = {"ca_list": root.pem}
            managers(library, library, server=fields, client=client).connect().echo()


SECRET = "correct horse"
ENCRYPTIONS = {
    "AES-256": (["-v2", "aes-256-cbc"], True),
    "AES-128, SHA-1": (["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"], True),
    "AES-256, many rounds": (["-v2", "aes-256-cbc", "-iter", "100000"], True),
    "AES-192": (["-v2", "aes-192-cbc"], False),
    "SHA-384": (["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"], False),
    "SHA-512": (["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"], False),
    "3DES": (["-v2", "des3"], False),
    "scrypt": (["-scrypt", "-scrypt_N", "1024"], False),
    "PBES1": (["-v1", "PBE-SHA1-3DES"], False),
}


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_encrypted_keys_open_or_it_is_said_what_to_run(
    library: str, root: Authority, encryption: str, kind: str
) -> None:
    who = root.issue("leaf", names=["dom1.test"], kind=kind)
    arguments, everywhere = ENCRYPTIONS[encryption]
    make = ("pkcs8", "-topk8", *arguments, "-passout", f"pass:{SECRET}")
    key = openssl(*make, data=key_pem(who.key))
    fields = who.fields() | {"private_key": key, "private_key_passphrase": SECRET}
    if everywhere or library == "openssl":
        managers(library, library, server=fields, client={"ca_list": root.pem}).connect().echo()
        wrong = refused(library, "private_key", **(fields | {"private_key_passphrase": "wrong"}))
        assert "pass phrase is wrong or missing" in wrong.reason
        assert "wrong" not in wrong.reason.replace("is wrong", "")
        return
    assert (
        "openssl pkey -in OLD -aes256 -out NEW" in refused(library, "private_key", **fields).reason
    )


@pytest.mark.parametrize(
    ("cipher", "everywhere"), [("-aes256", True), ("-aes192", True), ("-des3", False)]
)
def test_encrypted_keys_in_the_old_form(
    library: str, root: Authority, cipher: str, everywhere: bool
) -> None:
    who = root.issue("leaf", names=["dom1.test"], kind="rsa")
    make = ("rsa", "-traditional", cipher, "-passout", f"pass:{SECRET}")
    key = openssl(*make, data=key_pem(who.key))
    assert b"Proc-Type: 4,ENCRYPTED" in key
    for text in (key, key.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf# old\n" + key):
        fields = who.fields() | {"private_key": text, "private_key_passphrase": SECRET}
        if everywhere or library == "openssl":
            managers(library, library, server=fields, client={"ca_list": root.pem}).connect().echo()
        else:
            assert "openssl pkey -in OLD" in refused(library, "private_key", **fields).reason


# CAs.


def test_trust_settings_are_obeyed(library: str, root: Authority, site: Identity) -> None:
    for setting, reason in (
        ("-addtrust=serverAuth", None),
        ("-addreject=clientAuth", None),
        ("-addreject=serverAuth", "unknown_ca"),
        ("-addtrust=emailProtection", "unknown_ca"),
    ):
        name, purpose = setting.split("=")
        text = openssl("x509", "-trustout", name, purpose, data=root.pem)
        both = managers(library, library, server=site.fields(), client={"ca_list": text})
        if reason is None:
            both.connect().echo()
            continue
        pair = both.fail()
        assert isinstance(pair.client_error, VerificationError), setting
        assert pair.client_error.reason == reason


def test_ca_dir_passes_over_what_is_no_ca(
    library: str, root: Authority, site: Identity, tmp_path: Path
) -> None:
    path = Path(write_ca_dir(tmp_path / "cas", root))
    (path / "00673b5b.0").symlink_to("/nonexistent/ca.pem")
    (path / "0a1b2c3d.0").write_bytes(b"")
    (path / "0a1b2c3d.1").write_bytes(b"garbage\n")
    (path / "0a1b2c3d.2").mkdir()
    (path / "0a1b2c3d.3").write_bytes(root.certificate.public_bytes(Encoding.DER))
    both = managers(
        library, library, server=site.fields(), client={"ca_list": None, "ca_dir": str(path)}
    )
    both.connect().echo()
    told = " ".join(both.client.warnings)
    for file in ("00673b5b.0", "0a1b2c3d.0", "0a1b2c3d.1", "0a1b2c3d.3"):
        assert file in told


@pytest.mark.parametrize("what", ["missing", "a file", "empty", "not hashed"])
def test_a_ca_dir_without_any_ca_is_told_and_trusts_nobody(
    library: str, version: str, root: Authority, site: Identity, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "cas"
    if what == "a file":
        path.write_bytes(root.pem)
    elif what != "missing":
        path.mkdir()
    if what == "not hashed":
        (path / "root.pem").write_bytes(root.pem)
    client = {"ca_list": None, "ca_dir": str(path)}
    both = managers(library, library, version, server=site.fields(), client=client)
    (told,) = (text for text in both.client.warnings if "ca_dir" in text)
    assert str(path) in told
    assert ("openssl rehash" in told) == (what in {"empty", "not hashed"})
    assert ("so nobody is trusted by it" in told) == (what in {"missing", "a file"})
    pair = both.fail()
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "unknown_ca"


def odd_ca() -> bytes:
    """A CA whose name is no UTF-8, which OpenSSL wants of it, and our reader does not."""
    whole = Authority("not UTF-8").certificate.public_bytes(Encoding.DER)
    assert whole.count(b"not UTF-8") == 2
    return whole.replace(b"not UTF-8", b"not UTF\xff\xfe")


def test_a_ca_that_openssl_cannot_use_is_named_and_hides_nobody(
    root: Authority, site: Identity
) -> None:
    text = in_lines_of_der(odd_ca()) + root.pem
    client = {"ca_list": text}
    both = managers("openssl", "openssl", server=site.fields(), client=client)
    both.connect().echo()
    [told] = [text for text in both.client.warnings if "cannot use this CA" in text]
    assert "certificate 1 (line 1)" in told


def self_signed(key: Any, *extensions: x509.ExtensionType, critical: bool = False) -> bytes:
    """Return a CA with a key of its own kind, and with extensions of any contents."""
    digest = None if isinstance(key, ed448.Ed448PrivateKey) else hashes.SHA256()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd CA")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + 9 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, digest).public_bytes(Encoding.PEM)


UNUSABLE_KEYS: dict[str, Callable[[], Any]] = {
    "RSA of 4224 bits": lambda: rsa.generate_private_key(65537, 4224),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "Ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("kind", UNUSABLE_KEYS)
def test_a_ca_that_wolfssl_cannot_compute_with_is_named_and_hides_nobody(
    library: str, root: Authority, site: Identity, kind: str
) -> None:
    client = {"ca_list": self_signed(UNUSABLE_KEYS[kind]()) + root.pem}
    both = managers(library, library, server=site.fields(), client=client)
    both.connect().echo()
    told = [text for text in both.client.warnings if "this CA cannot be used" in text]
    if library == "openssl":
        assert told == []
    else:
        assert ["certificate 1 (line 1)" in text for text in told] == [True]


def test_a_ca_with_an_unreadable_extension_is_named_and_hides_nobody(
    library: str, root: Authority, site: Identity
) -> None:
    """It can be decoded, so the list is whole; but nobody can tell what it is for."""
    cut = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x03\x82\x05a")
    odd = self_signed(ec.generate_private_key(ec.SECP256R1()), cut)
    both = managers(library, library, server=site.fields(), client={"ca_list": odd + root.pem})
    both.connect().echo()
    [told] = [text for text in both.client.warnings if "this CA cannot be used" in text]
    assert "certificate 1 (line 1)" in told
    assert "subject alternative names" in told


FLAWS = {
    "of an unknown kind": x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"),
    "sign no certificates": x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    ),
    "cannot be read": x509.UnrecognizedExtension(ExtensionOID.KEY_USAGE, b"\3\1"),
}


@pytest.mark.parametrize("words", FLAWS)
def test_a_ca_that_vouches_for_nobody_is_named(
    library: str, root: Authority, site: Identity, words: str
) -> None:
    odd = self_signed(ec.generate_private_key(ec.SECP256R1()), FLAWS[words], critical=True)
    both = managers(library, library, server=site.fields(), client={"ca_list": root.pem + odd})
    both.connect().echo()
    [told] = [text for text in both.client.warnings if "this CA cannot be used" in text]
    assert "certificate 2 (line" in told
    assert words in told


def test_a_ca_whose_name_wolfssl_cannot_send(
    library: str, root: Authority, site: Identity, user: Identity
) -> None:
    """Clients are told no names then, and show what they have. wolfSSL's cannot read such names."""
    key = root.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    body = root.certificate.tbs_certificate_bytes
    odd_name = tlv(SEQUENCE, name(entry(COMMON_NAME, BIT_STRING, b"\0odd")))
    contents = body[body.index(b"\xa0\x03") :].replace(root.name.public_bytes(), odd_name)
    tbs = tlv(SEQUENCE, contents)
    algorithm = tlv(SEQUENCE, oid("1.2.840.10045.4.3.2"))
    signature = tlv(BIT_STRING, b"\0", key.sign(tbs, ec.ECDSA(hashes.SHA256())))
    odd = in_lines_of_der(tlv(SEQUENCE, tbs, algorithm, signature))
    rules = {"verify_cert": True, "require_cert": True, "ca_list": odd + root.pem}
    client = user.fields() | {"ca_list": root.pem}
    both = managers(library, "openssl", server=site.fields() | rules, client=client)
    both.connect().echo()
    told = [text for text in both.server.warnings if "cannot send the name" in text]
    assert ["certificate 1 (line 1)" in text for text in told] == [True] * (library == "wolfssl")


# CRLs.

BROKEN_CRLS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda text: text[:200],
    "without END": lambda text: text[: text.index(b"-----END")],
    "without BEGIN": lambda text: text.split(b"\n", 1)[1],
    "a character": lambda text: text[:80] + b"*" + text[81:],
    "cut DER": lambda text: x509.load_pem_x509_crl(text).public_bytes(Encoding.DER)[:-20],
    "DER cut short": lambda text: x509.load_pem_x509_crl(text).public_bytes(Encoding.DER)[:30],
    "DER and more": lambda text: x509.load_pem_x509_crl(text).public_bytes(Encoding.DER) + b"x",
}


@pytest.mark.parametrize("kind", BROKEN_CRLS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_broken_crl_beside_a_good_one_is_refused(
    library: str, root: Authority, site: Identity, tmp_path: Path, kind: str, order: int
) -> None:
    """The newest list did not arrive whole; without it a revoked peer would be accepted."""
    lists = [root.crl(), BROKEN_CRLS[kind](root.crl(site))][::order]
    crls = write_crls(tmp_path / "crls", *lists)
    error = refused(library, "crl_dir", kind="client", ca_list=root.pem, crl_dir=crls)
    assert f"{crls}/" in error.reason


@pytest.mark.parametrize("content", [b"", b"<html>login</html>\n"], ids=["empty", "HTML"])
def test_what_is_no_crl_is_told(
    library: str, root: Authority, site: Identity, tmp_path: Path, content: bytes
) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(), content)
    client = {"ca_list": root.pem, "crl_dir": crls}
    both = managers(library, library, server=site.fields(), client=client)
    both.connect().echo()
    assert any(f"{crls}/1.crl.pem" in text for text in both.client.warnings)


# Limits.


def test_names_of_cas_that_do_not_fit_are_left_out(
    library: str, client_library: str, version: str, root: Authority, site: Identity, user: Identity
) -> None:
    shape = Authority("x" * 60).certificate.public_bytes(Encoding.DER)
    others = b""
    for number in range(1200):
        changed = shape.replace(b"x" * 60, f"{number:060d}".encode())
        others += in_lines_of_der(changed)
    rules = {"verify_cert": True, "require_cert": True, "ca_list": others + root.pem}
    client = user.fields() | {"ca_list": root.pem}
    both = managers(library, client_library, version, server=site.fields() | rules, client=client)
    both.connect().echo()
    assert any("names of" in text for text in both.server.warnings)


def in_lines_of_der(data: bytes) -> bytes:
    body = base64.encodebytes(data)
    return CERTIFICATE.encode() + b"\n" + body + b"-----END CERTIFICATE-----\n"


OWN_KEYS: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "RSA-4096": (lambda: rsa.generate_private_key(65537, 4096), {"openssl", "wolfssl"}),
    "RSA-5120": (lambda: rsa.generate_private_key(65537, 5120), {"openssl"}),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), {"openssl", "wolfssl"}),
    "P-521": (lambda: ec.generate_private_key(ec.SECP521R1()), {"openssl", "wolfssl"}),
    "brainpool": (lambda: ec.generate_private_key(ec.BrainpoolP256R1()), {"openssl"}),
    "Ed448": (ed448.Ed448PrivateKey.generate, {"openssl"}),
}


@pytest.mark.parametrize("kind", OWN_KEYS)
def test_own_keys_are_served_or_refused_when_loading(
    library: str, root: Authority, kind: str
) -> None:
    make, libraries = OWN_KEYS[kind]
    if kind == "brainpool" and library == "openssl" and release_of("openssl") < (3, 2):
        pytest.skip("OpenSSL has brainpool's curves in TLS 1.3 from 3.2 on (RFC 8734)")
    key = make()
    shape = root.issue("leaf", names=["dom1.test"]).leaf
    builder = x509.CertificateBuilder().subject_name(shape.subject).issuer_name(shape.issuer)
    builder = builder.not_valid_before(shape.not_valid_before_utc)
    builder = builder.not_valid_after(shape.not_valid_after_utc).serial_number(4711)
    for extension in shape.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    signed = builder.public_key(key.public_key()).sign(root.key, hashes.SHA256())
    fields = {"certificate": certificate_pem(signed), "private_key": key_pem(key)}
    if library in libraries:
        client = {"ca_list": root.pem}
        managers(library, "openssl", "TLSv1.3", server=fields, client=client).connect().echo()
    else:
        assert "wolfSSL" in refused(library, "certificate", **fields).reason


def test_rsa_pss_keys(library: str, root: Authority, tmp_path: Path) -> None:
    """wolfSSL signs wrongly with them in TLS 1.2, and does not read those with parameters."""
    for parameters in (False, True):
        more = ["-pkeyopt", "rsa_pss_keygen_md:sha256"] if parameters else []
        key = openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", *more)
        path = tmp_path / "key.pem"
        path.write_bytes(key)
        shown = openssl(
            "req", "-x509", "-new", "-key", str(path), "-subj", "/CN=pss",
            "-addext", "subjectAltName=DNS:dom1.test",
        )  # fmt: skip
        fields = {"certificate": shown, "private_key": key}
        client = {"ca_list": shown}
        if library == "openssl":
            for version in ("TLSv1.2", "TLSv1.3"):
                managers(library, library, version, server=fields, client=client).connect().echo()
            continue
        words = "RSA-PSS keys with parameters" if parameters else "in TLS 1.3 only"
        assert words in refused(library, "certificate", **fields).reason
        if not parameters:
            managers(library, "openssl", "TLSv1.3", server=fields, client=client).connect().echo()


@pytest.mark.parametrize("size", [8_000, 30_000, 72_000])
def test_long_chains_of_our_own(library: str, version: str, root: Authority, size: int) -> None:
    names = [f"{number:05d}.sbc.carrier.example" for number in range(size // 31)]
    leaf = root.issue("leaf", names=["dom1.test", *names[:1000]])
    more = [Authority("padding", root).certificate for _ in range(3)]
    fields = leaf.fields() | {"certificate": certificate_pem(leaf.leaf, *more)}
    client = {"ca_list": root.pem}
    managers(library, "openssl", version, server=fields, client=client).connect().echo()


def test_chains_of_many_certificates(library: str, version: str, root: Authority) -> None:
    """wolfSSL has room for as many as it was built for, and would fail in each handshake."""
    leaf = root.issue("leaf", names=["dom1.test"])
    text = certificate_pem(leaf.leaf, *[root.certificate] * 39)
    fields = leaf.fields() | {"certificate": text}
    if library == "wolfssl":
        assert "are 40 certificates" in refused(library, "certificate", **fields).reason
        return
    client = {"ca_list": root.pem}
    managers(library, library, version, server=fields, client=client).connect().echo()


# Diffie-Hellman parameters.

CIPHER = "DHE-RSA-AES128-GCM-SHA256"


def dh_pem(prime: int, label: str = "DH PARAMETERS", factor: int | None = None) -> bytes:
    numbers = [prime, 2] + ([] if factor is None else [factor])
    data = der.tlv(der.SEQUENCE, *map(der.integer, numbers))
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


@pytest.mark.parametrize("form", ["PKCS#3", "X9.42", "-dsaparam", "behind other items"])
def test_dh_params_are_taken_in_every_form(library: str, root: Authority, form: str) -> None:
    who = root.issue("leaf", names=["dom1.test"], kind="rsa")
    text, prime = dh_params()
    number = int.from_bytes(prime, "big")
    if form == "X9.42":
        text = dh_pem(number, "X9.42 DH PARAMETERS", (number - 1) // 2)
    elif form == "-dsaparam":
        text = openssl("dhparam", "-dsaparam", "2048")
    elif form == "behind other items":
        text = certificate_pem(who.leaf) + key_pem(who.key) + b"# ours\n" + text
    fields = who.fields() | {"dh_params": text, "cipher_list": CIPHER}
    client = {"ca_list": root.pem, "cipher_list": CIPHER}
    pair = managers(library, "openssl", "TLSv1.2", server=fields, client=client).connect()
    pair.echo()


@pytest.mark.parametrize("bits", [1024, 1536, 2040])
@pytest.mark.parametrize("label", ["DH PARAMETERS", "X9.42 DH PARAMETERS"])
def test_small_groups_are_refused(library: str, root: Authority, bits: int, label: str) -> None:
    who = root.issue("leaf", names=["dom1.test"], kind="rsa")
    prime = (1 << bits) - 1  # no prime, but nobody asks
    text = dh_pem(prime, label, None if label == "DH PARAMETERS" else prime >> 1)
    error = refused(library, "dh_params", **(who.fields() | {"dh_params": text}))
    assert f"{bits} bits are too few" in error.reason


def test_groups_that_are_too_large_for_a_library(library: str, root: Authority) -> None:
    who = root.issue("leaf", names=["dom1.test"], kind="rsa")
    make = ("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe6144")
    fields = who.fields() | {"dh_params": openssl(*make)}
    if library == "openssl":
        manager_of(library, Domain(name="dom1", kind="server", verify_cert=False, **fields))
    else:
        assert "cannot use 6144 bits" in refused(library, "dh_params", **fields).reason


def test_a_lower_security_level_allows_smaller_groups(root: Authority) -> None:
    """Only OpenSSL's cipher lists can ask for one."""
    who = root.issue("leaf", names=["dom1.test"], kind="rsa")
    text = openssl("dhparam", "-dsaparam", "1024")
    fields = who.fields() | {"dh_params": text}
    manager = TLSManager("openssl")
    ciphers = f"{CIPHER}:@SECLEVEL=1"
    lower = Domain(name="a", kind="server", cipher_list=ciphers, verify_cert=False, **fields)
    manager.add_domains([lower])
    assert "bits are too few" in refused("openssl", "dh_params", **fields).reason


@pytest.mark.skipif(
    release_of("openssl") >= (4, 0),
    reason="OpenSSL from 4.0 on gives such a client a group of RFC 7919, not that of dh_params",
)
def test_a_client_takes_no_smaller_group(library: str, root: Authority) -> None:
    who = root.issue("leaf", names=["dom1.test"], kind="rsa")
    ciphers = f"{CIPHER}:@SECLEVEL=0"
    text = openssl("dhparam", "-dsaparam", "1024")
    server = who.fields() | {"dh_params": text, "cipher_list": ciphers}
    client = {"ca_list": root.pem, "cipher_list": CIPHER}
    pair = managers("openssl", library, "TLSv1.2", server=server, client=client).fail()
    assert isinstance(pair.client_error, ProtocolError)


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n",
        b"-----BEGIN DH PARAMETERS-----\nMAYC\n-----END DH PARAMETERS-----\n",
        dh_params()[0][:200],
        dh_params()[0].replace(b"END DH", b"END X9.42 DH"),
    ],
    ids=["empty", "not DER", "cut", "END of another"],
)
def test_damaged_dh_params_are_refused(library: str, site: Identity, text: bytes) -> None:
    error = refused(library, "dh_params", **(site.fields() | {"dh_params": text}))
    assert "Diffie-Hellman parameters 1 (line 1): " in error.reason
