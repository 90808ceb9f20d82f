"""OCSP responses that a server would staple: which are about its certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as x509_ocsp

from tests.support import ocsp
from tests.support.c_code import CCode
from tests.support.contract import Rig, shake
from tests.support.der import tlv
from tests.support.pki import Authority, Identity, new_key

ROOT = Authority("a root of some 130 bytes " + "x" * 30, kind="ec")
LEAF = ROOT.issue("leaf", names=["dom1.test"])
NAMES = ["SHA1", "SHA256", "SHA384", "SHA512"]


def twin(of: Identity, issuer: Authority) -> Identity:
    """Another authority's certificate with the same serial number."""
    key = new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(of.leaf.subject)
        .issuer_name(issuer.name)
        .public_key(key.public_key())
        .serial_number(of.leaf.serial_number)
        .not_valid_before(of.leaf.not_valid_before_utc)
        .not_valid_after(of.leaf.not_valid_after_utc)
    )
    return Identity(builder.sign(issuer.key, hashes.SHA256()), (), key)


def read(
    c: CCode, response: bytes, about: Identity = LEAF, *, named: bool = True
) -> tuple[str, str, list[bytes]]:
    """Return the status, the text and both times.

    Args:
        c: the C code.
        response: the DER.
        about: the certificate.
        named: whether there is a hasher.
    """

    names = {getattr(c.lib, f"TLSMGM_DIGEST_{name}"): name for name in NAMES}

    def hasher(which: int, data: Any, out: Any) -> int:
        digest = hashlib.new(names[int(which)], c.bytes_out(data)).digest()
        c.ffi.memmove(out, digest, len(digest))
        return len(digest)

    called = c.ffi.callback("size_t(enum tlsmgm_digest, struct tlsmgm_bytes, uint8_t *)", hasher)
    view, _keep = c.bytes_in(response)
    der, _too = c.bytes_in(about.der)
    staple, error = c.ffi.new("struct tlsmgm_staple *"), c.error()
    given = called if named else c.ffi.NULL
    status = c.status_name(c.lib.tlsmgm_staple_read(view, der, given, staple, error))
    if status != "OK":
        assert c.ffi.string(error.parameter) == b"ocsp_response"
    times = [c.bytes_out(time.digits) for time in (staple.this_update, staple.next_update)]
    return status, c.text(error), times


@pytest.mark.parametrize("digest", [hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512])
def test_a_response_about_the_certificate(c: CCode, digest: Any) -> None:
    response = ocsp.response(ROOT, LEAF, digest=digest())
    status, _, times = read(c, response)
    assert status == "OK"
    made = x509_ocsp.load_der_ocsp_response(response)
    wanted = [made.this_update_utc, made.next_update_utc]
    assert times == [f"{time:%Y%m%d%H%M%S}Z".encode() for time in wanted if time is not None]


@pytest.mark.parametrize("status", ["good", "revoked", "unknown"])
def test_what_it_says_is_for_the_client(c: CCode, status: str) -> None:
    delegate = ocsp.responder(ROOT)
    for response in (
        ocsp.response(ROOT, LEAF, status),
        ocsp.response(ROOT, LEAF, status, signer=delegate, ends=False),
        ocsp.response(ROOT, LEAF, status, signer=Authority("stranger")),
    ):
        assert read(c, response)[0] == "OK"


def test_one_without_an_end(c: CCode) -> None:
    status, _, times = read(c, ocsp.response(ROOT, LEAF, ends=False))
    assert (status, times[1]) == ("OK", b"")
    assert times[0] != b""


def test_another_certificate(c: CCode) -> None:
    status, text, times = read(c, ocsp.response(ROOT, ROOT.issue("other")))
    assert status == "CONFIG"
    assert "not about the domain's certificate" in text
    assert times == [b"", b""]


@pytest.mark.parametrize("named", [True, False])
def test_the_same_number_of_another_issuer(c: CCode, named: bool) -> None:
    stranger = Authority("stranger")
    response = ocsp.response(stranger, twin(LEAF, stranger))
    assert read(c, response, named=named)[0] == ("CONFIG" if named else "OK")


def test_a_hash_that_we_do_not_know(c: CCode) -> None:
    response = ocsp.response(ROOT, LEAF, digest=hashes.SHA224())
    assert read(c, response)[0] == "CONFIG"


def entry(about: Identity, tag: bytes = b"\x80") -> bytes:
    """A SingleResponse as bytes; its times are the same for all."""
    name = hashlib.sha1(about.leaf.issuer.public_bytes(), usedforsecurity=False).digest()
    number = about.leaf.serial_number
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    algorithm = tlv(0x30, bytes.fromhex("06052b0e03021a0500"))
    identity = algorithm + tlv(4, name) + tlv(4, b"k" * 20) + tlv(2, serial)
    return tlv(0x30, tlv(0x30, identity) + tag + b"\0" + tlv(0x18, b"20250101000000Z"))


def response_of(*entries: bytes) -> bytes:
    """A response with these entries and no good signature."""
    responder = tlv(0xA2, tlv(4, b"r" * 20))
    data = tlv(0x30, responder + tlv(0x18, b"20250101000000Z") + tlv(0x30, b"".join(entries)))
    algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    basic = tlv(0x30, data + algorithm + tlv(3, b"\0signature"))
    kind = bytes.fromhex("06092b0601050507300101")
    return tlv(0x30, tlv(0x0A, b"\0") + tlv(0xA0, tlv(0x30, kind + tlv(4, basic))))


