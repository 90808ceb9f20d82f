"""Whom a domain trusts is whom it names; the defaults count where it names nobody."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import client_domain, method_of, server_domain
from tests.support.pairs import Managers, manager
from tests.support.pki import Authority, Identity, write_ca_dir
from tlsmgm import Domain, TLSManager, VerificationError
from tlsmgm._material import trust
from tlsmgm._material.reading import Reader
from tlsmgm._material.trust import trust_of


class System:
    """A system with a default directory of CAs, and a store, as a test wants them."""

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = path
        self._patch = patch
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            patch.delenv(name, raising=False)
        self.default_dir(path / "none")
        self.store(None, None)
        patch.setattr(trust, "_SYSTEM_LISTS", ())

    def default_dir(self, path: Path) -> None:
        self._patch.setattr(trust, "DEFAULT_CA_DIR", str(path))

    def store(self, file: Path | None, folder: Path | None) -> None:
        found = ssl.DefaultVerifyPaths(
            None if file is None else str(file),
            None if folder is None else str(folder),
            *("SSL_CERT_FILE", "/nowhere", "SSL_CERT_DIR", "/nowhere"),
        )
        self._patch.setattr(ssl, "get_default_verify_paths", lambda: found)

    def lists(self, *paths: Path) -> None:
        self._patch.setattr(trust, "_SYSTEM_LISTS", tuple(map(str, paths)))


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    return System(tmp_path, monkeypatch)


class People:
    """Two authorities, and a site and a user of each."""

    def __init__(self) -> None:
        self.named, self.other = Authority("named"), Authority("other")
        self.sites = [ca.issue("site", names=["dom1.test"]) for ca in (self.named, self.other)]
        self.users = [ca.issue("user") for ca in (self.named, self.other)]


@pytest.fixture(scope="module")
def people() -> People:
    return People()


def whom_a_client_trusts(
    library: str, people: People, version: str, **fields: Any
) -> tuple[bool, ...]:
    method = {"method": method_of(version)}
    clients = manager(library, Domain("client", "client", **(method | fields)))
    return tuple(
        accepts(clients, manager("openssl", served(site, **method))) for site in people.sites
    )


def whom_a_server_trusts(
    library: str, people: People, version: str, **fields: Any
) -> tuple[bool, ...]:
    method = {"method": method_of(version)}
    rules = {"verify_cert": True, "require_cert": True} | method | fields
    servers = manager(library, served(people.sites[0], **rules))
    found = []
    for user in people.users:
        shown = user.fields() | {"ca_list": people.named.pem} | method
        found.append(accepts(manager("openssl", client_domain(**shown)), servers))
    return tuple(found)


def served(site: Identity, **fields: Any) -> Domain:
    return server_domain("dom1", **(site.fields() | fields))


def accepts(clients: TLSManager, servers: TLSManager) -> bool:
    pair = Managers(servers, clients).pair().pump()
    errors = [error for error in (pair.client_error, pair.server_error) if error is not None]
    assert not errors or any(isinstance(error, VerificationError) for error in errors)
    return not errors


def test_the_default_directory_widens_nothing(
    library: str, version: str, people: People, system: System, tmp_path: Path
) -> None:
    system.default_dir(Path(write_ca_dir(tmp_path / "default", people.other)))
    system.store(None, Path(write_ca_dir(tmp_path / "store", people.other)))
    named = write_ca_dir(tmp_path / "named", people.named)
    for whom in (whom_a_client_trusts, whom_a_server_trusts):
        for fields in ({"ca_list": people.named.pem}, {"ca_dir": named}):
            assert whom(library, people, version, **fields) == (True, False)


def test_the_default_directory_where_nobody_is_named(
    library: str, version: str, people: People, system: System, tmp_path: Path
) -> None:
    system.default_dir(Path(write_ca_dir(tmp_path / "default", people.other)))
    system.store(None, Path(write_ca_dir(tmp_path / "store", people.named)))
    for whom in (whom_a_client_trusts, whom_a_server_trusts):
        assert whom(library, people, version) == (False, True)


@pytest.mark.parametrize("what", ["file", "folder", "list"])
def test_the_store_of_the_system(
    library: str, version: str, people: People, system: System, tmp_path: Path, what: str
) -> None:
    """Clients take it; a server lets nobody in whom half of the world may have signed."""
    (tmp_path / "empty").mkdir()
    system.default_dir(tmp_path / "empty")
    path = tmp_path / "store.pem"
    path.write_bytes(people.other.pem)
    if what == "file":
        system.store(path, None)
    elif what == "folder":
        system.store(None, Path(write_ca_dir(tmp_path / "store", people.other)))
    else:
        system.lists(tmp_path / "none", path)
    assert whom_a_client_trusts(library, people, version) == (False, True)
    assert whom_a_server_trusts(library, people, version) == (False, False)


def test_a_system_without_trusted_certificates(
    library: str, version: str, people: People, system: System
) -> None:
    assert whom_a_client_trusts(library, people, version) == (False, False)
    clients = manager(library, Domain("lonely", "client"))
    servers = manager(library, served(people.sites[0], verify_cert=True))
    for made, words in ((clients, "verifies servers"), (servers, "verifies clients")):
        (text,) = [text for text in made.warnings if "trusts nobody" in text]
        assert words in text
        assert "parameter 'ca_list'" in text


def test_who_sets_the_variables_of_openssl_means_it(
    people: People, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not there is nobody, not somebody else."""
    path = tmp_path / "store.pem"
    path.write_bytes(people.other.pem)
    system.lists(path)
    domain = Domain("client", "client")
    with Reader() as reader:
        assert trust_of(domain, reader).ca_list == str(path)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        assert trust_of(domain, reader).ca_list is None
        assert trust_of(domain, reader).warning is not None


def test_who_does_not_verify_needs_nobody(people: People, system: System, tmp_path: Path) -> None:
    system.default_dir(Path(write_ca_dir(tmp_path / "default", people.other)))
    with Reader() as reader:
        for domain in (Domain("a", "client", verify_cert=False), server_domain()):
            found = trust_of(domain, reader)
            assert (found.ca_list, found.ca_dir, found.warning) == (None, None, None)


def test_a_reload_sees_the_default_directory(
    library: str, people: People, system: System, tmp_path: Path
) -> None:
    folder = tmp_path / "default"
    folder.mkdir()
    system.default_dir(folder)
    clients = manager(library, Domain("client", "client"))
    servers = manager("openssl", served(people.sites[1]))
    assert not accepts(clients, servers)
    source = write_ca_dir(tmp_path / "made", people.other)
    for name in os.listdir(source):
        os.rename(Path(source) / name, folder / name)
    assert clients.reload().changed == ("client",)
    assert accepts(clients, servers)
    assert clients.reload().changed == ()


def test_the_same_for_a_context_of_ssl(people: People, system: System, tmp_path: Path) -> None:
    system.default_dir(Path(write_ca_dir(tmp_path / "default", people.other)))
    names = {
        tuple(cert["subject"][0][0][1] for cert in context.get_ca_certs())
        for context in (
            Domain("a", "client", ca_list=people.named.pem).ssl_context(),
            Domain("a", "client").ssl_context(),
        )
    }
    assert names == {("named",), ("other",)}
