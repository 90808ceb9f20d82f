"""Published faults of the TLS libraries: which are in the one that is linked, and do they reach us?

docs/security.md has the same table. It begins with the oldest releases that we build, see
:data:`OLDEST`; who links an older one is told to take a newer one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tlsmgm._core.certificate import Certificate
from tlsmgm._domains.domain import Domain
from tlsmgm._material.reading import Reader
from tlsmgm.errors import TLSError

__all__ = [
    "OLDEST",
    "VULNERABILITIES",
    "Build",
    "Vulnerability",
    "known_against",
    "known_faults",
    "too_old_to_know",
]

Reach = Literal["no", "some domains", "yes"]

#: Where the table begins, by library and series.
OLDEST = {
    "openssl": {"3.0": "3.0.20", "3.5": "3.5.6", "3.6": "3.6.2", "4.0": "4.0.0"},
    "wolfssl": {"5.9": "5.9.2"},
}

_OUR_PATCHES = "wheels/patches/"
_DEBIAN = re.compile(r"^Debian source package \S+ (\S+)$")


@dataclass(frozen=True, slots=True)
class Build:
    """A linked library, as far as it is known how it was built.

    Attributes:
        library: ``openssl`` or ``wolfssl``.
        version: its own version.
        source: where its source code came from; empty: somebody else has built it.
        patches: what was changed in it.
    """

    library: str
    version: str
    source: str = ""
    patches: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """Major and minor version."""
        return ".".join(self.version.split(".")[:2])

    @property
    def debian(self) -> str | None:
        """The version of Debian's package whose patches are in it, if that is known."""
        found = _DEBIAN.match(self.source)
        has_patches = any(not name.startswith(_OUR_PATCHES) for name in self.patches)
        return found[1] if found and has_patches else None


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One published fault.

    Attributes:
        name: its CVE number, or what it is known by.
        library: ``openssl`` or ``wolfssl``.
        fixed: by series, the first release without it. Other series do not have it.
        what: one sentence, without a full stop.
        reach: whether it matters to programs that use tlsmgm.
        why: for ``no``, the reason; else by what it is met, empty: by nothing but a newer release.
        debian: packages of Debian that have mended it in an older release.
        patch: of ours, which mends it.
        concerns: for ``some domains``, which.
        test: which holds us to it.
    """

    name: str
    library: str
    fixed: Mapping[str, str]
    what: str
    reach: Reach
    why: str = ""
    debian: tuple[str, ...] = ()
    patch: str | None = None
    concerns: Callable[[Domain, Reader], bool] | None = None
    test: str = ""

    @property
    def is_met(self) -> bool:
        """Whether nobody needs to do anything about it."""
        return self.reach == "no" or (self.why != "" and self.patch is None)

    def is_in(self, build: Build) -> bool:
        """Whether a library has this fault, as far as is known."""
        fixed = self.fixed.get(build.series)
        if build.library != self.library or fixed is None:
            return False
        if _numbers(build.version) >= _numbers(fixed):
            return False
        if self.patch is not None and _OUR_PATCHES + self.patch in build.patches:
            return False
        return not any(_has(build.debian, package) for package in self.debian)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _has(package: str | None, wanted: str) -> bool:
    """Whether this version of a package is the wanted one or a later one of the same release."""
    if package is None:
        return False
    here, there = package.rpartition("-"), wanted.rpartition("-")
    return here[0] == there[0] and _numbers(here[2]) >= _numbers(there[2])


def known_against(build: Build) -> tuple[Vulnerability, ...]:
    """Return the published faults that a library has, in the order of the table."""
    return tuple(item for item in VULNERABILITIES if item.is_in(build))


def too_old_to_know(build: Build) -> str | None:
    """Say that a library is older than the table, or of a series that is not in it.

    Returns:
        A sentence, or None.
    """
    oldest = OLDEST.get(build.library)
    if oldest is None:
        return None
    begins = oldest.get(build.series)
    if begins is None:
        newest = max(oldest, key=_numbers)
        if _numbers(build.series) > _numbers(newest):
            return None
        known = ", ".join(oldest)
        return f"nothing is known here of series {build.series}; those looked after are {known}"
    if _numbers(build.version) < _numbers(begins):
        return f"it is older than {begins}, where our table of published faults begins"
    return None


def known_faults(build: Build) -> list[str]:
    """Return lines about a library for people: what is known against it, and what that means."""
    old = too_old_to_know(build)
    lines = [] if old is None else [f"published faults: {old}"]
    found = known_against(build)
    for item in found:
        if item.reach != "no":
            whom = "" if item.reach == "yes" else " (some domains)"
            met = f"met: {item.why}" if item.is_met else "NOT MET, take a newer release"
            lines.append(f"{item.name}{whom}: {item.what}. {met[:1].upper()}{met[1:]}")
    others = [item.name for item in found if item.reach == "no"]
    if others:
        lines.append(f"without effect here: {', '.join(others)}")
    return lines


def _has_key_on(*curves: str) -> Callable[[Domain, Reader], bool]:
    """A question to a domain: is one of its own keys on one of these curves?

    Args:
        curves: object identifiers in DER, as hexadecimal digits; the beginning will do.
    """

    def asked(domain: Domain, reader: Reader) -> bool:
        for source in (domain.certificate, domain.certificate2):
            if source is None:
                continue
            try:
                shown = source if isinstance(source, bytes) else bytes(reader.file(source))
                der = Certificate.from_pem(shown)[0].der
            except (TLSError, ValueError):
                continue
            if any(bytes.fromhex(curve) in der for curve in curves):
                return True
        return False

    return asked


_SM2 = "06082a811ccf5501822d"
_BRAINPOOL = "06092b240303020801"
_SECP256K1 = "06052b8104000a"

_QUIC = "no QUIC is built, and none would be spoken"
_DTLS = "no DTLS is spoken"
_CMS = "no CMS and no PKCS #7 is read"
_CMP = "no CMP is spoken"
_OCSP_FLAG = "OpenSSL's own check of staples is not switched on; ours does not share that code"
_RPK = "raw public keys are not switched on"


def _openssl(releases: Mapping[str, str], debian: tuple[str, ...]) -> Callable[..., Vulnerability]:
    """Return what makes entries of one of OpenSSL's advisories."""

    def entry(
        number: str, what: str, reach: Reach, why: str, series: str = "3.5 3.6 4.0", **more: object
    ) -> Vulnerability:
        fixed = {name: releases[name] for name in series.split()}
        return Vulnerability(
            f"CVE-2026-{number}",
            "openssl",
            fixed,
            what,
            reach,
            why,
            debian,
            **more,  # type: ignore[arg-type]
        )

    return entry


