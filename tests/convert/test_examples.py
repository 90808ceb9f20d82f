"""The examples do what they say, in both languages, with certificates that are really there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Run
from tests.support.managers import assert_echo, shake_hands
from tests.support.pki import Authority, Identity, certificate_pem, key_pem, self_signed
from tlsmgm import AlertError, Connection, NoDomainError, TLSManager, VerificationError
from tlsmgm._config import toml
from tlsmgm._config.opensips import read_script
from tlsmgm._config.reader import read_configuration
from tlsmgm._config.toml import read_toml, read_toml_text

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TWINS = ("sip_domains.cfg", "sip_domains.toml")

#: Addresses of sip_domains: our socket, the gateway, and anybody else.
SOCKET = ("192.0.2.10", 5061)
GATEWAY = ("198.51.100.4", 6677)
ELSEWHERE = ("203.0.113.9", 5061)


class Folder:
    """A copy of the examples, with certificates for all that they name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in (*TWINS, "single_identity.cfg", "tlsmgm.toml"):
            shutil.copy(EXAMPLES / name, path / name)
        self.authority = Authority("trusted")
        (path / "certs").mkdir()
        (path / "certs" / "trusted.pem").write_bytes(self.authority.pem)
        for name in ("atlanta", "biloxi", "generic", "single", "web"):
            self.write(name, self.authority.issue(name, names=[f"{name}.example"]))
        self.write("gateway", self_signed("gateway"))

    def write(self, name: str, identity: Identity) -> None:
        """Write the files of an identity."""
        folder = self.path / "certs" / name
        folder.mkdir()
        (folder / "cert.pem").write_bytes(certificate_pem(identity.leaf))
        (folder / "key.pem").write_bytes(key_pem(identity.key))
        os.chmod(folder / "key.pem", 0o600)

    def load(self, name: str, library: str) -> TLSManager:
        """Return a manager of an example, with its files loaded."""
        return TLSManager.from_config(self.path / name, library=library)

    def gateway(self, library: str) -> TLSManager:
        """Return somebody else's server, which nobody vouches for."""
        script = self.path / "gateway.toml"
        script.write_text(
            '[server.gateway]\nverify_cert = false\ncertificate = "certs/gateway/cert.pem"\n'
            'private_key = "certs/gateway/key.pem"\n',
            encoding="utf-8",
        )
        return TLSManager.from_config(script, library=library)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("examples"))


def call(
    caller: TLSManager,
    called: TLSManager,
    domain: str,
    server_name: str | None,
    local: tuple[str, int] = SOCKET,
) -> tuple[Connection, Connection]:
    """Both ends of a call, client first, after the handshake."""
    client = caller.client_connection(domain, server_name=server_name)
    server = called.server_connection(local)
    shake_hands(client, server)
    return client, server


# sip_domains, in both languages


def test_script_and_toml_are_the_same() -> None:
    script, other = (read_configuration(EXAMPLES / name) for name in TWINS)
    assert script.domains == other.domains
    assert len(script.domains) == 6
    assert script.resolve_library() == other.resolve_library()
    assert script.client_sip_domain_avp == other.client_sip_domain_avp == "sip_domain"
    assert [(socket.protocol, socket.host, socket.port) for socket in script.sockets] == [
        (socket.protocol, socket.host, socket.port) for socket in other.sockets
    ]


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(
    ("server_name", "domain", "shown"),
    [
        ("atlanta.example", "atlanta_in", "atlanta"),
        ("ATLANTA.example", "atlanta_in", "atlanta"),
        ("biloxi.example", "biloxi_in", "biloxi"),
        (None, "nameless_in", "generic"),
    ],
)
def test_server_names_choose_the_certificate(
    name: str, server_name: str | None, domain: str, shown: str, folder: Folder, library: str
) -> None:
    manager = folder.load(name, library)
    found = manager.select_server_domain(*SOCKET, server_name)
    assert found is not None
    assert found.name == domain
    client, server = call(manager, manager, "atlanta_out", server_name)
    assert server.domain is found
    assert client.variables["tls_peer_subject_cn"] == shown
    assert server.variables["tls_peer_subject_cn"] == "atlanta"
    assert_echo(client, server)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("server_name", ["chicago.example", "sip.atlanta.example", "none"])
