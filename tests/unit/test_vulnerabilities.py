"""Which published faults are in a build of a library."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.pki import certificate_pem, key_pem, name_of, new_key
from tlsmgm import Domain
from tlsmgm._checks.vulnerabilities import (
    VULNERABILITIES,
    Build,
    known_against,
    known_faults,
    too_old_to_know,
)
from tlsmgm._material.reading import Reader

BY_NAME = {item.name: item for item in VULNERABILITIES}
KEY = key_pem(new_key())
GARBAGE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
CARRY = "P-256 carry (wolfSSL pull request 11125)"
DEBIAN = "Debian source package openssl 3.5.7-1~deb13u"
DEBIANS_OWN = ("Fix-something.patch",)


def names(library: str, version: str, source: str = "", patches: tuple[str, ...] = ()) -> set[str]:
    return {item.name for item in known_against(Build(library, version, source, patches))}


@pytest.mark.parametrize(
    ("version", "june", "august", "september"),
    [
        ("3.5.6", True, True, True),
        ("3.5.7", False, True, True),
        ("3.5.8", False, False, True),
        ("3.5.9", False, False, False),
        ("3.5.10", False, False, False),
        ("3.0.20", True, True, True),
        ("3.0.22", False, False, True),
        ("3.6.4", False, False, True),
        ("3.6.5", False, False, False),
        ("4.0.2", False, False, True),
        ("4.0.3", False, False, False),
        ("4.1.0", False, False, False),
    ],
)
def test_openssl_by_release(version: str, june: bool, august: bool, september: bool) -> None:
    found = names("openssl", version)
    assert ("CVE-2026-45447" in found) == june
    assert ("CVE-2026-63072" in found) == august
    assert ("CVE-2026-35189" in found) == september
    assert not names("wolfssl", version)


def test_a_fault_of_one_series() -> None:
    assert "CVE-2026-84783" in names("openssl", "4.0.2")
    assert not any("CVE-2026-84783" in names("openssl", f"3.{minor}.0") for minor in (0, 5, 6))


@pytest.mark.parametrize(
    ("source", "patches", "august", "september"),
    [
        (DEBIAN + "1", DEBIANS_OWN, True, True),
        (DEBIAN + "2", DEBIANS_OWN, False, True),
        (DEBIAN + "3", DEBIANS_OWN, False, False),
        (DEBIAN + "10", DEBIANS_OWN, False, False),
        # Debian's archive, but none of its patches.
        (DEBIAN + "3", ("wheels/patches/openssl-x.patch",), True, True),
        (DEBIAN + "3", (), True, True),
        ("https://example.org/openssl-3.5.7.tar.gz", (), True, True),
    ],
)
def test_patches_of_debian(
    source: str, patches: tuple[str, ...], august: bool, september: bool
) -> None:
    found = names("openssl", "3.5.7", source, patches)
    assert ("CVE-2026-63072" in found) == august
    assert ("CVE-2026-35189" in found) == september


def test_a_package_of_another_release_says_nothing() -> None:
    source = "Debian source package openssl 3.5.8-1~deb13u3"
    assert "CVE-2026-35189" in names("openssl", "3.5.8", source, DEBIANS_OWN)


def test_our_own_patch() -> None:
    patched = ("wheels/patches/wolfssl-p256-carry.patch",)
    assert CARRY in names("wolfssl", "5.9.2")
    assert not BY_NAME[CARRY].is_met
    assert CARRY not in names("wolfssl", "5.9.2", patches=patched)
    assert "CVE-2026-89134" in names("wolfssl", "5.9.2", patches=patched)
    assert not names("wolfssl", "5.9.4")


@pytest.mark.parametrize(
    ("library", "version", "words"),
    [
        ("openssl", "3.5.6", None),
        ("openssl", "3.5.5", "older than 3.5.6"),
        ("openssl", "3.3.7", "nothing is known here of series 3.3"),
        ("openssl", "4.1.0", None),
        ("wolfssl", "5.9.2", None),
        ("wolfssl", "5.8.0", "series 5.8"),
        ("other", "0.1", None),
    ],
)
def test_what_is_older_than_the_table(library: str, version: str, words: str | None) -> None:
    told = too_old_to_know(Build(library, version))
    assert (told is None) == (words is None)
    assert words is None or (told is not None and words in told)


def test_lines_for_people() -> None:
    lines = known_faults(Build("openssl", "4.0.2"))
    joined = "\n".join(lines)
    assert "CVE-2026-84783: " in joined
    assert "NOT MET, take a newer release" in joined
    assert "Met: such a certificate is refused" in joined
    assert lines[-1].startswith("without effect here: CVE-")
    assert known_faults(Build("openssl", "4.0.3")) == []
    assert known_faults(Build("openssl", "3.5.1"))[0].startswith("published faults: it is older")


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def certificate_on(curve: ec.EllipticCurve) -> bytes:
    key = ec.generate_private_key(curve)
    root = ec.generate_private_key(ec.SECP256R1())
    now = x509.CertificateBuilder().subject_name(name_of("x")).issuer_name(name_of("y"))
    made = (
        now.public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2025, 1, 1))
        .not_valid_after(datetime.datetime(2045, 1, 1))
        .sign(root, hashes.SHA256())
    )
    return certificate_pem(made)


@pytest.mark.parametrize(
    ("curve", "concerned"),
    [
        (ec.SECP256R1(), False),
        (ec.SECP384R1(), False),
        (ec.SECP256K1(), True),
        (ec.BrainpoolP256R1(), True),
        (ec.BrainpoolP512R1(), True),
    ],
    ids=lambda item: getattr(item, "name", item),
)
@pytest.mark.parametrize("parameter", ["certificate", "certificate2"])
def test_keys_on_other_curves(
    reader: Reader, curve: ec.EllipticCurve, concerned: bool, parameter: str
) -> None:
    concerns = BY_NAME["CVE-2026-54872"].concerns
    assert concerns is not None
    shown = {"certificate": certificate_on(ec.SECP256R1()), "private_key": KEY}
    if parameter == "certificate2":
        shown["private_key2"] = KEY
    shown[parameter] = certificate_on(curve)
    assert concerns(Domain("one", "server", **shown), reader) == concerned


def test_a_certificate_that_cannot_be_read_concerns_nobody(reader: Reader) -> None:
    concerns = BY_NAME["CVE-2026-54872"].concerns
    assert concerns is not None
    for content in (GARBAGE, "/no/such/file", "/dev/null"):
        assert not concerns(Domain("one", "server", certificate=content, private_key=KEY), reader)