def test_one_entry_of_several(c: CCode) -> None:
    others = [entry(ROOT.issue(f"other {number}")) for number in range(3)]
    assert read(c, response_of(*others, entry(LEAF)))[0] == "OK"
    assert read(c, response_of(entry(LEAF), *others))[0] == "OK"
    assert read(c, response_of(*others))[0] == "CONFIG"
    assert read(c, response_of())[0] == "CONFIG"


def test_damage_behind_the_entry_that_fits(c: CCode) -> None:
    status, text, times = read(c, response_of(entry(LEAF), b"\x30\x01\x00"))
    assert (status, times) == ("CONFIG", [b"", b""])
    assert "no OCSP response in DER" in text


def test_a_refusal_is_named(c: CCode) -> None:
    status, text, _ = read(c, ocsp.refusal())
    assert status == "CONFIG"
    assert "status 3 (tryLater)" in text


def good_der() -> bytes:
    return ocsp.response(ROOT, LEAF, signer=ocsp.responder(ROOT))


GARBAGE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"garbage",
    "a sequence": lambda: b"\x30\x03abc",
    "a certificate": lambda: LEAF.der,
    "PEM": lambda: LEAF.leaf.public_bytes(serialization.Encoding.PEM),
    "more behind it": lambda: good_der() + b"\0",
    "a success with nothing": lambda: tlv(0x30, tlv(0x0A, b"\0")),
    "a refusal with more": lambda: tlv(0x30, tlv(0x0A, b"\3") + tlv(4, b"")),
    "another kind of response": lambda: good_der().replace(
        bytes.fromhex("2b0601050507300101"), bytes.fromhex("2b0601050507300102"), 1
    ),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage(c: CCode, kind: str) -> None:
    status, text, times = read(c, GARBAGE[kind]())
    assert (status, times) == ("CONFIG", [b"", b""])
    assert "no OCSP response in DER" in text


def test_cut_anywhere(c: CCode) -> None:
    whole = ocsp.response(ROOT, LEAF)
    for size in range(len(whole)):
        assert read(c, whole[:size])[0] == "CONFIG", size


def test_no_certificate(c: CCode) -> None:
    view, _keep = c.bytes_in(good_der())
    staple, error = c.ffi.new("struct tlsmgm_staple *"), c.error()
    nothing = c.ffi.new("struct tlsmgm_bytes *")[0]
    status = c.status_name(c.lib.tlsmgm_staple_read(view, nothing, c.ffi.NULL, staple, error))
    assert status == "CONFIG"


# Through the contract, with each library


def server_fields(staple: bytes) -> dict[str, Any]:
    shown = LEAF.fields()
    return {
        "certificate": shown["certificate"],
        "private_key": shown["private_key"],
        "ocsp_response": staple,
        "is_server": True,
    }


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"\x30\x03abc", "no OCSP response in DER"),
        (ocsp.refusal, "tryLater"),
        (lambda: ocsp.response(ROOT, ROOT.issue("other")), "not about the domain's certificate"),
        (lambda: response_of_a_twin(), "not about the domain's certificate"),
    ],
)
def test_a_context_takes_no_useless_staple(rig: Rig, make: Any, words: str) -> None:
    got, _ = rig.ctx_new(**server_fields(make()))
    assert (got.status, got.parameter) == ("CONFIG", "ocsp_response")
    assert words in got.text


def response_of_a_twin() -> bytes:
    stranger = Authority("stranger")
    return ocsp.response(stranger, twin(LEAF, stranger))


@pytest.mark.parametrize("digest", [hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512])
def test_a_context_takes_every_hash(rig: Rig, digest: Any) -> None:
    got, ctx = rig.ctx_new(**server_fields(ocsp.response(ROOT, LEAF, digest=digest())))
    assert got.status == "OK", got
    rig.own(ctx, rig.table.ctx_free)


#: What our own servers refuse to staple, and other servers may.
USELESS: dict[str, Callable[[], bytes]] = {
    "garbage": lambda: b"\x30\x03abc",
    "a refusal": ocsp.refusal,
    "of another": lambda: ocsp.response(ROOT, ROOT.issue("other", names=["dom1.test"])),
}


def drops(rig: Rig, kind: str) -> bool:
    """Whether this library staples it: OpenSSL looks at what it sends from 3.6 on."""
    if rig.name != "openssl" or kind == "a refusal":
        return False
    version = rig.c.ffi.string(rig.table.version()).decode()
    return tuple(map(int, version.split(".")[:2])) >= (3, 6)


@pytest.mark.parametrize("kind", USELESS)
def test_a_client_says_what_is_wrong(rig: Rig, peer: Rig, version: str, kind: str) -> None:
    if drops(rig, kind):
        pytest.skip("this library drops it by itself")
    ctx = rig.server_context(version=version, **server_fields(good_der()))
    view, _keep = rig.c.bytes_in(USELESS[kind]())
    assert rig.c.lib.tlsmgm_test_swap_staple(ctx, view)
    clients = peer.client_context(version=version, ca_list=ROOT.pem, require_staple=True)
    server = rig.connection(ctx, server_name=b"dom1.test")
    client = peer.connection(clients, server_name=b"dom1.test")
    ours, _ = shake(client, server)
    assert (ours.status, ours.reason) == ("VERIFY", "staple_invalid"), ours


def test_a_client_takes_a_good_one(rig: Rig, peer: Rig, version: str) -> None:
    ctx = rig.server_context(version=version, **server_fields(good_der()))
    clients = peer.client_context(version=version, ca_list=ROOT.pem, require_staple=True)
    server = rig.connection(ctx, server_name=b"dom1.test")
    client = peer.connection(clients, server_name=b"dom1.test")
    assert [outcome.status for outcome in shake(client, server)] == ["OK", "OK"]