def test_unknown_server_names_get_alert_112(
    name: str, server_name: str, folder: Folder, library: str
) -> None:
    manager = folder.load(name, library)
    assert manager.select_server_domain(*SOCKET, server_name) is None
    client = manager.client_connection("atlanta_out", server_name=server_name)
    server = manager.server_connection(SOCKET)
    client.handshake()
    server.feed(client.drain())
    with pytest.raises(NoDomainError):
        server.handshake()
    client.feed(server.drain())
    with pytest.raises(AlertError) as caught:
        client.handshake()
    assert caught.value.alert == 112


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(
    ("destination", "avps", "branch_avps", "domain"),
    [
        (ELSEWHERE, {"sip_domain": "atlanta.example"}, None, "atlanta_out"),
        (ELSEWHERE, {"sip_domain": "Biloxi.Example"}, None, "biloxi_out"),
        (ELSEWHERE, {"sip_domain": "atlanta.example"}, {"sip_domain": "biloxi.example"},
         "biloxi_out"),
        (ELSEWHERE, {"sip_domain": "chicago.example"}, None, None),
        (ELSEWHERE, {"other": "atlanta.example"}, None, None),
        (ELSEWHERE, None, None, None),
        (GATEWAY, None, None, "gateway_out"),
        (GATEWAY, {"sip_domain": "atlanta.example"}, None, "gateway_out"),
        ((GATEWAY[0], 5061), {"sip_domain": "atlanta.example"}, None, "atlanta_out"),
    ],
)  # fmt: skip
def test_client_domains(
    name: str,
    destination: tuple[str, int],
    avps: Mapping[str, str | bytes | None] | None,
    branch_avps: Mapping[str, str | bytes | None] | None,
    domain: str | None,
    folder: Folder,
) -> None:
    manager = folder.load(name, "none")
    found = manager.find_client_domain(*destination, avps, branch_avps)
    assert (found and found.name) == domain


@pytest.mark.parametrize("name", TWINS)
def test_the_gateway_needs_no_trust_and_the_others_do(
    name: str, folder: Folder, library: str
) -> None:
    manager, gateway = folder.load(name, library), folder.gateway(library)
    client, server = call(manager, gateway, "gateway_out", None, GATEWAY)
    assert client.variables["tls_peer_subject_cn"] == "gateway"
    assert_echo(client, server)
    with pytest.raises(VerificationError):
        call(manager, gateway, "biloxi_out", "biloxi.example", ELSEWHERE)


@pytest.mark.parametrize("name", TWINS)
def test_clients_need_a_certificate(name: str, folder: Folder, library: str) -> None:
    path = folder.path / f"stranger-{library}.toml"
    path.write_text('[client.out]\nca_list = "certs/trusted.pem"\n', encoding="utf-8")
    stranger = TLSManager.from_toml(path, library=library)
    with pytest.raises((VerificationError, AlertError)):
        call(stranger, folder.load(name, library), "out", "atlanta.example")


# single_identity


def test_single_identity_answers_everybody(folder: Folder, library: str) -> None:
    manager = folder.load("single_identity.cfg", library)
    assert [(domain.name, domain.kind) for domain in manager.domains] == [
        ("default", "server"),
        ("default", "client"),
    ]
    assert manager.config is not None
    assert [(socket.protocol, socket.host) for socket in manager.config.sockets] == [
        ("udp", "192.0.2.20"),
        ("tls", "192.0.2.20"),
    ]
    for server_name in (None, "single.example"):
        client, server = call(manager, manager, "default", server_name, ("192.0.2.20", 5061))
        assert client.variables["tls_peer_subject_cn"] == "single"
        assert server.variables["tls_peer_subject_cn"] == "single"
        assert_echo(client, server)
    found = manager.find_client_domain("203.0.113.1", 5061)
    assert found is manager.domains[1]
    assert manager.warnings == ()


def test_single_identity_as_toml(folder: Folder, library: str, run: Run) -> None:
    output = folder.path / f"single-{library}.toml"
    source = folder.path / "single_identity.cfg"
    code, _, err = run("convert", str(source), "--output", str(output), "--force")
    assert code == 0
    assert "routes and other blocks are left out: route, route[elsewhere]" in err
    assert read_toml(output).domains == read_script(source).domains
    manager = TLSManager.from_toml(output, library=library)
    call(manager, manager, "default", "single.example", ("192.0.2.20", 5061))


