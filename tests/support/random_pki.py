"""Small authorities drawn at random, right and wrong, to be shown to both libraries.

Everything is drawn from one ``random.Random``, so a seed tells the whole case; Hypothesis can
supply one, too. Certificates are written by hand: nobody else would make half of them.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.support.der import (
    BIT_STRING,
    BMP,
    BOOLEAN,
    IA5,
    OCTET_STRING,
    PRINTABLE,
    SEQUENCE,
    SET,
    T61,
    UNIVERSAL,
    UTC_TIME,
    UTF8,
    extension,
    integer,
    oid,
    tlv,
)
from tests.support.signed_der import ALGORITHM, ECDSA, bits, key_info, key_of, sign, text, time_der

HOST = "host.example"
DAY = 86400

COMMON_NAME, ORGANIZATION, COUNTRY, EMAIL = "2.5.4.3", "2.5.4.10", "2.5.4.6", "1.2.840.113549.1.9.1"
BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SUBJECT_KEY_ID, AUTHORITY_KEY_ID, ALT_NAME = "2.5.29.14", "2.5.29.35", "2.5.29.17"
NAME_CONSTRAINTS, CRL_POINTS, POLICIES = "2.5.29.30", "2.5.29.31", "2.5.29.32"
CRL_NUMBER, REASON, DELTA, ISSUING_POINT = "2.5.29.20", "2.5.29.21", "2.5.29.27", "2.5.29.28"
NETSCAPE_TYPE, UNKNOWN = "2.16.840.1.113730.1.1", "1.3.6.1.4.1.99999.7"
CERTIFICATE_ISSUER = "2.5.29.29"

SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
ANY_USAGE, EMAIL_USAGE, GATED = "2.5.29.37.0", "1.3.6.1.5.5.7.3.4", "2.16.840.1.113730.4.1"

TRUE, FALSE = tlv(BOOLEAN, b"\xff"), tlv(BOOLEAN, b"\x00")


@dataclass
class Made:
    """A certificate, and what stands in it."""

    der: bytes
    name: str
    key: tuple[str, int]
    serial: int
    is_critical: bool = False  # an extension that may not be known


def pem_of(certificates: Sequence[bytes]) -> bytes:
    """Return certificates in PEM."""
    return b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in certificates)


@dataclass
class Case:
    """What one end shows, and what the other end trusts and asks for."""

    leaf: Made
    shown: list[bytes]
    anchors: list[bytes]
    crls: list[bytes] = field(default_factory=list)
    is_server: bool = True
    name: str = ""
    verify_depth: int = 9
    crl_check_all: bool = False
    client_eku_any: bool = False

    @property
    def pem(self) -> bytes:
        """What is shown, leaf first."""
        return pem_of(self.shown)

    @property
    def key_pem(self) -> bytes:
        """The private key of the leaf."""
        form = serialization.PrivateFormat.PKCS8
        plain = serialization.NoEncryption()
        pem: bytes = key_of(*self.leaf.key).private_bytes(serialization.Encoding.PEM, form, plain)
        return pem

    @property
    def anchors_pem(self) -> bytes:
        """What is trusted."""
        return pem_of(self.anchors)


class Drawer:
    """Draws one case.

    Args:
        random: where chance comes from.
        now: Unix time at which the case will be judged.
        fault: how likely each single thing is to be odd.
    """

    CA_KEYS = ("p256", "p256", "p256", "p384", "p521", "rsa2048", "rsa2048", "ed25519")
    ODD_KEYS = ("rsa1024", "rsa1024")

    def __init__(self, random: Random, now: int, fault: float = 0.03) -> None:
        self.random = random
        self.now = now
        self.fault = fault
        self.serials = 1000

    def odd(self, factor: float = 1.0) -> bool:
        """Tell whether this one is to be odd."""
        return self.random.random() < self.fault * factor

    def pick(self, *choices: Any) -> Any:
        """Return one of them."""
        return self.random.choice(choices)

    def name(self, word: str) -> bytes:
        """Return one of the spellings of a name, tag included."""
        organization = f"The {word}  company"
        if self.odd(3):
            word = self.pick(word.upper(), f" {word} ", word.title())
        tag = self.pick(UTF8, PRINTABLE, IA5, T61, BMP, UNIVERSAL) if self.odd(3) else UTF8
        common = tlv(SEQUENCE, oid(COMMON_NAME), text(tag, word))
        tag = self.pick(UTF8, PRINTABLE, BMP) if self.odd(3) else UTF8
        if self.odd(2):
            organization = organization.replace("  ", self.pick(" ", "   ")).upper()
        company = tlv(SEQUENCE, oid(ORGANIZATION), text(tag, organization))
        if "multi" in word.lower():
            first, second = sorted((common, company))
            if self.odd(2):
                first, second = second, first
            return tlv(SEQUENCE, tlv(SET, first, second))
        return tlv(SEQUENCE, tlv(SET, company), tlv(SET, common))

    def validity(self) -> bytes:
        """Return dates, most often good ones."""
        begin, end = self.now - self.pick(1, 30) * DAY, self.now + self.pick(1, 30, 9000) * DAY
        if self.odd():
            begin = self.now + DAY
        if self.odd():
            end = self.now - self.pick(1, 2, 3) * 3600
        not_before, not_after = time_der(begin), time_der(end)
        if self.odd(0.2):
            not_after = tlv(UTC_TIME, b"2501010000Z")
        return tlv(SEQUENCE, not_before, not_after)

    def key_id(self, key: tuple[str, int]) -> bytes:
        """Return the identifier of a key."""
        return f"{key[0]}-{key[1]}".encode()

    def constraints(self) -> bytes:
        """Return NameConstraints, most often such that the leaf keeps to them."""
        permitted = [tlv(0x82, b"example"), tlv(0x82, b".example"), tlv(0x82, HOST.encode())]
        other = [
            tlv(0x82, b"elsewhere.test"),
            tlv(0x87, bytes([10, 0, 0, 0, 255, 0, 0, 0])),
            tlv(0x87, b"odd"),
            tlv(0x81, b"example"),
            tlv(0x86, b".example"),
            tlv(0xA4, self.name("leaf")),
            tlv(0xA4, tlv(SEQUENCE)),
            tlv(0xA0, oid("1.2.3"), tlv(0xA0, tlv(UTF8, b"x"))),
            tlv(0x88, b"\x2a\x03"),
        ]

        def subtrees(tag: int, bases: Sequence[bytes]) -> bytes:
            more = b""
            if self.odd():
                more = self.pick(tlv(0x80, b"\0"), tlv(0x80, b"\1"), tlv(0x81, b"\5"))
            return tlv(tag, *[tlv(SEQUENCE, base, more) for base in bases])

        parts = []
        if self.random.random() < 0.7:
            bases = [self.pick(*permitted)]
            if self.random.random() < 0.3:
                bases.append(self.pick(*other))
            parts.append(subtrees(0xA0, bases))
        if self.random.random() < 0.5:
            parts.append(subtrees(0xA1, [self.pick(*other, *permitted[:1])]))
        if self.odd(0.3):
            parts.append(b"\x04\x00")
        return tlv(SEQUENCE, *parts)

    def point_name(self, number: int) -> bytes:
        """Return the name of a distribution point."""
        return tlv(0xA0, tlv(0xA0, tlv(0x86, f"http://crl.example/{number}".encode())))

    def points(self, issuer: bytes) -> bytes:
        """Return distribution points."""
        items = []
        for _ in range(self.pick(1, 1, 2)):
            parts = [self.point_name(self.pick(1, 1, 1, 2))]
            if self.odd(2):
                parts.append(tlv(0x81, b"\x01\x06"))
            if self.odd(2):
                parts.append(tlv(0xA2, tlv(0xA4, self.pick(issuer, self.name("other")))))
            if self.odd(0.5):
                parts = self.pick([], [tlv(0x81, b"\x01\x06")], [b"\x04\x00"])
            items.append(tlv(SEQUENCE, *parts))
        return tlv(SEQUENCE, *items)

    def usages(self, *, is_ca: bool) -> list[bytes]:
        """Return keyUsage and extendedKeyUsage, or none."""
        out = []
        if self.random.random() < 0.6:
            value = 0x06 if is_ca else self.pick(0x80, 0xA0, 0x08, 0x88)
            if self.odd(2):
                value = self.pick(0, 0x80, 0x04, 0x02, 0x20, 0x40, 0x8000, 0x8004, 0x84, 0xC6)
            out.append(extension(KEY_USAGE, bits(value), self.pick(b"", TRUE, TRUE)))
        if self.random.random() < (0.2 if is_ca else 0.5):
            usages = [SERVER_AUTH, CLIENT_AUTH]
            if self.odd(4):
                usages = self.pick(
                    [], [SERVER_AUTH], [CLIENT_AUTH], [ANY_USAGE], [EMAIL_USAGE], [GATED]
                )
            value_der = tlv(SEQUENCE, *map(oid, usages))
            out.append(extension(EXTENDED_KEY_USAGE, value_der, self.pick(b"", b"", TRUE)))
        return out

    def basic(self, *, is_ca: bool) -> list[bytes]:
        """Return basicConstraints, or none."""
        if not is_ca:
            content = self.pick(b"", b"", FALSE) if not self.odd() else TRUE
            return [extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, content))] if self.odd(8) else []
        content = TRUE
        if self.random.random() < 0.2:
            content += integer(self.pick(0, 1, 1, 2, 5, 1 << 40))
        if self.odd():
            content = self.pick(b"", FALSE, integer(0), TRUE + integer(-1), TRUE + b"\x02\x00")
        if self.odd():
            return []
        return [extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, content), self.pick(b"", TRUE))]

    def key_ids(self, key: tuple[str, int], issuer: Made | None, issuer_name: bytes) -> list[bytes]:
        """Return subjectKeyIdentifier and authorityKeyIdentifier, each or none."""
        out = []
        if not self.odd(4):
            value = b"another" if self.odd() else self.key_id(key)
            critical = TRUE if self.odd(0.3) else b""
            out.append(extension(SUBJECT_KEY_ID, tlv(OCTET_STRING, value), critical))
        if not self.odd(4):
            above = key if issuer is None else issuer.key
            parts = [tlv(0x80, b"wrong" if self.odd() else self.key_id(above))]
            if self.odd() and issuer is not None:
                serial = integer(issuer.serial if not self.odd(8) else 5)[2:]
                named = tlv(0xA4, self.pick(issuer_name, self.name(issuer.name)))
                parts += [tlv(0xA1, named), tlv(0x82, serial)]
            if self.odd(0.3):
                parts = self.pick([b"\x04\x00"], [tlv(0xA1, b"\xa9\x00")], [tlv(0x82, b"\0\0")])
            critical = TRUE if self.odd(0.3) else b""
            out.append(extension(AUTHORITY_KEY_ID, tlv(SEQUENCE, *parts), critical))
        return out

    def alt_name(self) -> bytes:
        """Return a SubjectAltName for a leaf."""
        names = [tlv(0x82, HOST.encode())]
        if self.odd(3):
            other = self.pick(
                b"*.example", b"HOST.example", b"other.example", b"host.example.", b"*"
            )
            names[0] = tlv(0x82, other)
        if self.odd(3):
            names += self.pick(
                [tlv(0x87, bytes([10, 1, 2, 3]))],
                [tlv(0x81, b"Root@example")],
                [tlv(0x86, b"https://a.example:443/")],
                [tlv(0x86, b"https://a.example:x/")],
                [tlv(0x86, b"urn:x")],
                [tlv(0xA0, oid("1.2.3"), tlv(0xA0, tlv(UTF8, b"x")))],
                [tlv(0xA0, oid("1.2.3"))],
                [tlv(0xA4, self.name("leaf"))],
                [tlv(0x88, b"\x2a\x03")],
                [tlv(0x88, b"\x80")],
            )
        return tlv(SEQUENCE, *names)

    def more(self) -> list[bytes]:
        """Return extensions that say nothing here, or that nobody knows."""
        out = []
        if self.odd():
            out.append(extension(UNKNOWN, b"anything", self.pick(b"", TRUE)))
        if self.odd():
            value = tlv(SEQUENCE, tlv(SEQUENCE, oid("1.2.3.4")))
            out.append(extension(POLICIES, value, self.pick(b"", TRUE)))
        if self.odd(0.5):
            value = tlv(BIT_STRING, bytes([0, self.pick(0x80, 0x40, 0x04, 0x07, 0)]))
            out.append(extension(NETSCAPE_TYPE, value, self.pick(b"", TRUE)))
        return out

    def how(self, kind: str) -> str:
        """Return how a key signs."""
        if self.odd():
            return "wrong"
        if kind.startswith("rsa"):
            weak = ("sha1", "md5")
            return str(
                self.pick(*weak) if self.odd() else self.pick("sha256", "sha512", "pss-sha256")
            )
        return str(self.pick("sha1", "sha224", "sha512") if self.odd() else "sha256")

    def make(self, word: str, key: tuple[str, int], issuer: Made | None, *, is_ca: bool) -> Made:
        """Return a certificate.

        Args:
            word: what its subject is called.
            key: its own.
            issuer: None: it signs itself.
            is_ca: whether it means to be an authority.
        """
        self.serials += 1
        serial = self.pick(0, -5, 1 << 160, 127, 128) if self.odd() else self.serials
        subject = self.name(word)
        issuer_name = self.name(word if issuer is None else issuer.name)
        if issuer is None and not self.odd():
            issuer_name = subject
        signer = key if issuer is None else issuer.key
        extensions = [
            *self.basic(is_ca=is_ca),
            *self.usages(is_ca=is_ca),
            *self.key_ids(key, issuer, issuer_name),
            *self.more(),
        ]
        if is_ca and self.odd(3):
            extensions.append(extension(NAME_CONSTRAINTS, self.constraints(), self.pick(b"", TRUE)))
        if not is_ca and not self.odd(2):
            extensions.append(extension(ALT_NAME, self.alt_name()))
        if issuer is not None and self.odd(5):
            extensions.append(extension(CRL_POINTS, self.points(issuer_name)))
        version = tlv(0xA0, integer(2))
        if self.odd():
            version = b""
            if self.pick(True, True, False):
                extensions = []
        self.random.shuffle(extensions)
        body = b"".join(
            [
                version,
                integer(serial),
                ALGORITHM,
                issuer_name,
                self.validity(),
                subject,
                key_info(*key),
                tlv(0xA3, tlv(SEQUENCE, *extensions)) if extensions else b"",
            ]
        )
        inner = tlv(SEQUENCE, oid(ECDSA["sha512"])) if self.odd(0.3) else None
        whole = sign(*signer, self.how(signer[0]), body, inner)
        return Made(whole, word, key, serial, any(TRUE + b"\x04" in item for item in extensions))

    def crl(self, issuer: Made, key: tuple[str, int], serials: Sequence[int]) -> bytes:
        """Return a revocation list.

        Args:
            issuer: whose name it carries.
            key: who signs it.
            serials: numbers of certificates that it may be about.
        """
        entries = []
        for serial in [*self.random.sample(range(2, 900), 3), *serials]:
            if serial in serials and not self.odd(4):
                continue
            parts = [integer(serial), time_der(self.now - DAY)]
            if self.odd(2):
                reason = tlv(0x0A, bytes([self.pick(1, 8)]))
                parts.append(tlv(SEQUENCE, extension(REASON, reason)))
            if self.odd(0.3):
                what = self.pick(UNKNOWN, CERTIFICATE_ISSUER)
                value = tlv(SEQUENCE, tlv(0xA4, self.name("other")))
                parts[2:] = [tlv(SEQUENCE, extension(what, value, TRUE))]
            entries.append(tlv(SEQUENCE, *parts))
        this, following = self.now - self.pick(1, 2) * DAY, self.now + DAY
        if self.odd():
            this = self.now + 3600
        if self.odd():
            following = self.now - 3600
        extensions = [extension(CRL_NUMBER, integer(7), TRUE if self.odd(0.3) else b"")]
        if self.odd(4):
            inside = self.point_name(self.pick(1, 1, 2)) if self.pick(True, False) else b""
            for tag in (0x81, 0x82, 0x83, 0x84, 0x85):
                if self.odd(3 if tag != 0x83 else 1):
                    inside += tlv(tag, b"\xff" if tag != 0x83 else b"\x01\x06")
            extensions.append(extension(ISSUING_POINT, tlv(SEQUENCE, inside), self.pick(b"", TRUE)))
        if self.random.random() < 0.7:
            value = tlv(0x80, b"wrong" if self.odd() else self.key_id(key))
            extensions.append(extension(AUTHORITY_KEY_ID, tlv(SEQUENCE, value)))
        if self.odd(0.5):
            extensions.append(extension(UNKNOWN, b"x", self.pick(b"", TRUE)))
        body = b"".join(
            [
                integer(1),
                ALGORITHM,
                self.name(issuer.name),
                time_der(this),
                b"" if self.odd() else time_der(following),
                tlv(SEQUENCE, *entries) if entries else b"",
                tlv(0xA0, tlv(SEQUENCE, *extensions)),
            ]
        )
        # A list that is signed with MD5 is refused with wolfSSL alone.
        return sign(*key, self.how(key[0]).replace("md5", "sha1"), body)

    def key(self, number: int) -> tuple[str, int]:
        """Return the key of an authority."""
        kind = self.pick(*self.ODD_KEYS) if self.odd() else self.pick(*self.CA_KEYS)
        return str(kind), number % 3

    def authorities(self) -> tuple[list[Made], list[Made]]:
        """Return roots, and intermediates that are signed by any of what came before."""
        words = ["root", "root", "multi root", "old"]
        roots = [
            self.make(self.pick(*words), self.key(number), None, is_ca=True)
            for number in range(self.pick(1, 2, 3))
        ]
        roots += [self.make(root.name, root.key, None, is_ca=True) for root in roots if self.odd(5)]
        intermediates: list[Made] = []
        for number in range(self.pick(0, 1, 1, 2, 2, 3, 4)):
            key, word = self.key(number + 3), self.pick("ca", "ca", "multi ca", f"ca {number}")
            above = self.pick(*roots, *intermediates[-1:] * 3)
            intermediates.append(self.make(word, key, above, is_ca=not self.odd()))
            if self.odd(6):
                intermediates.append(self.make(word, key, self.pick(*roots), is_ca=True))
        return roots, intermediates

    def case(self) -> Case:
        """Draw one case."""
        roots, intermediates = self.authorities()
        leaf_key = (self.pick("p256", "p256", "rsa2048", "ed25519"), 7)
        last = self.pick(*(intermediates[-2:] or roots))
        leaf = self.make("leaf", leaf_key, None if self.odd() else last, is_ca=False)
        anchors = [root for root in roots if not self.odd(4)]
        anchors += [item for item in intermediates if self.odd(3)]
        anchors += [leaf] if self.odd() else []
        if not anchors:
            anchors = [self.make("nobody", ("p256", 9), None, is_ca=True)]
        shown = [item.der for item in intermediates if not self.odd(2)]
        shown += [root.der for root in roots if self.odd(6)]
        shown += [leaf.der] if self.odd() else []
        shown += self.random.sample(shown, 1) if shown and self.odd() else []
        self.random.shuffle(shown)
        case = Case(leaf, [leaf.der, *shown], [item.der for item in anchors])
        case.is_server = self.pick(True, True, False)
        if case.is_server and self.random.random() < 0.5:
            case.name = HOST
        case.client_eku_any = not case.is_server and self.odd(8)
        if self.odd(4):
            case.verify_depth = self.pick(0, 1, 2, 3)
        if self.random.random() < 0.35:
            self.add_crls(case, roots + intermediates, leaf)
        return case

    def add_crls(self, case: Case, issuers: Sequence[Made], leaf: Made) -> None:
        """Let the case check revocation."""
        case.crl_check_all = self.pick(True, False)
        serials = [item.serial for item in issuers] + [leaf.serial]
        for issuer in issuers:
            for _ in range(self.pick(1, 1, 1, 2)):
                signer = self.pick(*issuers).key if self.odd() else issuer.key
                if not self.odd(2):
                    case.crls.append(self.crl(issuer, signer, serials))
        if not case.crls:
            case.crls.append(self.crl(issuers[0], issuers[0].key, serials))
