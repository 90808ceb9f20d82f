"""What the tests of the C programs share: certificates, the libraries that are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.native import build as native
from tests.support import pki
from tests.support.libraries import LIBRARIES, lacks

SERVER_NAME = "bench.example"


@dataclass(frozen=True)
class Files:
    """Paths of PEM files below one folder."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def server(self, kind: str = "ec") -> dict[str, str]:
        """Words for both ends; the client verifies the server."""
        return {
            "server_name": SERVER_NAME,
            "certificate": self.path(f"{kind}.pem"),
            "key": self.path(f"{kind}.key"),
            "ca": self.path("ca.pem"),
        }

    def client(self) -> dict[str, str]:
        """Words for a client's certificate."""
        return {
            "client_certificate": self.path("client.pem"),
            "client_key": self.path("client.key"),
        }


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    # A blank and a percent sign, so that every test proves that they are quoted.
    found = Files(tmp_path_factory.mktemp("bench") / "a 100% strange folder")
    found.folder.mkdir()
    root = pki.Authority("bench root")
    for kind in ("ec", "rsa"):
        _write(found, kind, root.issue(names=[SERVER_NAME], usage=[pki.SERVER_AUTH], kind=kind))
    _write(found, "client", root.issue("client", usage=[pki.CLIENT_AUTH]))
    Path(found.path("ca.pem")).write_bytes(root.pem)
    Path(found.path("other-ca.pem")).write_bytes(pki.Authority("another root").pem)
    return found


def _write(found: Files, name: str, identity: pki.Identity) -> None:
    Path(found.path(f"{name}.pem")).write_bytes(pki.certificate_pem(identity.leaf))
    Path(found.path(f"{name}.key")).write_bytes(pki.key_pem(identity.key))


@pytest.fixture
def library(library: str) -> str:
    """The library under test, where a program in C can be linked with it."""
    try:
        native.facts(library)
    except native.LibraryMissingError as error:
        lacks(library, error)
    return library


def any_program(name: str) -> Path:
    """A program over the first library that is there."""
    for library in LIBRARIES:
        try:
            return native.build(library, name)
        except native.LibraryMissingError as error:
            reason = str(error)
    pytest.skip(reason)
