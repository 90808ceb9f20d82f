"""Certificates and lists whose signatures are numbers, and what the path validator says of them.

Key ``n`` is a point of P-256 that ends in ``n``; what it signs carries the pair ``(n, 1)``. No
curve was asked, so anything can be made, and quickly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.c_code import CCode
from tests.support.der import (
    BIT_STRING,
    BOOLEAN,
    COMMON_NAME,
    OCTET_STRING,
    SEQUENCE,
    SIGNED_WITH,
    UTC_TIME,
    UTF8,
    Certificate,
    entry,
    extension,
    integer,
    name,
    oid,
    tlv,
)

#: 24 November 2026: between the dates of what is made here.
NOW = 1795500000
TRUE = tlv(BOOLEAN, b"\xff")

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SUBJECT_KEY_ID, AUTHORITY_KEY_ID, ALT_NAME = "2.5.29.14", "2.5.29.35", "2.5.29.17"
NAME_CONSTRAINTS, CRL_POINTS = "2.5.29.30", "2.5.29.31"
SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"

CA = extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, TRUE), TRUE)
MD5, SHA1 = "1.2.840.113549.1.1.4", "1.2.840.10045.4.1"


def key(number: int, curve: str = "1.2.840.10045.3.1.7") -> bytes:
    """Return the SubjectPublicKeyInfo of a key."""
    point = b"\x04" + bytes(62) + number.to_bytes(2, "big")
    algorithm = tlv(SEQUENCE, oid("1.2.840.10045.2.1"), oid(curve))
    return tlv(SEQUENCE, algorithm, tlv(BIT_STRING, b"\0" + point))


def rsa_key(number: int, bits: int = 2048) -> bytes:
    """Return the SubjectPublicKeyInfo of an RSA key of some size."""
    numbers = tlv(SEQUENCE, integer((1 << bits - 1) + number), integer(65537))
    algorithm = tlv(SEQUENCE, oid("1.2.840.113549.1.1.1"), tlv(5))
    return tlv(SEQUENCE, algorithm, tlv(BIT_STRING, b"\0" + numbers))


def signature(number: int) -> bytes:
    """Return what key ``number`` writes below anything."""
    return tlv(BIT_STRING, b"\0" + tlv(SEQUENCE, integer(number), integer(1)))


def called(word: str) -> bytes:
    """Return the contents of a name."""
    return name(entry(COMMON_NAME, UTF8, word.encode()))


def usage(bits: int) -> bytes:
    """Return a keyUsage of one byte."""
    return extension(KEY_USAGE, tlv(BIT_STRING, bytes([0, bits])), TRUE)


def purposes(*dotted: str) -> bytes:
    """Return an extendedKeyUsage."""
    return extension(EXTENDED_KEY_USAGE, tlv(SEQUENCE, *map(oid, dotted)))


def path_length(number: int) -> bytes:
    """Return the basicConstraints of an authority."""
    return extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, TRUE, integer(number)), TRUE)


def own_id(value: bytes) -> bytes:
    """Return a subjectKeyIdentifier."""
    return extension(SUBJECT_KEY_ID, tlv(OCTET_STRING, value))


def issuer_id(value: bytes) -> bytes:
    """Return an authorityKeyIdentifier."""
    return extension(AUTHORITY_KEY_ID, tlv(SEQUENCE, tlv(0x80, value)))


def hosts(*names: str) -> bytes:
    """Return a SubjectAltName."""
    return extension(ALT_NAME, tlv(SEQUENCE, *[tlv(0x82, item.encode()) for item in names]))


def make(
    subject: str, issuer: str, own: int, signer: int, /, *extensions: bytes, **items: bytes
) -> bytes:
    """Return a certificate.

    Args:
        subject: whose it is.
        issuer: who has signed it; the same for a root.
        own: number of its key.
        signer: number of the key that has signed it.
        extensions: all that it has.
        items: other items of a :class:`tests.support.der.Certificate`.
    """
    made = Certificate(
        issuer=called(issuer),
        subject=called(subject),
        public_key=key(own),
        signature=signature(signer),
        extensions=list(extensions),
    )
    for field, value in items.items():
        setattr(made, field, value)
    return made.der()


def make_crl(
    issuer: str,
    signer: int,
    *serials: int | bytes,
    extensions: Sequence[bytes] = (),
    this_update: bytes = b"260101000000Z",
    next_update: bytes | None = b"440101000000Z",
) -> bytes:
    """Return a revocation list; a serial that is bytes is a whole entry."""
    when = tlv(UTC_TIME, b"260101000000Z")
    entries = [
        serial if isinstance(serial, bytes) else tlv(SEQUENCE, integer(serial), when)
        for serial in serials
    ]
    body = tlv(
        SEQUENCE,
        integer(1),
        SIGNED_WITH,
        tlv(SEQUENCE, called(issuer)),
        tlv(UTC_TIME, this_update),
        b"" if next_update is None else tlv(UTC_TIME, next_update),
        tlv(SEQUENCE, *entries) if entries else b"",
        tlv(0xA0, tlv(SEQUENCE, *extensions)) if extensions else b"",
    )
    return tlv(SEQUENCE, body, SIGNED_WITH, signature(signer))


@dataclass(frozen=True)
class Answer:
    """What the validator says."""

    reason: str
    depth: int
    issuer: bytes
    checks: int  # signatures that were looked at


class Validator:
    """The portable validator, with signatures that are numbers.

    Args:
        c: the C code.
    """

    def __init__(self, c: CCode) -> None:
        self.c = c
        self.checks = 0
        self.check = c.ffi.callback("tlsmgm_signature_check", self.looks_good)

    def looks_good(self, signature: Any, public_key: Any) -> int:
        """Compare numbers."""
        self.checks += 1
        bits, info = self.c.bytes_out(signature.bits), self.c.bytes_out(public_key.info)
        by = int.from_bytes(bits[4 : 4 + bits[3]], "big")
        if by == int.from_bytes(info[-2:], "big"):
            return int(self.c.lib.TLSMGM_SIGNATURE_GOOD)
        return int(self.c.lib.TLSMGM_SIGNATURE_WRONG)

    def blob(self, data: bytes) -> Any:
        """Return a copy that C owns."""
        source, blob = (
            self.c.ffi.new("struct tlsmgm_source *"),
            self.c.ffi.new("struct tlsmgm_blob *"),
        )
        source.data, _keep = self.c.bytes_in(data)
        assert self.c.lib.tlsmgm_source_read(source, self.c.ffi.NULL, blob, self.c.ffi.NULL) == 0
        return blob

    def anchors(self, cas: Sequence[Any], crls: Sequence[bytes]) -> Any:
        """Return sealed anchors; a CA may be a tuple of DER and its settings."""
        made = self.c.ffi.new("struct tlsmgm_anchors *")
        for ca in cas:
            der, servers, clients = ca if isinstance(ca, tuple) else (ca, 0, 0)
            blob = self.blob(der)
            status = self.c.lib.tlsmgm_anchors_add_ca(made, blob, servers, clients, self.c.ffi.NULL)
            assert self.c.status_name(status) == "OK"
        for crl in crls:
            blob = self.blob(crl)
            status = self.c.lib.tlsmgm_anchors_add_crl(made, blob, self.c.ffi.NULL)
            assert self.c.status_name(status) == "OK"
        self.c.lib.tlsmgm_anchors_seal(made)
        return made

    def judge(
        self,
        shown: Sequence[bytes],
        cas: Sequence[Any],
        crls: Sequence[bytes] = (),
        *,
        host: str = "",
        rules: tuple[bool, str] = (False, ""),
        now: int = NOW,
        **question: Any,
    ) -> Answer:
        """Ask the validator.

        Args:
            shown: by the peer, its own first.
            cas: who is trusted.
            crls: lists of theirs.
            host: name that the peer must have.
            rules: whether names are those of SIP, and which the domain's peers must have.
            now: Unix time.
            question: other fields of ``struct tlsmgm_path_question``.

        Returns:
            Its answer; the reason is a word such as "UNKNOWN_CA", "NONE" where all is well, or
            "PROTOCOL" where something cannot be decoded.
        """
        ffi, lib = self.c.ffi, self.c.lib
        self.checks = 0
        asked = ffi.new("struct tlsmgm_path_question *")
        answer = ffi.new("struct tlsmgm_path_answer *")
        views = [self.c.bytes_in(der) for der in shown]
        asked.shown = array = ffi.new("struct tlsmgm_bytes[]", [view for view, _ in views])
        anchors, peer_rules = self.anchors(cas, crls), ffi.new("struct tlsmgm_peer_rules *")
        text = ffi.new("char[]", rules[1].encode())
        assert lib.tlsmgm_peer_rules_set(peer_rules, rules[0], text, ffi.NULL) == 0
        name, _keep = self.c.bytes_in(host.encode())
        fields = {"is_server": True, "verify_depth": 9, "check_crls": bool(crls)} | question
        for field, value in fields.items():
            setattr(asked, field, value)
        asked.shown_count, asked.now, asked.anchors = len(array), now, anchors
        asked.peer_rules, asked.signature_check, asked.name = peer_rules, self.check, name
        try:
            status = lib.tlsmgm_path_judge(asked, answer, ffi.NULL)
            if status != lib.TLSMGM_STATUS_OK:
                return Answer(self.c.status_name(status), -1, b"", self.checks)
            word = ffi.string(ffi.cast("enum tlsmgm_verify_reason", answer.reason))
            issuer = self.c.bytes_out(answer.issuer)
            return Answer(word.removeprefix("TLSMGM_VERIFY_"), answer.depth, issuer, self.checks)
        finally:
            lib.tlsmgm_anchors_free(anchors)
            lib.tlsmgm_peer_rules_free(peer_rules)
