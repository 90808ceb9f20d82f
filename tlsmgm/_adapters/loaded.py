"""What a context has been given to show and to trust, read once when it was given.

A library's context is built of it later, perhaps when the files have changed or gone.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.items import Item, read_trust
from tlsmgm._core.material import Folder, Material
from tlsmgm._material.reading import Reader
from tlsmgm.errors import ProtocolError

__all__ = ["AnyPath", "Identity", "Trusted", "key_kind", "pem_of", "read", "split_der"]

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its chain and key.

    Attributes:
        certificate: the file with the chain.
        key: the file with the key, perhaps the same one.
        passphrase: of the key; None: it was not asked for.
        kind: of the key, such as ``"1.2.840.10045.2.1"``; a context shows one of each.
    """

    certificate: Material | bytes
    key: Material
    passphrase: bytes | None
    kind: bytes


def read(path: AnyPath) -> Material:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        ConfigError: it does not answer, or is too large.
    """
    name = os.fsdecode(path)
    with open(name, "rb"):  # for the error that everybody knows
        pass
    with Reader() as reader:
        return reader.file(name)


def pem_of(der: bytes) -> bytes:
    """Return a certificate in PEM."""
    return ssl.DER_cert_to_PEM_cert(der).encode()


class Trusted:
    """Certificates and lists of revoked ones, from files, directories and memory."""

    def __init__(self) -> None:
        self._pems: list[bytes | Material] = []
        self._folders: list[str] = []
        self._crls: list[Material] = []
        self._found: dict[bool, tuple[Certificate, ...]] = {}  # until something is added

    def add_file(self, material: Material) -> None:
        """Add what a file holds, certificates and CRLs."""
        self._found.clear()
        if b"-----BEGIN X509 CRL" in bytes(material):
            self._crls.append(material)
        if b"CERTIFICATE-----" in bytes(material):
            self._pems.append(material)

    def add_pem(self, data: bytes) -> None:
        """Add certificates in PEM."""
        self._found.clear()
        self._pems.append(data)

    def add_folder(self, path: str) -> None:
        """Add a directory; it is read when somebody asks whom to trust."""
        self._found.clear()
        self._folders.append(path)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._pems or self._folders)

    @property
    def has_folders(self) -> bool:
        """Whether there are directories."""
        return bool(self._folders)

    @property
    def crls(self) -> Folder | None:
        """Lists of revoked certificates, as a library takes them; None: there are none."""
        return Folder("revoked", self._crls, ()) if self._crls else None

    def certificates(self, *, partial: bool) -> tuple[Certificate, ...]:
        """Return whom to trust.

        Args:
            partial: whether a chain may end in any of them (``VERIFY_X509_PARTIAL_CHAIN``). If
                not, one counts only where its issuers are here as well, up to one that has issued
                itself: our libraries trust all that they are given.
        """
        known = self._found.get(partial)
        if known is None:
            found = dict.fromkeys(_certificates(self._items()))
            known = tuple(found) if partial else tuple(_rooted(found))
            self._found[partial] = known
        return known

    def _items(self) -> Iterator[Item]:
        for pem in self._pems:
            yield from read_trust(ca_list=pem).cas
        with Reader() as reader:
            for path in self._folders:
                folder = reader.folder(path, "ca_dir")
                if folder.files:
                    yield from read_trust(ca_dir=folder).cas


def _certificates(items: Iterable[Item]) -> Iterator[Certificate]:
    for item in items:
        try:
            yield Certificate(item.der)
        except ProtocolError:  # no chain can end in what cannot be read
            continue


def _rooted(found: Iterable[Certificate]) -> Iterator[Certificate]:
    by_subject: dict[str, list[Certificate]] = {}
    for one in found:
        by_subject.setdefault(one.subject, []).append(one)
    good: set[str] = {one.subject for one in found if one.is_self_issued}
    grown = True
    while grown:
        more = {
            subject
            for subject, same in by_subject.items()
            if subject not in good and any(one.issuer in good for one in same)
        }
        good |= more
        grown = bool(more)
    for one in found:
        if one.is_self_issued or one.issuer in good:
            yield one


def split_der(data: bytes) -> Iterator[bytes]:
    """Yield the elements of a text in DER, one behind the other; they have been looked at."""
    at = 0
    while at + 2 <= len(data):
        size = data[at + 1]
        head = 2
        if size >= 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[at + 2 : at + head])
        yield data[at : at + head + size]
        at += head + size


def key_kind(public_key_info: bytes) -> bytes:
    """Return what tells kinds of keys apart: the algorithm's object identifier in DER."""
    info = next(split_der(public_key_info))
    algorithm = next(split_der(_content(info)))
    return next(split_der(_content(algorithm)))


def _content(element: bytes) -> bytes:
    return element[2 + (element[1] & 0x7F if element[1] >= 0x80 else 0) :]