_ALL = "3.0 3.5 3.6 4.0"

_june = _openssl(
    {"3.0": "3.0.21", "3.5": "3.5.7", "3.6": "3.6.3", "4.0": "4.0.1"},
    ("3.5.6-1~deb13u2", "3.0.20-1~deb12u2"),
)
_august = _openssl(
    {"3.0": "3.0.22", "3.5": "3.5.8", "3.6": "3.6.4", "4.0": "4.0.2"}, ("3.5.7-1~deb13u2",)
)
_september = _openssl(
    {"3.0": "3.0.23", "3.5": "3.5.9", "3.6": "3.6.5", "4.0": "4.0.3"},
    ("3.5.7-1~deb13u3", "3.0.22-1~deb12u2"),
)


def _wolfssl(
    number: str, what: str, reach: Reach, why: str, *, in_debian: bool = True, test: str = ""
) -> Vulnerability:
    debian = ("5.9.2-1.1",) if in_debian else ()
    fixed = {"5.9": "5.9.4"}
    name = f"CVE-2026-{number}"
    return Vulnerability(name, "wolfssl", fixed, what, reach, why, debian, test=test)


VULNERABILITIES: Sequence[Vulnerability] = (
    _june("7383", "Strings converted to Unicode may overflow a buffer", "no",
          "names are only read, by a reader of our own", _ALL),
    _june("9076", "Decryption of CMS by password may read too far", "no", _CMS, _ALL),
    _june("34180", "An ASN.1 element of more than 2 GB may be read too far", "no",
          "files are bounded to 16 MB, and peers' messages by TLS", _ALL),
    _june("34181", "PKCS #12 files are taken with short keys of their MAC", "no",
          "no PKCS #12 is read"),
    _june("34182", "Forged CMS messages may be taken for authentic", "no", _CMS, _ALL),
    _june("34183", "A QUIC peer makes memory grow by PATH_CHALLENGE", "no", _QUIC),
    _june("35188", "A stapled response frees memory twice when the library checks it", "no",
          _OCSP_FLAG, "3.6 4.0"),
    _june("42764", "A first packet of QUIC crashes a server", "no", _QUIC),
    _june("42765", "Checking responses for a partial chain crashes", "no", _OCSP_FLAG, "3.6 4.0"),
    _june("42766", "Decryption of CMS by password may crash", "no", _CMS, _ALL),
    _june("42767", "A value encrypted in CRMF may crash its reader", "no", _CMP),
    _june("42768", "Decryption of CMS and PKCS #7 tells about RSA padding", "no", _CMS),
    _june("42769", "An update of root certificates by CMP may bring a wrong one", "no", _CMP),
    _june("42770", "Keys of X9.42 that bring their own q are not checked well", "no",
          "in TLS a peer sends a number alone, and the parameters are ours", _ALL),
    _june("42771", "An expected e-mail address may be read too far", "no",
          "no e-mail address is expected of a peer", "4.0"),
    _june("45445", "EVP_Cipher() leaves the IV of AES-OCB out", "no",
          "no suite of TLS uses AES-OCB", _ALL),
    _june("45446", "Tags of empty messages in AES-GCM-SIV and AES-SIV are not checked well", "no",
          "no suite of TLS uses them", _ALL),
    _june("45447", "PKCS7_verify() may use memory that it has freed", "no", _CMS, _ALL),
    _august("14456", "A QUIC listener queues connections without bound", "no", _QUIC),
    _august("14457", "A raw public key without certificate may crash", "no", _RPK),
    _august("18798", "A QUIC server may free memory twice", "no", _QUIC),
    _august("54874", "DTLS records of a later epoch take much memory", "no", _DTLS, _ALL),
    _august("54876", "Responses without entries leak memory when the library checks them", "no",
            _OCSP_FLAG, "3.6 4.0"),
    _august("63072", "Unwrapping a key of CMS may overflow a buffer", "no", _CMS, _ALL),
    _august("63073", "A name in CMP is taken for a format", "no", _CMP),
    _august("63074", "A CMP server keeps certificates for ever", "no", _CMP, _ALL),
    _august("63075", "QUIC keeps what it knows of acknowledgements", "no", _QUIC),
    _august("63076", "A parameter of CMP is taken for another", "no", _CMP, _ALL),
    _august("75803", "EVP_Cipher() may accept an empty message with a wrong tag", "no",
            "records of TLS have their tags checked on another way", _ALL),
    _september("35189", "A certificate's CRL distribution points may take hundreds of megabytes",
               "yes", "such a certificate is refused before it is decoded", _ALL,
               test="tests/tls/test_library_faults.py"),
    _september("35191", "QUIC credits a peer with too much", "no", _QUIC),
    _september("42772", "Fragments of QUIC take much time", "no", _QUIC),
    _september("54872", "Signing with a key on a curve that is not NIST's can be timed",
               "some domains", "", _ALL, concerns=_has_key_on(_BRAINPOOL, _SECP256K1, _SM2)),
    _september("54873", "Fragments of QUIC take much memory", "no", _QUIC),
    _september("54875", "SM2 can be timed on ARM64 and RISC-V", "some domains", "",
               concerns=_has_key_on(_SM2)),
    _september("72897", "SSL_set_SSL_CTX() during a handshake may read too far", "no",
               "it is not called: the domain is known before the connection is made"),
    _september("75804", "QUIC does not hold peers to the window of the connection", "no", _QUIC),
    _september("75805", "A CMP client that revokes by a request may crash", "no", _CMP, _ALL),
    _september("75806", "A short record ends an association of DTLS 1.2", "no", _DTLS, _ALL),
    _september("77696", "Signing with SM2 can be timed", "some domains", "", _ALL,
               concerns=_has_key_on(_SM2)),
    _september("84782", "DTLS may send memory of the process again", "no", _DTLS, _ALL),
    _september("84783", "Threads that look at one certificate may use memory that was freed",
               "yes", "", "4.0"),
    _september("84784", "QUIC gathers connection ids without bound", "no", _QUIC),
    Vulnerability(
        "P-256 carry (wolfSSL pull request 11125)", "wolfssl", {"5.9": "5.9.4"},
        "On x86-64 one good P-256 signature in millions is refused", "yes",
        "a patch of ours", patch="wolfssl-p256-carry.patch", test="tests/csrc/test_signature.py",
    ),
    _wolfssl("15442", "Shutting down again with data unread may use memory that was freed", "no",
             "a connection is shut down once, and that call reads nothing"),
    _wolfssl("89102", "With OCSP for whole chains any certificate may sign others", "no",
             "status_request_v2 is not built"),
    _wolfssl("89133", "The validation of certificates has a flaw", "yes",
             "paths are judged by a validator of our own"),
    _wolfssl("89134", "Name constraints are not applied to a common name beside other names",
             "yes", "paths are judged by a validator of our own, which knows name constraints"),
    _wolfssl("89135", "X509_verify_cert() may leave a stranger's CA in the store", "no",
             "it is not called", in_debian=False),
    _wolfssl("89136", "A server may show a raw public key that nobody asked for", "no",
             "raw public keys are not built"),
    _wolfssl("93302", "Trusted peers are told apart without their keys", "no",
             "WOLFSSL_TRUST_PEER_CERT is not built"),
    _wolfssl("93304", "A client of TLS 1.2 may change keys before it has any", "no",
             "what stands behind the server's flight is read after the answer",
             test="tests/csrc/test_reading_order.py"),
    _wolfssl("94417", "CRLs are passed over where OCSP is on", "yes",
             "CRLs are judged by a validator of our own",
             test="tests/csrc/test_path_revocation.py"),
    _wolfssl("94418", "With small certificate verification a bad signature is called another fault",
             "no", "WOLFSSL_SMALL_CERT_VERIFY is not built", in_debian=False),
    _wolfssl("94419", "A client's session may be another one than was asked for", "no",
             "sessions are copied from the connection (wolfSSL_get1_session()), and the "
             "library's cache is off", in_debian=False),
)  # fmt: skip
