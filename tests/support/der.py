"""Writing DER by hand, right and wrong, for certificates that no library would make."""

from __future__ import annotations

from dataclasses import dataclass, field

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, OID, BOOLEAN = 0x30, 0x31, 2, 3, 4, 6, 1
UTF8, NUMERIC, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1C, 0x1E
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18

COMMON_NAME = "2.5.4.3"
SUBJECT_ALT_NAME = "2.5.29.17"


def tlv(tag: int, *contents: bytes) -> bytes:
    """Return one item."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid_contents(dotted: str) -> bytes:
    """Return the contents of an object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    return b"".join(base128(arc) for arc in [40 * first + second, *rest])


def base128(number: int) -> bytes:
    """Return a number in groups of seven bits, the highest bit set on all but the last."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | number & 0x7F)
    return bytes(reversed(out))


def oid(dotted: str) -> bytes:
    """Return an object identifier."""
    return tlv(OID, oid_contents(dotted))


def integer(number: int) -> bytes:
    """Return an INTEGER."""
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return tlv(INTEGER, number.to_bytes(size, "big", signed=True))


def entry(dotted: str, tag: int, value: bytes) -> bytes:
    """Return one attribute of a name."""
    return tlv(SEQUENCE, oid(dotted), tlv(tag, value))


def name(*entries: bytes) -> bytes:
    """Return the contents of a name, with one attribute in each set."""
    return b"".join(tlv(SET, one) for one in entries)


def extension(dotted: str, value: bytes, critical: bytes = b"") -> bytes:
    """Return an extension; ``critical`` is the whole item of its mark."""
    return tlv(SEQUENCE, oid(dotted), critical, tlv(OCTET_STRING, value))


SIGNED_WITH = tlv(SEQUENCE, oid("1.2.840.10045.4.3.2"))
PUBLIC_KEY = tlv(SEQUENCE, tlv(SEQUENCE, oid("1.3.101.112")), tlv(BIT_STRING, b"\0" + bytes(32)))
EXAMPLE_NAME = name(entry(COMMON_NAME, UTF8, b"example"))


@dataclass
class Certificate:
    """The items of a certificate, in order; replace any."""

    version: bytes = tlv(0xA0, integer(2))
    serial: bytes = integer(1)
    algorithm: bytes = SIGNED_WITH
    issuer: bytes = EXAMPLE_NAME
    not_before: bytes = tlv(UTC_TIME, b"240101000000Z")
    not_after: bytes = tlv(UTC_TIME, b"440101000000Z")
    subject: bytes = EXAMPLE_NAME
    public_key: bytes = PUBLIC_KEY
    unique_ids: bytes = b""
    extensions: list[bytes] = field(default_factory=list)
    after_body: bytes = b""
    outer_algorithm: bytes = SIGNED_WITH
    signature: bytes = tlv(BIT_STRING, b"\0" + bytes(64))
    after: bytes = b""

    def der(self) -> bytes:
        """Return the certificate."""
        extensions = tlv(0xA3, tlv(SEQUENCE, *self.extensions)) if self.extensions else b""
        body = tlv(
            SEQUENCE,
            self.version,
            self.serial,
            self.algorithm,
            tlv(SEQUENCE, self.issuer),
            tlv(SEQUENCE, self.not_before, self.not_after),
            tlv(SEQUENCE, self.subject),
            self.public_key,
            self.unique_ids,
            extensions,
            self.after_body,
        )
        return tlv(SEQUENCE, body, self.outer_algorithm, self.signature, self.after)


def with_sans(*names: bytes) -> bytes:
    """Return a certificate with these alternative names, each of them a whole item."""
    value = tlv(SEQUENCE, *names)
    return Certificate(extensions=[extension(SUBJECT_ALT_NAME, value)]).der()
