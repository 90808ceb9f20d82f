"""Session tickets of many processes: a shared secret, and what ends a ticket nevertheless."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.libraries import needs_library
from tests.support.managers import client_domain, method_of, pem, server_domain
from tests.support.pairs import Managers, manager, session_of
from tests.support.pki import Authority, Identity
from tests.support.programs import needs, s_client, version_flag
from tests.support.sockets import Server
from tlsmgm import ConfigError, TLSManager

OLD, NEW = b"old secret, at least 32 bytes long", b"new secret, at least 32 bytes long"
REUSED, AGAIN = "Reused, ", "New, "
FILES = {"certificate": "cert.pem", "private_key": "key.pem"}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.txt"
    path.write_bytes(OLD)
    return path


def machine(library: str, version: str, secrets: Path | None, **fields: Any) -> TLSManager:
    """One of the machines that serve dom1.test."""
    fields = {"method": method_of(version), "ticket_key_file": secrets} | fields
    return manager(library, server_domain("dom1", **fields))


def client(library: str, version: str) -> TLSManager:
    # A group that every library has: the machines may differ in others.
    return manager(library, client_domain(method=method_of(version), ec_curve="x25519:secp256r1"))


def resumes(first: TLSManager, second: TLSManager, clients: TLSManager) -> bool:
    session = session_of(Managers(first, clients).connect())
    pair = Managers(second, clients).connect(session=session)
    pair.echo()
    assert pair.client.session_reused == pair.server.session_reused
    reused: bool = pair.server.session_reused
    return reused


def test_a_ticket_of_one_machine_resumes_on_another(
    library: str, client_library: str, version: str, secrets: Path
) -> None:
    here, there = (machine(library, version, secrets) for _ in range(2))
    assert resumes(here, there, client(client_library, version))
    assert resumes(there, here, client(client_library, version))


@pytest.mark.parametrize("secret", [None, NEW])
def test_without_the_secret_it_does_not(
    library: str, version: str, secrets: Path, tmp_path: Path, secret: bytes | None
) -> None:
    other = None if secret is None else tmp_path / "other"
    if other is not None and secret is not None:
        other.write_bytes(secret)
    here, there = machine(library, version, secrets), machine(library, version, other)
    assert not resumes(here, there, client(library, version))
    assert not resumes(there, here, client(library, version))


@pytest.mark.parametrize(
    "other",
    [
        {"name": "elsewhere"},
        {"verify_cert": True, "require_cert": False, "ca_list": pem("root.pem")},
        {"cipher_list": "HIGH"},
        {"ticket_rotation": 3600},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_other_rules_end_it(
    library: str, version: str, secrets: Path, other: dict[str, Any]
) -> None:
    """The keys follow from the domain's rules, too, so a ticket cannot leave them."""
    here = machine(library, version, secrets)
    [domain] = here.domains
    there = manager(library, domain.replace(**other))
    assert not resumes(here, there, client(library, version))


@needs_library("openssl", "wolfssl")
def test_the_libraries_do_not_read_each_others_tickets(version: str, secrets: Path) -> None:
    here, there = (machine(library, version, secrets) for library in ("openssl", "wolfssl"))
    for clients in (client("openssl", version), client("wolfssl", version)):
        assert not resumes(here, there, clients)
        assert not resumes(there, here, clients)


def test_a_secret_is_replaced_machine_by_machine(library: str, version: str, secrets: Path) -> None:
    """First everybody can open with the new one, then all seal with it, then the old one goes."""
    clients = client(library, version)
    for content in (OLD, OLD + b"\n" + NEW, NEW + b"\n" + OLD, NEW):
        before = machine(library, version, secrets)
        secrets.write_bytes(content)
        after = machine(library, version, secrets)
        assert resumes(before, after, clients)
        assert resumes(after, before, clients)


def configuration(folder: Path, version: str, secrets: Path, crls: Path) -> Path:
    path = folder / "tlsmgm.toml"
    path.write_text(
        f'[server.dom1]\nmatch_sip_domain = "dom1.test"\nmethod = "{method_of(version)}"\n'
        f'certificate = "cert.pem"\nprivate_key = "key.pem"\nca_list = "ca.pem"\n'
        f'crl_dir = "{crls.name}"\nrequire_cert = false\nticket_key_file = "{secrets.name}"\n',
        encoding="utf-8",
    )
    return path


def test_a_reload_ends_tickets_when_the_rules_change(
    library: str, version: str, secrets: Path, tmp_path: Path, root: Authority, site: Identity
) -> None:
    """New CRLs and CAs end them, a new secret beside the old one does not."""
    crls = tmp_path / "crls"
    crls.mkdir()
    (crls / "1.pem").write_bytes(root.crl())
    for name, content in site.fields().items():
        (tmp_path / {"certificate": "cert.pem", "private_key": "key.pem"}[name]).write_bytes(
            content
        )
    (tmp_path / "ca.pem").write_bytes(root.pem)
    server = TLSManager.from_toml(configuration(tmp_path, version, secrets, crls), library)
    clients = manager(library, client_domain(method=method_of(version), ca_list=root.pem))
    both = Managers(server, clients)

    def reload_with(path: Path, content: bytes) -> bool:
        session = session_of(both.connect())
        path.write_bytes(content)
        assert server.reload().changed == ("dom1",)
        return bool(both.connect(session=session).server.session_reused)

    assert reload_with(secrets, NEW + b"\n" + OLD)
    assert not reload_with(secrets, b"x" * 40)
    assert not reload_with(crls / "1.pem", root.crl(root.issue("gone")))
    assert not reload_with(tmp_path / "ca.pem", root.pem + Authority("another").pem)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b"short", "less than 32"), (b"", "no secret")]
)
def test_a_bad_secret_is_refused(
    library: str, version: str, secrets: Path, content: bytes | None, why: str
) -> None:
    server = machine(library, version, secrets)
    secrets.unlink() if content is None else secrets.write_bytes(content)
    with pytest.raises(ConfigError, match=f"domain 'dom1'.*'ticket_key_file'.*{why}"):
        machine(library, version, secrets)
    assert resumes(server, server, client(library, version))


@needs("openssl")
def test_s_client_resumes_on_another_machine(
    library: str, version: str, secrets: Path, tmp_path: Path
) -> None:
    saved = str(tmp_path / "session")
    options = ("-servername", "dom1.test", version_flag(version), "-ign_eof")
    with (
        Server(machine(library, version, secrets)) as here,
        Server(machine(library, version, secrets)) as there,
    ):
        first = s_client(here.port, *options, "-sess_out", saved)
        second = s_client(there.port, *options, "-sess_in", saved)
    assert AGAIN + version in first.stdout
    assert REUSED + version in second.stdout, second.stdout
