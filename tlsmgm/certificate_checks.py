"""Checks of what stands in the files of a domain: what has expired, or is for something else.

Whether the files can be decoded at all, loading tells; here they are passed over then.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.crl import RevocationList
from tlsmgm._core.material import Folder, Material
from tlsmgm._core.pem import PemItem, split
from tlsmgm.domain import Domain, Source
from tlsmgm.errors import ConfigError, TLSError
from tlsmgm.reading import Reader

__all__ = ["DEFAULT_DAYS", "CertificateChecks", "Complaint"]

#: Days before the end of a certificate from which on it is told, unless its lifetime is short.
DEFAULT_DAYS: Final = 30

#: Of its lifetime, what must be left; those who renew certificates do it before.
_PART: Final = 3

_CERTIFICATES: Final = ("certificate", "certificate2")


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
    """A certificate, and where it stands; None if there is no file."""

    certificate: Certificate
    place: str | None

    def __str__(self) -> str:
        where = "" if self.place is None else f" ({self.place})"
        return f"{self.certificate.subject}{where}"


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
        self._certificates: dict[str, tuple[_Placed, ...]] = {}
        self._lists: dict[str, tuple[_List, ...]] = {}

    def complaints(self, domain: Domain) -> Iterator[Complaint]:
        """Say what is wrong with a domain's certificates, CAs and CRLs.

        Args:
            domain: any.
        """
        for parameter in _CERTIFICATES:
            shown = self._of_source(getattr(domain, parameter))
            for number, item in enumerate(shown):
                what = "certificate" if number == 0 else "chain certificate"
                yield from self._expiry(item, what, parameter)
            if shown:
                yield from _usage(domain, shown[0], parameter)
        listed, in_folder = self._trusted(domain)
        for parameter, items in (("ca_list", listed), ("ca_dir", in_folder)):
            for item in items:
                yield from self._expiry(item, "CA", parameter)
        if domain.crl_dir is not None and domain.verify_cert:
            yield from self._revocation(domain, domain.crl_dir, (*listed, *in_folder))

    # --- certificates --------------------------------------------------------------------

    def _trusted(self, domain: Domain) -> tuple[tuple[_Placed, ...], tuple[_Placed, ...]]:
        listed = self._of_source(domain.ca_list)
        if domain.ca_dir is None:
            return listed, ()
        found = self._certificates.get(domain.ca_dir)
        if found is None:
            files = self._files(domain.ca_dir, "ca_dir")
            found = tuple(
                item for file in files for item in _certificates_in(bytes(file), file.path)
            )
            self._certificates[domain.ca_dir] = found
        return listed, found

    def _of_source(self, source: Source | None) -> tuple[_Placed, ...]:
        """Those of a file or a value; what cannot be read is passed over."""
        if source is None:
            return ()
        if isinstance(source, bytes):
            return tuple(_certificates_in(source, None))
        if source not in self._certificates:
            try:
                found = tuple(_certificates_in(bytes(self._reader.file(source)), source))
            except ConfigError:
                found = ()
            self._certificates[source] = found
        return self._certificates[source]

    def _files(self, path: str, parameter: str) -> tuple[Material, ...]:
        try:
            folder: Folder = self._reader.folder(path, parameter)
        except ConfigError:
            return ()
        return folder.files

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
            return True, f"is not valid before {_time(start)}"
        if end < self._now:
            return True, f"expired on {_time(end)}"
        left = end - self._now
        if left < self._margin(end - start):
            return False, f"expires on {_time(end)}, in {_duration(left)}"
        return False, None

    def _margin(self, lifetime: datetime.timedelta) -> datetime.timedelta:
        if self._days is not None:
            return datetime.timedelta(days=self._days)
        return min(datetime.timedelta(days=DEFAULT_DAYS), lifetime / _PART)

    # --- revocation lists ----------------------------------------------------------------

    def _revocation(
        self, domain: Domain, path: str, trusted: tuple[_Placed, ...]
    ) -> Iterator[Complaint]:
        if path not in self._lists:
            files = self._files(path, "crl_dir")
            self._lists[path] = tuple(found for file in files for found in _lists_in(file))
        lists = self._lists[path]
        yield from self._out_of_force(lists)
        authorities = [item.certificate for item in trusted]
        if lists and authorities and not _has_list_by(lists, authorities):
            message = (
                f"no CRL in {path} is by a CA that the domain trusts, "
                "so all certificates that such a CA has signed itself are refused"
            )
            yield Complaint("warning", "crl", "crl_dir", message)

    def _out_of_force(self, lists: tuple[_List, ...]) -> Iterator[Complaint]:
        """Issuers of whom no list is in force: all that they have signed is refused."""
        of_issuers: dict[str, list[_List]] = {}
        for item in lists:
            of_issuers.setdefault(item.crl.issuer, []).append(item)
        bad = {
            issuer: items
            for issuer, items in of_issuers.items()
            if not any(item.is_in_force(self._now) for item in items)
        }
        severity: Literal["error", "warning"] = (
            "error" if len(bad) == len(of_issuers) else "warning"
        )
        for issuer, items in bad.items():
            latest = max(items, key=lambda item: item.end)
            if latest.end < self._now:
                what = f"ended on {_time(latest.end)}"
            else:
                what = f"is not in force before {_time(latest.begin)}"
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


def _certificates_in(data: bytes, name: str | None) -> Iterator[_Placed]:
    try:
        items = split(data, name)
    except ConfigError:
        return
    for item in items:
        if item.is_certificate and item.der is not None:
            try:
                certificate = Certificate(_without_trust(item))
            except TLSError:
                continue
            yield _Placed(certificate, None if name is None else item.place)


def _without_trust(item: PemItem) -> bytes:
    """The certificate alone: in a TRUSTED CERTIFICATE, OpenSSL's settings stand behind it."""
    der = item.der or b""
    if item.label != "TRUSTED CERTIFICATE" or len(der) < 2:
        return der
    size, header = der[1], 2
    if size & 0x80:  # the number of bytes of the length (X.690 section 8.1.3.5)
        header += size & 0x7F
        size = int.from_bytes(der[2:header], "big")
    return der[: header + size]


