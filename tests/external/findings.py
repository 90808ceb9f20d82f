"""Findings: what a judge says about a server, and what of it counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["EXCUSED", "Finding", "Severity", "only_ours"]


class Severity(IntEnum):
    """How bad a finding is, in the words of testssl.sh."""

    LOW = 1
    WARN = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


@dataclass(frozen=True, order=True)
class Finding:
    """One complaint.

    Attributes:
        judge: who says it.
        key: what it is about; the same for every server.
        severity: how bad it is.
        text: in the judge's words.
    """

    judge: str
    key: str
    severity: Severity
    text: str


#: Keys that say nothing about a server, and why. All of them come from certificates that were made
#: for the occasion, from the plain server behind the proxy, or from the machine.
EXCUSED = {
    r"testssl: cert_(chain_of_trust|trust|caRecord|revocation|crlRevoked)\b.*": (
        "nobody trusts an authority that was made for this run"
    ),
    r"testssl: (cert_crlDistributionPoints|cert_ocspURL|OCSP_stapling|DNS_CAArecord)\b.*": (
        "an authority that was made for this run has no revocation service and no DNS"
    ),
    r"testssl: cert_(expirationStatus|notAfter|extlifeSpan|validityPeriod)\b.*": (
        "the certificates live as long as the run"
    ),
    r"testssl: (HSTS|HPKP|banner_|security_headers|cookie_|HTTP_|BREACH|ipv4_in_header).*": (
        "what is said in HTTP is the business of the server behind the proxy"
    ),
    r"testssl: (overall_grade|final_score|grade_cap_reason_\d+|scanTime|engine_problem|old_fart)": (
        "a sum over the others, or about the judge"
    ),
    r"testssl: sessionresumption_ticket": (
        "the judge hangs up as soon as it has sent its Finished, and sometimes before the ticket "
        "comes, which is sent after that; the tests see tickets resume"
    ),
    r"sslyze: certificate_.*": "the same files are shown by every server",
}


def is_excused(finding: Finding) -> bool:
    """Say whether a finding is on the list."""
    return any(re.fullmatch(key, f"{finding.judge}: {finding.key}") for key in EXCUSED)


def only_ours(ours: Iterable[Finding], theirs: Iterable[Finding]) -> list[Finding]:
    """Return findings that the other server does not have, or not as badly."""
    known: dict[tuple[str, str], Severity] = {}
    for finding in theirs:
        key = finding.judge, finding.key
        known[key] = max(finding.severity, known.get(key, finding.severity))
    return sorted(
        finding
        for finding in ours
        if not is_excused(finding) and finding.severity > known.get((finding.judge, finding.key), 0)
    )
