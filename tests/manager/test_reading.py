"""A reload reads each file once, loads what it has compared, and waits for no file for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import assert_echo, client_domain, connect, manager_of, server_domain
from tests.support.pairs import Managers, manager
from tests.support.pki import Authority, Identity, key_pem, write_ca_dir
from tests.support.scripts import Site, client, server
from tlsmgm import ConfigError, Domain, ReloadReport, TLSManager, VerificationError
from tlsmgm._core.material import Material
from tlsmgm._material import reading

UNCHANGED = ReloadReport()
LONG = 30.0
SHORT = 0.5


class World:
    """Two server domains with files of their own, and who may come.

    The keys are encrypted, so that something can happen in the middle of a load: whenever a domain
    asks for the passphrase, its files have been read, and its context is not there yet.
    """

    def __init__(self, path: Path, library: str) -> None:
        self.path = path
        self.root, self.other = Authority("root"), Authority("other")
        self.site = self.root.issue("site", names=["dom1.test"])
        self.good, self.gone = self.root.issue("good"), self.root.issue("gone")
        self.meanwhile: Callable[[], object] = lambda: None
        self.crls = path / "crls"
        self.crls.mkdir()
        (self.crls / "old").write_bytes(self.root.crl(days=(-9, 30)))
        self.newer = self.root.crl(self.gone)
        (self.crls / "new").write_bytes(self.newer)
        self.cas = self.root.pem + self.other.pem
        (path / "ca.pem").write_bytes(self.cas)
        (path / "key.pem").write_bytes(key_pem(self.site.key, b"secret"))
        (path / "cert.pem").write_bytes(self.site.fields()["certificate"])
        self.manager = manager(library, self.domain("first", "dom1.test"), self.domain("second"))
        self.library = library

    def domain(self, name: str, names: str = "dom2.test") -> Domain:
        return Domain(
            name,
            "server",
            match_sip_domain=names,
            certificate=self.path / "cert.pem",
            private_key=self.path / "key.pem",
            private_key_passphrase=self.passphrase,
            ca_list=self.path / "ca.pem",
            crl_dir=self.crls,
        )

    def passphrase(self) -> str:
        self.meanwhile()
        return "secret"

    def lets_in(self, user: Identity) -> bool:
        """Whether the servers let somebody in; both domains must say the same."""
        fields = user.fields() | {"ca_list": self.root.pem, "danger_skip_hostname_check": True}
        clients = manager("openssl", client_domain(**fields))
        said = set()
        for name in ("dom1.test", "dom2.test"):
            pair = Managers(self.manager, clients).pair(name).pump()
            said.add(isinstance(pair.server_error, VerificationError))
        assert len(said) == 1
        return not said.pop()


@pytest.fixture
def world(tmp_path: Path, library: str) -> World:
    return World(tmp_path, library)


def test_a_crl_that_is_half_written_during_a_reload(world: World) -> None:
    """Read when it was whole, and cut when the library came to it: the revocation holds."""
    assert (world.lets_in(world.good), world.lets_in(world.gone)) == (True, False)
    (world.crls / "more").write_bytes(world.other.crl())
    world.meanwhile = lambda: (world.crls / "new").write_bytes(world.newer[:200])
    assert world.manager.reload().changed == ("first", "second")
    assert (world.lets_in(world.good), world.lets_in(world.gone)) == (True, False)
    world.meanwhile = lambda: None
    (world.crls / "new").write_bytes(world.newer)
    assert world.manager.reload() == UNCHANGED
    assert (world.lets_in(world.good), world.lets_in(world.gone)) == (True, False)


def test_a_crl_that_is_whole_again_during_a_reload(world: World) -> None:
    """Read when it was short: the next reload finds that, whatever the library could have met."""
    empty = world.root.crl()
    (world.crls / "new").write_bytes(empty)
    world.meanwhile = lambda: (world.crls / "new").write_bytes(world.newer)
    assert world.manager.reload().changed == ("first", "second")
    assert world.lets_in(world.gone)
    assert world.manager.reload().changed == ("first", "second")
    assert not world.lets_in(world.gone)
    assert world.manager.reload() == UNCHANGED


def test_a_list_of_cas_that_is_half_written_during_a_reload(world: World) -> None:
    stranger = world.other.issue("stranger")
    (world.crls / "more").write_bytes(world.other.crl())
    path = world.path / "ca.pem"
    world.meanwhile = lambda: path.write_bytes(world.root.pem + world.other.pem[:100])
    assert world.manager.reload().changed == ("first", "second")
    assert world.lets_in(stranger)
    world.meanwhile = lambda: None
    path.write_bytes(world.cas)
    assert world.manager.reload() == UNCHANGED
    assert world.lets_in(stranger)
    path.write_bytes(world.root.pem)
    assert world.manager.reload().changed == ("first", "second")
    assert not world.lets_in(stranger)


def test_a_key_that_is_replaced_in_place(world: World) -> None:
    """Its content counts, not what the file system says of it."""
    path = world.path / "key.pem"
    before = os.stat(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"\n", 200) - 5
    content[at] = ord("A") if content[at] != ord("A") else ord("B")
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ConfigError, match="private_key"):
        world.manager.reload()


def test_each_file_is_read_once_for_all_domains(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[str] = []

    def counted(path: str) -> Material:
        paths.append(path)
        return Material(path)

    monkeypatch.setattr(reading, "Material", counted)
    assert world.manager.reload() == UNCHANGED
    names = ["ca.pem", "cert.pem", "crls/new", "crls/old", "key.pem"]
    assert sorted(paths) == [str(world.path / name) for name in names]


# What is not waited for.


class Stall:
    """Lets the reads of some paths wait until they may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: set[str] = set()
        self.begun, self.go_on = threading.Event(), threading.Event()
        monkeypatch.setattr(reading, "Material", self.read)

    def read(self, path: str) -> Material:
        if path in self.paths:
            self.begun.set()
            assert self.go_on.wait(LONG)
        return Material(path)

    def end(self) -> None:
        self.go_on.set()
        for thread in threading.enumerate():
            if thread.name == "tlsmgm-reader":
                thread.join(LONG)


