"""Findings: what a judge says about a server, and what of it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Finding", "Severity", "only_ours"]


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


def only_ours(ours: Iterable[Finding], theirs: Iterable[Finding]) -> list[Finding]:
    """Return findings that the other server does not have, or not as badly.

    Nothing is excused: what comes from the certificates, the plain server behind or the machine is
    the same for both.
    """
    known: dict[tuple[str, str], Severity] = {}
    for finding in theirs:
        key = finding.judge, finding.key
        known[key] = max(finding.severity, known.get(key, finding.severity))
    return sorted(
        finding for finding in ours if finding.severity > known.get((finding.judge, finding.key), 0)
    )
