"""Whom a context trusts: what is read of its files, and what is told of the rest."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support import der
from tests.support.c_code import CCode
from tests.support.pki import Authority, certificate_pem, key_pem


@dataclass
class Read:
    """What came of a configuration."""

    status: str
    text: str
    parameter: str | None
    cas: list[tuple[bytes, str, str, str]] = field(default_factory=list)
    ca_list_count: int = 0
    crls: list[tuple[bytes, str, bool]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def sequence(*items: bytes) -> bytes:
    return der.tlv(der.SEQUENCE, *items)


def text_of(c: CCode, pointer: Any) -> str:
    return bytes(c.ffi.string(pointer)).decode()


def setting(c: CCode, value: int) -> str:
    name = c.ffi.string(c.ffi.cast("enum tlsmgm_trust_setting", value))
    return str(name).removeprefix("TLSMGM_TRUST_").lower()


def set_source(c: CCode, source: Any, value: Path | bytes | tuple[str, bytes]) -> list[Any]:
    """A path is read by the code under test; a pair is a file that was read before."""
    alive: list[Any] = []
    if isinstance(value, tuple):
        name, data = value
        alive.append(c.ffi.new("char[]", os.fsencode(name)))
        source.path = alive[-1]
        source.data, keep = c.bytes_in(data)
        alive.append(keep)
    elif isinstance(value, Path):
        alive.append(c.ffi.new("char[]", os.fsencode(value)))
        source.path = alive[-1]
    else:
        source.data, keep = c.bytes_in(value)
        alive.append(keep)
    return alive


def read(
    c: CCode,
    ca_list: Path | bytes | tuple[str, bytes] | None = None,
    ca_dir: Path | None = None,
    crl_dir: Path | None = None,
    *,
    without_deltas: bool = False,
) -> Read:
    config = c.ffi.new("struct tlsmgm_ctx_config *")
    alive: list[Any] = []
    told: list[tuple[str, str]] = []

    def warn(_argument: Any, parameter: Any, text: Any) -> None:
        told.append((text_of(c, parameter), text_of(c, text)))

    config.warn = callback = c.ffi.callback("tlsmgm_warn", warn)
    alive.append(callback)
    if ca_list is not None:
        alive += set_source(c, config.ca_list, ca_list)
    for name, path in (("ca_dir", ca_dir), ("crl_dir", crl_dir)):
        if path is not None:
            alive.append(c.ffi.new("char[]", os.fsencode(path)))
            getattr(config, name).path = alive[-1]
    items, error = c.ffi.new("struct tlsmgm_trust_items *"), c.error()
    status = c.lib.tlsmgm_trust_items_read(config, items, error)
    if without_deltas and status == c.lib.TLSMGM_STATUS_OK:
        status = c.lib.tlsmgm_trust_items_drop_deltas(items, config, error)
    parameter = None if error.parameter == c.ffi.NULL else text_of(c, error.parameter)
    found = Read(c.status_name(status), c.text(error), parameter, warnings=told)
    for i in range(items.ca_count):
        ca = items.cas[i]
        data = bytes(c.ffi.buffer(ca.der.data, ca.der.size))
        servers, clients = setting(c, ca.for_servers), setting(c, ca.for_clients)
        found.cas.append((data, text_of(c, ca.where), servers, clients))
    for i in range(items.crl_count):
        crl = items.crls[i]
        data = bytes(c.ffi.buffer(crl.der.data, crl.der.size))
        found.crls.append((data, text_of(c, crl.where), crl.is_delta))
    found.ca_list_count = items.ca_list_count
    if found.status != "OK":
        assert (items.ca_count, items.crl_count) == (0, 0)
    c.lib.tlsmgm_trust_items_free(items)
    return found


def names(found: Read) -> list[str]:
    texts = (x509.load_der_x509_certificate(ca[0]).subject for ca in found.cas)
    return [text.rfc4514_string().removeprefix("CN=") for text in texts]


@pytest.fixture(scope="module")
def roots() -> list[Authority]:
    return [Authority(name) for name in ("one", "two", "three")]


def pem_of(label: str, data: bytes) -> bytes:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def der_of(root: Authority) -> bytes:
    return root.certificate.public_bytes(Encoding.DER)


# ca_list.


def test_ca_list_is_read_in_order_with_places(
    c: CCode, roots: list[Authority], tmp_path: Path
) -> None:
    text = b"# CAs of ours\n" + b"\n# next\n".join(root.pem for root in roots)
    path = tmp_path / "ca.pem"
    path.write_bytes(text)
    found = read(c, path)
    assert (found.status, found.warnings, found.ca_list_count) == ("OK", [], 3)
    assert names(found) == ["one", "two", "three"]
    lines = [n for n, line in enumerate(text.splitlines(), 1) if b"BEGIN" in line]
    places = [f"{path}, certificate {n} (line {line})" for n, line in enumerate(lines, 1)]
    assert [ca[1] for ca in found.cas] == places
    before = read(c, (str(path), text))
    assert before == found
    assert [ca[1] for ca in read(c, text).cas] == [place.split(", ")[1] for place in places]


def test_keys_and_crls_in_ca_list_are_passed_over(c: CCode, roots: list[Authority]) -> None:
    one, two, _ = roots
    text = key_pem(one.key) + one.pem + one.crl() + pem_of("DH PARAMETERS", b"x") + two.pem
    found = read(c, text)
    assert (found.status, names(found), found.warnings) == ("OK", ["one", "two"], [])


def test_a_certificate_counts_once(c: CCode, roots: list[Authority], tmp_path: Path) -> None:
    one, two, _ = roots
    (tmp_path / "01234567.0").write_bytes(two.pem + one.pem)
    found = read(
        c, one.pem + one.pem + one.pem.replace(b"CERTIFICATE", b"X509 CERTIFICATE"), tmp_path
    )
    assert (names(found), found.ca_list_count) == (["one", "two"], 1)
    found = read(c, one.pem + two.pem, tmp_path)  # nothing new in the directory is no mistake
    assert (found.status, names(found), found.ca_list_count) == ("OK", ["one", "two"], 2)


def test_many_certificates(c: CCode) -> None:
    shape = Authority("many")
    items = [der_of(shape)[:-2] + n.to_bytes(2, "big") for n in range(2000)]
    text = b"".join(pem_of("CERTIFICATE", item) for item in items)
    found = read(c, text + text)
    assert [ca[0] for ca in found.cas] == items


def damaged(root: Authority) -> dict[str, bytes]:
    whole = der_of(root)
    return {
        "not DER": pem_of("CERTIFICATE", b"not a certificate at all"),
        "cut": pem_of("CERTIFICATE", whole[:-20]),
        "bytes behind": pem_of("CERTIFICATE", whole + b"\x05\x00"),
        "a CRL": pem_of(
            "CERTIFICATE", x509.load_pem_x509_crl(root.crl()).public_bytes(Encoding.DER)
        ),
        "a bit of its structure": pem_of(
            "CERTIFICATE", whole.replace(b"\x55\x04\x03", b"\x55\x04\x83")
        ),
        "base64": root.pem[:80] + b"*" + root.pem[81:],
        "no END": root.pem[: root.pem.index(b"-----END")],
        "empty": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "headers": root.pem.replace(b"ATE-----\n", b"ATE-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
        "settings": pem_of("TRUSTED CERTIFICATE", whole + b"\x30\x05\x02"),
        "settings and more": pem_of("TRUSTED CERTIFICATE", whole + b"\x30\x00\x05\x00"),
    }


KINDS = list(damaged(Authority("kinds")))


@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "middle", "last"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_decoded_in_ca_list_is_an_error(
    c: CCode, roots: list[Authority], kind: str, position: int
) -> None:
    blocks = [root.pem for root in roots]
    blocks[position] = damaged(roots[position])[kind]
    found = read(c, ("/etc/x/ca.pem", b"".join(blocks)))
    assert (found.status, found.parameter) == ("CONFIG", "ca_list")
    line = b"".join(blocks[:position]).count(b"\n") + 1
    assert found.text.startswith(f"/etc/x/ca.pem, certificate {position + 1} (line {line}): ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"hello\n", "holds no certificate in PEM"),
        (key_pem(Authority("key").key), "holds a private key and no certificate"),
        (Authority("crl").crl(), "holds a CRL and no certificate"),
        (der_of(Authority("der")), "is DER, not PEM"),
        (pem_of("PKCS7", b"x"), "holds a PKCS#7 block and no certificate (run: openssl pkcs7"),
        (Authority("u").pem.decode().encode("utf-16"), "is UTF-16 text"),
    ],
    ids=["empty", "text", "key", "CRL", "DER", "PKCS#7", "UTF-16"],
)
def test_a_ca_list_without_a_certificate(c: CCode, text: bytes, words: str) -> None:
    found = read(c, ("/etc/x/ca.pem", text))
    assert (found.status, found.parameter) == ("CONFIG", "ca_list")
    assert found.text.startswith(f"/etc/x/ca.pem {words}")


# Trust settings.

SERVER = der.oid("1.3.6.1.5.5.7.3.1")
CLIENT = der.oid("1.3.6.1.5.5.7.3.2")
EMAIL = der.oid("1.3.6.1.5.5.7.3.4")
ANY = der.oid("2.5.29.37.0")


def settings_der(trusted: bytes | None, rejected: bytes | None, more: bytes = b"") -> bytes:
    inner = b"" if trusted is None else sequence(trusted)
    inner += b"" if rejected is None else der.tlv(0xA0, rejected)
    return sequence(inner + more)


ALIAS = der.tlv(0x0C, b"our own")
SETTINGS = {
    "nothing": (b"", "neutral", "neutral"),
    "empty": (settings_der(None, None), "neutral", "neutral"),
    "a name": (settings_der(None, None, ALIAS + der.tlv(4, b"id")), "neutral", "neutral"),
    "trusted for both": (settings_der(SERVER + CLIENT, None, ALIAS), "trusted", "trusted"),
    "trusted for servers": (settings_der(SERVER, None), "trusted", "rejected"),
    "trusted for mail": (settings_der(EMAIL, None), "rejected", "rejected"),
    "trusted for any": (settings_der(ANY, None), "trusted", "trusted"),
    "trusted for nothing": (settings_der(b"", None), "rejected", "rejected"),
    "rejected for servers": (settings_der(None, SERVER), "rejected", "neutral"),
    "rejected for any": (settings_der(None, ANY), "rejected", "rejected"),
    "rejected for mail": (settings_der(None, EMAIL), "neutral", "neutral"),
    "rejected in spite of trust": (settings_der(ANY, CLIENT), "trusted", "rejected"),
}


@pytest.mark.parametrize(("settings", "servers", "clients"), SETTINGS.values(), ids=list(SETTINGS))
def test_trust_settings_are_those_of_openssl(
    c: CCode, roots: list[Authority], settings: bytes, servers: str, clients: str
) -> None:
    text = pem_of("TRUSTED CERTIFICATE", der_of(roots[0]) + settings)
    found = read(c, text)
    assert [(ca[0], *ca[2:]) for ca in found.cas] == [(der_of(roots[0]), servers, clients)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_settings_the_one_that_rejects_counts(
    c: CCode, roots: list[Authority], order: int
) -> None:
    settings = SETTINGS["rejected for servers"][0]
    both = [roots[0].pem, pem_of("TRUSTED CERTIFICATE", der_of(roots[0]) + settings)]
    found = read(c, b"".join(both[::order]))
    assert [ca[2:] for ca in found.cas] == [("rejected", "neutral")]


# ca_dir.


def test_ca_dir_takes_what_is_good_and_tells_the_rest(
    c: CCode, roots: list[Authority], tmp_path: Path
) -> None:
    one, two, three = roots
    (tmp_path / "00000001.0").write_bytes(one.pem)
    (tmp_path / "00000002.0").symlink_to(tmp_path / "gone")
    (tmp_path / "00000003.0").write_bytes(b"")
    (tmp_path / "00000004.0").write_bytes(b"not a certificate\n")
    (tmp_path / "00000005.0").write_bytes(der_of(two))
    (tmp_path / "00000006.0").mkdir()
    (tmp_path / "00000007.r0").write_bytes(one.crl())
    os.mkfifo(tmp_path / "00000008.0")
    (tmp_path / "00000009.0").write_bytes(two.pem + damaged(one)["base64"] + three.pem)
    (tmp_path / "0000000a.0").write_bytes(damaged(one)["cut"])
    (tmp_path / "gone.pem").symlink_to(tmp_path / "gone")
    found = read(c, ca_dir=tmp_path)
    assert (found.status, names(found), found.ca_list_count) == ("OK", ["one", "two", "three"], 0)
    assert {parameter for parameter, _ in found.warnings} == {"ca_dir"}
    expected = {
        "00000002.0": "cannot open",
        "00000003.0": "is empty",
        "00000004.0": "holds no certificate in PEM",
        "00000005.0": "is DER, not PEM",
        "00000009.0": ", certificate 2 (line ",
        "0000000a.0": ", certificate 1 (line 1): ",
    }
    assert len(found.warnings) == len(expected)
    for (name, words), (_, text) in zip(expected.items(), found.warnings, strict=True):
        assert text.startswith("passed over: ")
        assert name in text
        assert words in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_one_may_not_read_is_passed_over_in_ca_dir(
    c: CCode, roots: list[Authority], tmp_path: Path
) -> None:
    (tmp_path / "00000001.0").write_bytes(roots[0].pem)
    (tmp_path / "00000002.0").write_bytes(roots[1].pem)
    (tmp_path / "00000002.0").chmod(0)
    found = read(c, ca_dir=tmp_path)
    assert (names(found), len(found.warnings)) == (["one"], 1)


@pytest.mark.parametrize("what", ["missing", "empty", "no hashed name", "nothing good"])
def test_a_ca_dir_without_a_ca_is_told(
    c: CCode, roots: list[Authority], tmp_path: Path, what: str
) -> None:
    if what == "no hashed name":
        (tmp_path / "root.pem").write_bytes(roots[0].pem)
    elif what == "nothing good":
        (tmp_path / "00000001.0").write_bytes(damaged(roots[0])["cut"])
    found = read(c, roots[0].pem, tmp_path / "missing" if what == "missing" else tmp_path)
    if what == "missing":
        assert (found.status, found.parameter) == ("CONFIG", "ca_dir")
        return
    assert (found.status, names(found)) == ("OK", ["one"])
    parameter, text = found.warnings[-1]
    assert parameter == "ca_dir"
    assert ("rehash" in text) == (what in {"empty", "no hashed name"})


# crl_dir.


def crl_der(root: Authority) -> bytes:
    return x509.load_pem_x509_crl(root.crl(root)).public_bytes(Encoding.DER)


def delta(root: Authority) -> bytes:
    loaded = x509.load_pem_x509_crl(root.crl())
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.name)
    assert loaded.next_update_utc is not None
    builder = builder.last_update(loaded.last_update_utc).next_update(loaded.next_update_utc)
    builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
    return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_crls_are_read_in_both_forms(c: CCode, roots: list[Authority], tmp_path: Path) -> None:
    one, two, three = roots
    (tmp_path / "1.pem").write_bytes(b"# both\n" + one.crl(one) + two.crl() + one.pem)
    (tmp_path / "2.crl").write_bytes(crl_der(three))
    (tmp_path / "3.pem").write_bytes(b"\xef\xbb\xbf" + delta(one).replace(b"\n", b"\r\n"))
    (tmp_path / "4.r0").symlink_to(tmp_path / "2.crl")
    found = read(c, crl_dir=tmp_path)
    assert (found.status, found.warnings) == ("OK", [])
    assert [x509.load_der_x509_crl(data).issuer for data, _, _ in found.crls] == [
        root.name for root in (one, two, three, one)
    ]
    assert [is_delta for _, _, is_delta in found.crls] == [False, False, False, True]
    second = 3 + one.crl(one).count(b"\n") - 1
    assert [where for _, where, _ in found.crls] == [
        f"{tmp_path}/1.pem, CRL 1 (line 2)",
        f"{tmp_path}/1.pem, CRL 2 (line {second})",
        f"{tmp_path}/2.crl",
        f"{tmp_path}/3.pem, CRL 1 (line 1)",
    ]


def test_deltas_are_told_once_and_dropped(c: CCode, roots: list[Authority], tmp_path: Path) -> None:
    one = roots[0]
    (tmp_path / "1.pem").write_bytes(delta(one))
    (tmp_path / "2.r0").symlink_to(tmp_path / "1.pem")
    told = [("crl_dir", f"{tmp_path}/1.pem, CRL 1 (line 1): a delta CRL, which is not used")]
    alone = read(c, crl_dir=tmp_path, without_deltas=True)
    assert (alone.status, alone.parameter, alone.warnings) == ("CONFIG", "crl_dir", told)
    assert alone.text == f"there are delta CRLs only in {tmp_path}"
    (tmp_path / "3.crl").write_bytes(crl_der(one))
    both = read(c, crl_dir=tmp_path, without_deltas=True)
    assert (both.status, both.warnings) == ("OK", told)
    assert [where for _, where, _ in both.crls] == [f"{tmp_path}/3.crl"]
    assert read(c, without_deltas=True).status == "OK"


def broken_crls(root: Authority) -> dict[str, bytes]:
    text, data = root.crl(root), crl_der(root)
    cuts = {f"DER cut at {n}": data[:n] for n in (12, 20, 40, 100)}
    return cuts | {
        "DER without its last byte": data[:-1],
        "cut in the middle": text[: len(text) // 2],
        "cut in BEGIN": text[:15],
        "cut behind BEGIN": text[:25],
        "without END": text[: text.index(b"-----END")],
        "cut in END": text[:-8],
        "without BEGIN": text.split(b"\n", 1)[1],
        "BEGIN damaged": text.replace(b"-----BEGIN", b"-----BEG1N"),
        "BEGIN of another": text.replace(b"BEGIN X509 CRL", b"BEGIN CERTIFICATE"),
        "END of another": text.replace(b"END X509 CRL", b"END CERTIFICATE"),
        "indented": b"  " + text,
        "base64": text[:60] + b"*" + text[61:],
        "a letter lost": text[:60] + text[61:],
        "empty": b"-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n",
        "PEM of a cut list": pem_of("X509 CRL", data[:-9]),
        "PEM of a list and more": pem_of("X509 CRL", data + b"\x05\x00"),
        "PEM of a certificate": pem_of("X509 CRL", der_of(root)),
        "PEM of text": pem_of("X509 CRL", b"hello"),
        "UTF-16": text.decode().encode("utf-16"),
        "zeroes at its end": text[:-40] + bytes(40),
        "DER and more": data + b"\n",
        "two in DER": data + data,
        "DER with a wrong inside": data.replace(b"\x55\x04\x03", b"\x55\x04\x83"),
        "a second one broken": text + text[:80],
        "a first one broken": text[:80] + b"\n" + text,
        "behind a certificate": root.pem + text[:80],
        "joined to a certificate": root.pem.rstrip() + text[:80],
        "joined to a certificate, and cut": root.pem.rstrip() + text[:12],
    }


BROKEN = list(broken_crls(Authority("broken")))


@pytest.mark.parametrize("name", ["0.crl", "9.crl"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_crl_is_an_error_even_beside_a_good_one(
    c: CCode, roots: list[Authority], tmp_path: Path, kind: str, name: str
) -> None:
    (tmp_path / "5.crl").write_bytes(roots[0].crl())
    assert read(c, crl_dir=tmp_path).status == "OK"
    (tmp_path / name).write_bytes(broken_crls(roots[0])[kind])
    found = read(c, crl_dir=tmp_path)
    assert (found.status, found.parameter) == ("CONFIG", "crl_dir"), found
    assert f"{tmp_path.name}/{name}" in found.text


@pytest.mark.parametrize("n", range(11, 300, 7))
def test_a_crl_in_der_that_is_cut_anywhere_is_no_other_file(
    c: CCode, roots: list[Authority], tmp_path: Path, n: int
) -> None:
    whole = crl_der(roots[0])
    (tmp_path / "1.crl").write_bytes(roots[0].crl())
    (tmp_path / "2.crl").write_bytes(whole[: min(n, len(whole) - 1)])
    assert read(c, crl_dir=tmp_path).status == "CONFIG"


def v1_certificate() -> bytes:
    """A v1 certificate with serial number 1, which begins as a CRL does."""
    shape = Authority("old").certificate
    algorithm = sequence(der.oid("1.2.840.10045.4.3.2"))
    name = shape.subject.public_bytes()
    dates = sequence(der.tlv(0x17, b"260101000000Z") + der.tlv(0x17, b"360101000000Z"))
    key = shape.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = sequence(b"\x02\x01\x01" + algorithm + name + dates + name + key)
    return sequence(body + algorithm + der.tlv(3, b"\0" + shape.signature))


OTHERS = {
    "empty": (b"", "is empty"),
    "HTML": (b"<html>login</html>\n", "holds no CRL in PEM"),
    "certificate": (Authority("other").pem, "holds a certificate and no CRL"),
    "certificate in DER": (der_of(Authority("other")), "is DER"),
    "v1 certificate in DER": (v1_certificate(), "is DER"),
    "cut v1 certificate in DER": (v1_certificate()[:-30], "is DER"),
    "key": (key_pem(Authority("other").key), "holds a private key and no CRL"),
    "damaged certificate": (Authority("other").pem[:100], "certificate 1 (line 1): its END line"),
    "commented out": (b"# " + Authority("other").crl().replace(b"\n", b"\n# "), "holds no CRL"),
    "garbage": (bytes(range(256)) * 4, "is not text"),
    "PKCS#12": (b"\x30\x82\x09\x00\x02\x01\x03\x30\x82" + bytes(90), "is a PKCS#12 file"),
}


@pytest.mark.parametrize(("content", "words"), OTHERS.values(), ids=list(OTHERS))
def test_what_is_no_crl_is_passed_over_and_told(
    c: CCode, roots: list[Authority], tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "1.crl").write_bytes(roots[0].crl())
    (tmp_path / "2.txt").write_bytes(content)
    (tmp_path / "folder").mkdir()
    found = read(c, crl_dir=tmp_path)
    assert (found.status, len(found.crls)) == ("OK", 1)
    [(parameter, text)] = found.warnings
    assert parameter == "crl_dir"
    assert text.startswith("passed over: ")
    assert f"{tmp_path.name}/2.txt" in text
    assert words in text


def test_a_link_that_leads_nowhere_may_be_a_crl(
    c: CCode, roots: list[Authority], tmp_path: Path
) -> None:
    (tmp_path / "1.crl").write_bytes(roots[0].crl())
    (tmp_path / "2.crl").symlink_to(tmp_path / "gone")
    found = read(c, crl_dir=tmp_path)
    assert (found.status, found.parameter) == ("CONFIG", "crl_dir")
    assert "2.crl" in found.text


def test_nobody_need_listen_to_warnings(c: CCode, roots: list[Authority], tmp_path: Path) -> None:
    (tmp_path / "1.crl").write_bytes(roots[0].crl())
    (tmp_path / "2.txt").touch()
    config, alive = c.ffi.new("struct tlsmgm_ctx_config *"), c.ffi.new("char[]", bytes(tmp_path))
    config.crl_dir.path = alive
    items = c.ffi.new("struct tlsmgm_trust_items *")
    assert c.lib.tlsmgm_trust_items_read(config, items, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
    c.lib.tlsmgm_trust_items_free(items)


def shortages(c: CCode) -> Iterator[int]:
    for count in range(200):
        c.lib.tlsmgm_test_fail_after(count)
        yield count
        c.lib.tlsmgm_test_fail_after(-1)


def test_memory_may_be_short_anywhere(c: CCode, roots: list[Authority], tmp_path: Path) -> None:
    (tmp_path / "00000001.0").write_bytes(roots[1].pem)
    (tmp_path / "00000002.0").write_bytes(b"garbage")
    (tmp_path / "1.crl").write_bytes(roots[0].crl(roots[1]) + roots[1].crl())
    (tmp_path / "2.crl").write_bytes(crl_der(roots[2]))
    statuses = []
    for _ in shortages(c):
        found = read(c, roots[0].pem + roots[2].pem, tmp_path)
        statuses.append(found.status)
        if found.status == "OK":
            break
        assert found.status == "NO_MEMORY"
    assert statuses[-1] == "OK"
    assert len(statuses) > 5
    for number, _ in enumerate(shortages(c)):
        found = read(c, crl_dir=tmp_path)
        if found.status == "OK":
            assert number > 5
            break
        assert found.status == "NO_MEMORY"


def test_a_chain_is_read_without_what_openssl_keeps_behind_it(
    c: CCode, roots: list[Authority]
) -> None:
    settings = SETTINGS["trusted for servers"][0]
    leaf = roots[0].issue("leaf")
    text = pem_of("TRUSTED CERTIFICATE", leaf.der + settings) + key_pem(leaf.key) + roots[1].pem
    source, chain, error = (
        c.ffi.new("struct tlsmgm_source *"),
        c.ffi.new("struct tlsmgm_chain *"),
        c.error(),
    )
    alive = set_source(c, source, text)
    parameter = c.ffi.new("char[]", b"certificate")
    assert c.lib.tlsmgm_chain_read(source, parameter, chain, error) == c.lib.TLSMGM_STATUS_OK
    found = [
        bytes(c.ffi.buffer(chain.items[i].der.data, chain.items[i].der.size)) for i in range(2)
    ]
    assert chain.count == 2
    assert found == [leaf.der, der_of(roots[1])]
    c.lib.tlsmgm_chain_free(chain)
    assert alive
    assert certificate_pem(leaf.leaf)