@pytest.fixture
def stall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stall]:
    made = Stall(monkeypatch)
    yield made
    made.end()


@pytest.mark.parametrize(
    "parameter",
    ["certificate", "private_key", "ca_list", "dh_params", "ocsp_response", "ticket_key_file"],
)
def test_a_fifo_is_refused_at_once(site: Site, library: str, parameter: str) -> None:
    site.write(server())
    manager = site.load()
    os.mkfifo(site.path / "fifo")
    fifo = str(site.path / "fifo")
    domain = server_domain("dom2", **{parameter: fifo})
    with pytest.raises(ConfigError, match="FIFO") as caught:
        manager.add_domain(domain)
    assert (caught.value.domain, caught.value.parameter) == ("dom2", parameter)
    if parameter in ("certificate", "private_key", "ca_list", "dh_params"):
        lines = [line for line in server() if f'"{parameter}"' not in line]
        site.write([*lines, f'modparam("tls_mgm", "{parameter}", "[dom1]{fifo}")'])
        for load in (manager.reload, site.load):
            with pytest.raises(ConfigError, match="FIFO"):
                load()
    assert_echo(*connect(manager, manager_of(library, client_domain())))


def test_a_read_that_stalls(
    site: Site, library: str, stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write(server(ca_list="ca.pem"), server("dom2"))
    site.replace("ca.pem", "root.pem")
    manager = site.load()
    monkeypatch.setattr(reading, "FILE_TIMEOUT", SHORT)
    stall.paths = {str(site.path / "ca.pem")}
    with pytest.raises(ConfigError, match=r"ca\.pem does not answer within 0\.5 seconds") as error:
        manager.reload()
    assert (error.value.domain, error.value.parameter) == ("dom1", "ca_list")
    assert str(site.script) in str(error.value)
    for load in (manager.reload, site.load):
        with pytest.raises(ConfigError, match=r"ca\.pem still does not answer"):
            load()
    assert_echo(*connect(manager, manager_of(library, client_domain())))
    manager.add_domain(server_domain("dom3"))
    stall.end()
    monkeypatch.setattr(reading, "FILE_TIMEOUT", LONG)
    assert manager.reload() == UNCHANGED


def test_a_directory_that_stalls(site: Site, stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(server(crl_dir="crls"))
    manager = site.load()
    monkeypatch.setattr(reading, "FILE_TIMEOUT", SHORT)
    stall.paths = {str(next((site.path / "crls").iterdir()))}
    with pytest.raises(ConfigError, match="does not answer") as caught:
        manager.reload()
    assert caught.value.parameter == "crl_dir"


def test_a_configuration_that_stalls(
    site: Site, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write(server())
    manager = site.load()
    monkeypatch.setattr(reading, "FILE_TIMEOUT", SHORT)
    text = site.script.read_bytes()
    site.script.unlink()
    os.mkfifo(site.script)
    for load in (manager.reload, site.load):
        with pytest.raises(ConfigError, match="does not answer"):
            load()
        site.script.write_bytes(b"")  # lets the thread that was left behind come to an end
        for thread in threading.enumerate():
            if thread.name == "tlsmgm-reader":
                thread.join(LONG)
    site.script.unlink()
    site.script.write_bytes(text)
    monkeypatch.setattr(reading, "FILE_TIMEOUT", LONG)
    assert manager.reload() == UNCHANGED


def test_a_pipe_by_its_descriptor(library: str) -> None:
    """As a shell's ``<(command)``: it gives what it has once."""
    fields = Authority().issue(names=["dom1.test"]).fields()
    here, there = os.pipe()
    os.write(there, fields["private_key"])
    os.close(there)
    path = f"/dev/fd/{here}"
    manager = TLSManager(library)
    manager.add_domain(server_domain(**(fields | {"private_key": path})))
    with pytest.raises(ConfigError, match="nothing in it; it can be read once"):
        manager.reload()
    os.close(here)


@pytest.mark.parametrize("where", ["script", "program"])
def test_a_reload_can_be_cancelled(site: Site, library: str, stall: Stall, where: str) -> None:
    if where == "script":
        site.write(server(ca_list="ca.pem"))
        site.replace("ca.pem", "root.pem")
        manager = site.load()
    else:
        site.replace("ca.pem", "root.pem")
        manager = manager_of(library, server_domain(ca_list=site.path / "ca.pem"))
    stall.paths = {str(site.path / "ca.pem")}
    errors: list[BaseException] = []

    def reload() -> None:
        try:
            manager.reload()
        except ConfigError as error:
            errors.append(error)

    manager.cancel_reload()  # there is none
    thread = threading.Thread(target=reload)
    thread.start()
    assert stall.begun.wait(LONG)
    manager.cancel_reload()
    thread.join(LONG)
    assert not thread.is_alive()
    assert "the program ends" in str(errors[0])
    assert_echo(*connect(manager, manager_of(library, client_domain())))
    stall.end()
    assert manager.reload() == UNCHANGED


# What can be used in part.


def test_what_is_passed_over_is_told(site: Site, library: str) -> None:
    """Once for all domains that have it in common; a reload tells of what it has loaded."""
    root = Authority("of the folder")
    folder = Path(write_ca_dir(site.path / "cas", root))
    site.write(server(ca_dir="cas"), server("dom2", ca_dir="cas"), server("dom3"))
    manager = site.load()
    assert not [text for text in manager.warnings if "passed over" in text]
    (folder / "01234567.0").symlink_to(folder / "gone")
    report = manager.reload()
    assert report.changed == ("dom1", "dom2")
    (told,) = report.warnings
    assert "domain 'dom1' and 1 more: parameter 'ca_dir'" in told
    assert str(folder / "01234567.0") in told
    assert "link to nothing" in told
    assert told in manager.warnings
    assert manager.reload() == UNCHANGED
    assert told in manager.warnings
    (folder / "01234567.0").unlink()
    assert manager.reload() == ReloadReport(changed=("dom1", "dom2"))
    assert told not in manager.warnings


# Who is meant.


def test_another_domain_of_the_same_name(library: str) -> None:
    strict, lax = client_domain(), client_domain(verify_cert=False)
    clients = manager_of(library, strict)
    for domain in (strict, client_domain(), "client"):
        clients.client_connection(domain)
    for call in (clients.client_connection, clients.client_context):
        with pytest.raises(ConfigError, match="verify_cert differ") as caught:
            call(lax)
        assert caught.value.domain == "client"
    with pytest.raises(ConfigError, match="is a server domain"):
        clients.client_connection(server_domain("client"))
    secret: dict[str, Any] = {"private_key_passphrase": b"do not tell"}
    with pytest.raises(ConfigError) as caught:
        clients.client_connection(client_domain(**secret))
    assert "do not tell" not in str(caught.value)


def test_a_domain_that_was_changed_by_a_reload(site: Site) -> None:
    site.write(client())
    manager = site.load()
    domain = manager.find_client_domain_by_name("client")
    assert domain is not None
    manager.reload()
    manager.client_connection(domain)
    site.write(client(verify_cert=0))
    manager.reload()
    with pytest.raises(ConfigError, match="a reload may have changed it"):
        manager.client_connection(domain)