# tlsmgm.toml, which shows every key


def test_annotated_example_loads(folder: Folder, library: str) -> None:
    manager = folder.load("tlsmgm.toml", library)
    assert manager.library == library
    assert (manager.handshake_timeout, manager.send_timeout) == (10, 10)
    client, server = call(manager, manager, "partner", "web.example", ("192.0.2.30", 5061))
    assert (client.version, client.variables["tls_peer_subject_cn"]) == ("TLSv1.3", "web")
    assert_echo(client, server)


def uncommented() -> str:
    text = (EXAMPLES / "tlsmgm.toml").read_text(encoding="utf-8")
    return re.sub(r"^#(?=[\[a-z])", "", text, flags=re.MULTILINE)


def test_annotated_example_has_every_key() -> None:
    text = uncommented()
    config = read_toml_text(text, "/conf/tlsmgm.toml")
    assert config.database is not None
    assert config.database.watch == "notify"
    written = set(re.findall(r"^(\w+) = ", text, re.MULTILINE))
    tables = set(re.findall(r"^\[(\w+)", text, re.MULTILINE))
    fields = set(toml._FIELDS.values())
    assert fields - written == set()
    assert set(toml._TOP) - written - tables == set()
    assert set(toml._DATABASE) - written == {"columns"}
    assert "[database.columns]" in text
    told = [line for line in text.splitlines() if re.match(r"\w+ = ", line)]
    assert [line for line in told if not re.search(r" # \S", line)] == []


# The command line


@pytest.mark.parametrize("name", [*TWINS, "single_identity.cfg", "tlsmgm.toml"])
def test_list(name: str, run: Run) -> None:
    code, out, err = run("list", "--config", str(EXAMPLES / name), "--json")
    assert (code, err) == (0, "")
    listed: list[dict[str, Any]] = json.loads(out)["Domains"]
    assert {(item["name"], item["type"]) for item in listed} == {
        (domain.name, "TLS_DOMAIN_SRV" if domain.kind == "server" else "TLS_DOMAIN_CLI")
        for domain in read_configuration(EXAMPLES / name).domains
    }


def commands_in(name: str) -> list[list[str]]:
    """The commands that an example's comments propose."""
    text = (EXAMPLES / name).read_text(encoding="utf-8").replace("\\\n#", "")
    return [line.split() for line in re.findall(r"^#     tlsmgm (.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("name", [*TWINS, "single_identity.cfg", "tlsmgm.toml"])
def test_proposed_commands_work(name: str, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(ROOT)
    commands = commands_in(name)
    assert commands
    for command in commands:
        code, out, err = run(*command)
        assert (code, err) == (0, ""), command
        assert out


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(
    ("arguments", "domain"),
    [
        (["--listen", "192.0.2.10:5061", "--sni", "atlanta.example"], "atlanta_in"),
        (["--listen", "192.0.2.10:5061", "--no-sni"], "nameless_in"),
        (["--listen", "192.0.2.10:5061", "--sni", "chicago.example"], None),
        (["--listen", "192.0.2.11:5061", "--no-sni"], None),
        (["--dest", "198.51.100.4:6677"], "gateway_out"),
        (["--dest", "203.0.113.9:5061", "--sip-domain", "biloxi.example"], "biloxi_out"),
        (["--dest", "203.0.113.9:5061"], None),
    ],
)
def test_match(name: str, arguments: list[str], domain: str | None, run: Run) -> None:
    code, out, _ = run("match", "--config", str(EXAMPLES / name), *arguments, "--json")
    assert json.loads(out)["domain"] == domain
    assert code == (domain is None)


def test_check(folder: Folder, library: str, run: Run) -> None:
    for name in (*TWINS, "single_identity.cfg", "tlsmgm.toml"):
        code, out, _ = run(
            "check", "--config", str(folder.path / name), "--library", library, "--days", "1"
        )
        assert code == 0, out
        assert out.splitlines()[-1].endswith(" 0 errors, 0 warnings"), out
