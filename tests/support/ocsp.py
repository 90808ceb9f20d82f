"""OCSP responses of the tests' own authorities."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.pki import Authority, Identity

_DAY = datetime.timedelta(days=1)
STATUSES = {
    "good": ocsp.OCSPCertStatus.GOOD,
    "revoked": ocsp.OCSPCertStatus.REVOKED,
    "unknown": ocsp.OCSPCertStatus.UNKNOWN,
}


def responder(issuer: Authority) -> Identity:
    """Return a certificate with which an authority lets somebody else answer."""
    return issuer.issue("responder", usage=[ExtendedKeyUsageOID.OCSP_SIGNING])


def response(
    issuer: Authority,
    about: Identity,
    status: str = "good",
    *,
    days: tuple[int, int] = (-1, 7),
    signer: Authority | Identity | None = None,
    digest: hashes.HashAlgorithm | None = None,
    ends: bool = True,
) -> bytes:
    """Return the DER of a response.

    Args:
        issuer: of the certificate.
        about: the certificate.
        status: ``good``, ``revoked`` or ``unknown``.
        days: when it was made and when it ends, counted from now.
        signer: who signs; None: the issuer.
        digest: by which the certificate is named; None: SHA-1, as most responders do.
        ends: whether it says when it ends.
    """
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0, tzinfo=None)
    signing = signer or issuer
    shown = signing.leaf if isinstance(signing, Identity) else signing.certificate
    revoked = status == "revoked"
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=about.leaf,
        issuer=issuer.certificate,
        algorithm=digest or hashes.SHA1(),
        cert_status=STATUSES[status],
        this_update=now + days[0] * _DAY,
        next_update=now + days[1] * _DAY if ends else None,
        revocation_time=now - 2 * _DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, shown)
    if isinstance(signing, Identity):
        builder = builder.certificates([shown])
    made = builder.sign(signing.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def refusal() -> bytes:
    """Return the DER of a response that says "try later"."""
    made = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    return made.public_bytes(serialization.Encoding.DER)
