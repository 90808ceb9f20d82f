"""Checks of what stands in the files of a domain: what has expired, or is for something else.

Whether the files can be decoded at all, loading tells; here they are passed over then.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.crl import RevocationList
from tlsmgm._core.items import Item, read_chain, read_trust
from tlsmgm._core.material import Folder
from tlsmgm._domains.domain import Domain, Source
from tlsmgm._domains.words import minute
from tlsmgm._material.reading import Reader
from tlsmgm.errors import ConfigError, TLSError

__all__ = ["DEFAULT_DAYS", "CertificateChecks", "Complaint"]

#: Days before the end of a certificate from which on it is told, unless its lifetime is short.
DEFAULT_DAYS: Final = 30

#: Of its lifetime, what must be left; those who renew certificates do it before.
_PART: Final = 3

_CERTIFICATES: Final = ("certificate", "certificate2")

#: Beginning of the object identifiers of RSA keys in DER (RFC 8017 appendix C).
_RSA: Final = bytes.fromhex("06092a864886f70d0101")


class Complaint(NamedTuple):
    """What is wrong with a file of a domain.

    Attributes:
        severity: ``"error"`` or ``"warning"``.
        check: which check found it, one word.
        parameter: that names the file.
        message: a sentence.
    """

    severity: Literal["error", "warning"]
    check: str
    parameter: str
    message: str


@dataclass(frozen=True, slots=True)
class _Placed:
    """A certificate, and where it stands."""

    certificate: Certificate
    place: str

    def __str__(self) -> str:
        return f"{self.certificate.subject} ({self.place})"


class CertificateChecks:
    """Checks the files of one configuration; what several domains name is taken apart once.

    Args:
        reader: reads them.
        now: the time to compare with.
        days: warn of certificates that expire within so many days; None: within 30, or within a
            third of their lifetime if that is less.
    """

    def __init__(self, reader: Reader, now: datetime.datetime, days: int | None = None) -> None:
        self._reader = reader
        self._now = now
        self._days = days
        self._chains: dict[tuple[str, Source], tuple[_Placed, ...]] = {}
        self._trusted: dict[tuple[Source | None, str | None], tuple[_Placed, ...]] = {}
        self._lists: dict[str, tuple[_List, ...]] = {}

    def complaints(self, domain: Domain) -> Iterator[Complaint]:
        """Say what is wrong with a domain's certificates, CAs and CRLs.

        Args:
            domain: any.
        """
        for parameter in _CERTIFICATES:
            shown = self._chain(domain, parameter)
            for number, item in enumerate(shown):
                what = "certificate" if number == 0 else "chain certificate"
                yield from self._expiry(item, what, parameter)
            if shown:
                yield from _usage(domain, shown[0], parameter)
        trusted = self._authorities(domain)
        for item in trusted:
            yield from self._expiry(item, "CA", "ca_dir" if domain.ca_list is None else "ca_list")
        if domain.crl_dir is not None and domain.verify_cert:
            yield from self._revocation(domain.crl_dir, trusted, domain.crl_check_all)

    def key_kinds(self, domain: Domain) -> frozenset[str]:
        """Say what kinds of keys a domain's own certificates have.

        Args:
            domain: any.

        Returns:
            Of ``"rsa"`` and ``"ecdsa"`` (Ed25519 and Ed448 included, as suites have it); empty if
            none can be read.
        """
        shown = [self._chain(domain, parameter) for parameter in _CERTIFICATES]
        keys = [chain[0].certificate.public_key_info for chain in shown if chain]
        return frozenset("rsa" if _RSA in key[:32] else "ecdsa" for key in keys)

    # --- certificates --------------------------------------------------------------------

    def _chain(self, domain: Domain, parameter: str) -> tuple[_Placed, ...]:
        source: Source | None = getattr(domain, parameter)
        if source is None:
            return ()
        key = parameter, source
        if key not in self._chains:
            try:
                content = self._reader.content(source)
                self._chains[key] = _certificates(read_chain(content, parameter))
            except ConfigError:
                self._chains[key] = ()
        return self._chains[key]

    def _authorities(self, domain: Domain) -> tuple[_Placed, ...]:
        """Those that the domain names itself."""
        key = domain.ca_list, domain.ca_dir
        if key not in self._trusted:
            try:
                listed = None if domain.ca_list is None else self._reader.content(domain.ca_list)
                folder = None if domain.ca_dir is None else self._folder(domain.ca_dir, "ca_dir")
                self._trusted[key] = _certificates(read_trust(listed, folder).cas)
            except ConfigError:
                self._trusted[key] = ()
        return self._trusted[key]

    def _folder(self, path: str, parameter: str) -> Folder:
        return self._reader.folder(path, parameter)

    def _expiry(self, item: _Placed, what: str, parameter: str) -> Iterator[Complaint]:
        """An expired CA is a warning: bundles often hold some, beside the one that is needed."""
        is_bad, text = self._validity(item.certificate)
        if text is not None:
            severity: Literal["error", "warning"] = "warning"
            if is_bad and parameter in _CERTIFICATES:
                severity = "error"
            yield Complaint(severity, "expiry", parameter, f"{what} {item} {text}")

    def _validity(self, certificate: Certificate) -> tuple[bool, str | None]:
        """Whether the certificate is bad now, and what there is to say."""
        start, end = certificate.not_before, certificate.not_after
        if start is None or end is None:
            return True, "has no readable time of validity"
        if start > self._now:
            return True, f"is not valid before {minute(start)}"
        if end < self._now:
            return True, f"expired on {minute(end)}"
        left = end - self._now
        if left < self._margin(end - start):
            return False, f"expires on {minute(end)}, in {_duration(left)}"
        return False, None

    def _margin(self, lifetime: datetime.timedelta) -> datetime.timedelta:
        if self._days is not None:
            return datetime.timedelta(days=self._days)
        return min(datetime.timedelta(days=DEFAULT_DAYS), lifetime / _PART)

    # --- revocation lists ----------------------------------------------------------------

    def _revocation(
        self, path: str, trusted: tuple[_Placed, ...], whole_chain: bool
    ) -> Iterator[Complaint]:
        if path not in self._lists:
            try:
                found = read_trust(crl_dir=self._folder(path, "crl_dir")).crls
            except ConfigError:
                found = ()
            self._lists[path] = tuple(_lists(found))
        lists = self._lists[path]
        yield from self._out_of_force(lists)
        authorities = [item.certificate for item in trusted]
        if not lists or not authorities:
            return
        if _has_list_by(lists, authorities):
            if whole_chain:
                yield from _lists_above(path, lists, authorities)
            return
        message = f"no CRL in {path} is by a CA that the domain trusts, so "
        if whole_chain:
            message += "everybody is refused, as crl_check_all wants one of each CA of a chain"
        else:
            message += "all certificates that such a CA has signed itself are refused"
        yield Complaint("error" if whole_chain else "warning", "crl", "crl_dir", message)

    def _out_of_force(self, lists: tuple[_List, ...]) -> Iterator[Complaint]:
        """Issuers of whom no list is in force: all that they have signed is refused."""
        of_issuers: dict[str, list[_List]] = {}
        for item in lists:
            of_issuers.setdefault(item.crl.issuer, []).append(item)
        bad = {
            issuer: items
            for issuer, items in of_issuers.items()
            if not any(item.counts(self._now) for item in items)
        }
        severity: Literal["error", "warning"] = (
            "error" if len(bad) == len(of_issuers) else "warning"
        )
        for issuer, items in bad.items():
            latest = max(items, key=lambda item: (item.is_in_force(self._now), item.end))
            if latest.is_in_force(self._now):
                what = f"counts for nothing, as {latest.crl.flaw}"
            elif latest.end < self._now:
                what = f"ended on {minute(latest.end)}"
            else:
                what = f"is not in force before {minute(latest.begin)}"
            message = f"the CRL of {issuer} ({latest.place}) {what}: its certificates are refused"
            yield Complaint(severity, "crl", "crl_dir", message)


def _usage(domain: Domain, item: _Placed, parameter: str) -> Iterator[Complaint]:
    """A certificate whose extended key usage is for the other side."""
    try:
        usages = item.certificate.usages
    except TLSError:
        return
    if usages is None or domain.kind in usages:
        return
    if domain.kind == "server":
        message = f"certificate {item} is not for servers (extendedKeyUsage): clients refuse it"
    else:
        only = "for servers only" if usages else "not for clients"
        message = (
            f"certificate {item} is {only} (extendedKeyUsage): most servers refuse it; "
            "ask the CA for one with clientAuth"
        )
    yield Complaint("warning", "usage", parameter, message)


def _certificates(items: Iterable[Item]) -> tuple[_Placed, ...]:
    found = []
    for item in items:
        with contextlib.suppress(TLSError):
            found.append(_Placed(Certificate(item.der), item.place))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _List:
    """A CRL, and where it stands."""

    crl: RevocationList
    place: str
    begin: datetime.datetime
    end: datetime.datetime

    def is_in_force(self, now: datetime.datetime) -> bool:
        return self.begin <= now <= self.end

    def counts(self, now: datetime.datetime) -> bool:
        return self.is_in_force(now) and self.crl.flaw is None


def _lists(items: Iterable[Item]) -> Iterator[_List]:
    """Delta CRLs speak only of changes, and count for nothing alone."""
    latest = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    for item in items:
        if item.is_delta:
            continue
        with contextlib.suppress(TLSError):
            crl = RevocationList(item.der)
            begin, end = crl.this_update or latest, crl.next_update or latest
            yield _List(crl, item.place, begin, end)


def _has_list_by(lists: Sequence[_List], authorities: Iterable[Certificate]) -> bool:
    pairs = ((item.crl, authority) for item in lists for authority in authorities)
    return any(crl.may_be_by(authority) for crl, authority in pairs)


def _lists_above(
    path: str, lists: Sequence[_List], authorities: Iterable[Certificate]
) -> Iterator[Complaint]:
    """CAs with a list, whose own issuer has none: crl_check_all asks whether they are revoked."""
    issuers = {item.crl.issuer for item in lists}
    for authority in authorities:
        if authority.issuer not in issuers and _has_list_by(lists, [authority]):
            message = (
                f"no CRL in {path} is by {authority.issuer}, which has signed {authority.subject}; "
                "with crl_check_all everybody below is refused"
            )
            yield Complaint("warning", "crl", "crl_dir", message)


def _duration(left: datetime.timedelta) -> str:
    days, hours = left.days, left.seconds // 3600
    if days >= 3:
        return f"{days} days"
    return f"{24 * days + hours} hours"