@dataclass(frozen=True, slots=True)
class _List:
    """A CRL, and where it stands."""

    crl: RevocationList
    place: str
    begin: datetime.datetime
    end: datetime.datetime

    def is_in_force(self, now: datetime.datetime) -> bool:
        return self.begin <= now <= self.end


def _lists_in(file: Material) -> Iterator[_List]:
    """Delta CRLs speak only of changes, and count for nothing alone."""
    for der, place in _lists_of(bytes(file), file.path):
        try:
            crl = RevocationList(der)
        except TLSError:
            continue
        if not crl.is_delta:
            begin = crl.this_update or datetime.datetime.max.replace(tzinfo=datetime.UTC)
            end = crl.next_update or datetime.datetime.max.replace(tzinfo=datetime.UTC)
            yield _List(crl, place, begin, end)


def _lists_of(data: bytes, path: str) -> Iterator[tuple[bytes, str]]:
    if data.startswith(b"\x30"):
        yield data, path
        return
    try:
        items = split(data, path)
    except ConfigError:
        return
    for item in items:
        if item.label == "X509 CRL" and item.der is not None:
            yield item.der, item.place


def _has_list_by(lists: Iterable[_List], authorities: Iterable[Certificate]) -> bool:
    found = False
    for item in lists:
        for authority in authorities:
            try:
                found = found or item.crl.may_be_by(authority)
            except TLSError:
                continue
    return found


def _time(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _duration(left: datetime.timedelta) -> str:
    days, hours = left.days, left.seconds // 3600
    if days >= 3:
        return f"{days} days"
    return f"{24 * days + hours} hours"
