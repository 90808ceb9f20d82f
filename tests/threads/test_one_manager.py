"""Many threads over one manager: handshakes of all kinds, while domains, rules and keys change.

Domains are written in two *generations*, between which everything changes at once.  A connection
may belong to either of them, but whatever it says about itself must be of the same one.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import (
    LOCAL,
    carry,
    client_domain,
    connect,
    manager_of,
    method_of,
    read_all,
    shake_hands,
)
from tests.support.memory import assert_it_settles
from tests.support.pki import Authority, Identity, write_crls
from tests.support.threads import many_switches, run_together
from tlsmgm import (
    AlertError,
    Certificate,
    Connection,
    NoDomainError,
    ProtocolError,
    ReloadReport,
    Session,
    TLSManager,
    TruncatedError,
    VerificationError,
)
from tlsmgm._backends import load
from tlsmgm._domains.variables import INTEGER_NAMES

#: Turns of each thread in a batch; there are three batches.
TURNS = 12

#: Bytes that a batch may add.
SLACK = 4 << 20

GENERATIONS = (0, 1)
SUITES = {
    "TLSv1.2": ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    "TLSv1.3": ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
}
PROTOCOLS = ("zero", "one")
DESTINATION = ("192.0.2.1", 5061)
BULK = 200_000


class World:
    """Two generations of a configuration, the manager of it, and its clients.

    Domains, with the names of the same name under ``.test``:

    * ``all``: everything changes, so its tickets end with the generation.
    * ``shown``: only its certificate changes, so its tickets go on.
    * ``mutual``: demands a certificate; the later generation has revoked that of ``left``.
    * ``out``: of clients.

    Args:
        folder: for files.
        library: of both ends.
        version: the only one that is spoken.
    """

    def __init__(self, folder: Path, library: str, version: str) -> None:
        self.folder, self.library, self.version = folder, library, version
        self.root = Authority("root")
        self.config = folder / "tlsmgm.toml"
        self.generation = 0
        self._writing = threading.Lock()
        self._write_files()
        self.write(0)
        self.manager = TLSManager.from_toml(self.config)
        self.clients = manager_of(library, *self._client_domains())
        self.sessions: dict[str, list[Session]] = {"all": [], "shown": [], "mutual": [], "left": []}

    def _write_files(self) -> None:
        names = ["all.test", "shown.test", "mutual.test"]
        for generation in GENERATIONS:
            self._write_identity(f"g{generation}", self.root.issue(f"g{generation}", names=names))
        (self.folder / "root.pem").write_bytes(self.root.pem)
        self.users = {name: self.root.issue(name) for name in ("stays", "left")}
        for generation, revoked in ((0, []), (1, [self.users["left"]])):
            write_crls(self.folder / f"crls{generation}", self.root.crl(*revoked))

    def _write_identity(self, name: str, identity: Identity) -> None:
        fields = identity.fields()
        (self.folder / f"{name}.pem").write_bytes(fields["certificate"])
        (self.folder / f"{name}.key").write_bytes(fields["private_key"])
        (self.folder / f"{name}.key").chmod(0o600)

    def _client_domains(self) -> Iterator[Any]:
        both = {"ca_list": self.root.pem, "method": method_of(self.version), "alpn": PROTOCOLS}
        yield client_domain("nobody", **both)
        for name, user in self.users.items():
            yield client_domain(name, **both, **user.fields())

    def write(self, generation: int) -> None:
        """Put another configuration in the place of the present one, as a whole."""
        key = f'certificate = "g{generation}.pem"\nprivate_key = "g{generation}.key"\n'
        method = f'method = "{method_of(self.version)}"\n'
        text = f'library = "{self.library}"\n'
        text += f'[server.all]\nmatch_sip_domain = "all.test"\nverify_cert = false\n{key}{method}'
        text += f'cipher_list = "{SUITES[self.version][generation]}"\n'
        text += f'alpn = "{PROTOCOLS[generation]}"\nticket_rotation = {60 + generation}\n'
        text += f'[server.shown]\nmatch_sip_domain = "shown.*"\nverify_cert = false\n{key}{method}'
        text += f'[server.mutual]\nmatch_sip_domain = "mutual.test"\nca_list = "root.pem"\n{key}'
        text += f'{method}crl_dir = "crls{generation}"\nalpn = "{PROTOCOLS[generation]}"\n'
        text += f'[client.out]\nca_list = "root.pem"\nverify_depth = {3 + generation}\n{method}'
        with self._writing:
            new = self.config.with_suffix(".new")
            new.write_text(text, encoding="utf-8")
            os.replace(new, self.config)

    # --- handshakes that go well -------------------------------------------------------------

    def visit(self, name: str, user: str = "nobody", session: Session | None = None) -> Any:
        """Connect to a domain; return both ends, client first, and the client's session."""
        client, server = connect(
            self.manager, self.clients, server_name=f"{name}.test", domain=user, session=session
        )
        assert client.read() is None
        assert server.domain is not None
        assert server.domain.name == name
        return client, server, client.session

    def check_whole(self, client: Connection, server: Connection) -> int:
        """See that all that a connection tells is of one generation; return which."""
        assert server.domain is not None
        generation = int(Path(str(server.domain.certificate)).stem.removeprefix("g"))
        word = f"g{generation}"
        assert common_name(server.certificate) == word
        assert client.session_reused or common_name(client.peer_certificate) == word
        if server.domain.name != "shown":
            assert client.alpn == server.alpn == PROTOCOLS[generation]
            assert server.domain.alpn == (PROTOCOLS[generation],)
        if server.domain.name == "all":
            assert client.cipher == server.cipher == SUITES[self.version][generation]
            assert server.domain.ticket_rotation == 60 + generation
        assert client.version == server.version == self.version
        return generation

    def full(self, chance: random.Random) -> None:
        """A full handshake, and what was said with it."""
        client, server, session = self.visit(chance.choice(["all", "shown", "mutual"]), "stays")
        self.check_whole(client, server)
        assert not server.session_reused
        assert session is not None
        exchange(client, server, chance.randbytes(100))
        kept = self.sessions[server.domain.name]
        kept.append(session)
        del kept[:-20]

    def resumed(self, chance: random.Random) -> None:
        """A session that other threads offer, too; it resumes, or a full handshake follows."""
        name = chance.choice(["all", "shown", "mutual"])
        kept = self.sessions[name]
        if not kept:
            return
        session = chance.choice(list(kept))
        if chance.random() < 0.5:
            session = Session.load(load(self.library), session.export())
        client, server, _ = self.visit(name, "stays", session)
        self.check_whole(client, server)
        assert client.session_reused == server.session_reused
        if name == "mutual":
            assert common_name(server.peer_certificate) == "stays"
            assert server.peer_verified
        exchange(client, server, chance.randbytes(100))

    def fields(self, _: random.Random) -> None:
        """Every variable, on both ends, read again and again."""
        client, server, _session = self.visit("mutual", "stays")
        generation = self.check_whole(client, server)
        for conn, ours, theirs in (
            (server, f"g{generation}", "stays"), (client, "stays", f"g{generation}")
        ):  # fmt: skip
            values = dict(conn.variables)
            assert dict(conn.variables) == values
            assert values["tls_my_subject_cn"] == ours
            assert values["tls_peer_subject_cn"] == theirs
            assert conn.expand("$tls_peer_subject_cn by $tls_peer_issuer_cn") == f"{theirs} by root"
            assert {conn.variables.integer(name) is None for name in INTEGER_NAMES} == {False}
            assert conn.peer_chain[0].der == conn.peer_certificate.der
        label = b"EXPORTER-tests"
        secrets = {conn.export_keying_material(label, 32) for conn in (client, server)}
        assert len(secrets) == 1

    def bulk(self, chance: random.Random) -> None:
        """Much data in both directions."""
        client, server, _ = self.visit("all", "nobody")
        self.check_whole(client, server)
        for here, there in ((client, server), (server, client)):
            exchange(here, there, chance.randbytes(BULK), echo=False)
        close(client, server)

    def outgoing(self, _: random.Random) -> None:
        """The manager's own client, which keeps sessions for a destination."""
        client = self.manager.client_connection("out", "shown.test", address=DESTINATION)
        server = self.manager.server_connection(LOCAL)
        shake_hands(client, server)
        assert client.read() is None
        assert client.domain is not None
        assert common_name(client.peer_certificate) in {"g0", "g1"}
        exchange(client, server, b"ping")

    # --- handshakes that do not ---------------------------------------------------------------

    def revoked(self, chance: random.Random) -> None:
        """A client that only one generation lets in, with a session or without; the other one
        says why not."""
        kept = self.sessions["left"]
        session = kept.pop() if kept and chance.random() < 0.5 else None
        client = self.clients.client_connection("left", "mutual.test", session)
        server = self.manager.server_connection(LOCAL)
        failed = None
        try:
            shake_hands(client, server)
        except VerificationError as error:
            failed = error
        assert server.domain is not None
        generation = PROTOCOLS.index(server.domain.alpn[0])
        assert server.handshake_complete is (generation == 0)
        if failed is None:
            assert self.check_whole(client, server) == generation == 0
            assert client.read() is None
            assert client.session is not None
            kept.append(client.session)
        else:
            assert (failed.reason, generation) == ("revoked", 1)

    def aborted(self, chance: random.Random) -> None:
        """A client that gives up, or knows no TLS, or asks for what is not there."""
        name = chance.choice(["all.test", "mutual.test", "unknown.test"])
        client = self.clients.client_connection("stays", name)
        server = self.manager.server_connection(LOCAL)
        client.handshake()
        wire = bytearray(client.drain())
        way = chance.choice(["gone", "cut", "garbage", "changed"])
        if way == "cut":
            del wire[chance.randrange(len(wire)) :]
        elif way == "garbage":
            wire[:0] = chance.randbytes(50)
        elif way == "changed":
            wire[chance.randrange(len(wire))] ^= 1 << chance.randrange(8)
        try:
            server.feed(bytes(wire))
            server.handshake()
            server.feed_eof()
            server.handshake()
        except (NoDomainError, ProtocolError, TruncatedError, AlertError):
            server.drain()
        else:
            raise AssertionError(f"{way}: a handshake with half a client")

    # --- what changes meanwhile ---------------------------------------------------------------

    def reload(self, _: random.Random) -> None:
        """Change the generation, as one of several threads that do."""
        self.generation ^= 1
        self.write(self.generation)
        report = self.manager.reload()
        assert isinstance(report, ReloadReport)
        assert not report.failed
        assert {*report.changed} <= {"all", "shown", "mutual", "out"}

    def turn_ticket_keys(self, chance: random.Random) -> None:
        """Ask the schedule of a ring that connections use."""
        for built in self.manager._changes.snapshot.built.values():
            if built.ticket_keys is not None and chance.random() < 0.5:
                built.ticket_keys.turn()

    def ask(self, _: random.Random) -> None:
        """Everything that a manager can be asked."""
        for question in QUESTIONS.values():
            question(self.manager)


def common_name(certificate: Certificate | None) -> str | None:
    """Return the name on a certificate, which has to be there."""
    assert certificate is not None
    return certificate.subject_cn


def exchange(here: Connection, there: Connection, data: bytes, *, echo: bool = True) -> None:
    """Send data, in as many pieces as it takes, and perhaps see it come back."""
    got, view = b"", memoryview(data)
    while view:
        view = view[here.write(view) :]
        carry(here, there)
        got += read_all(there)
    assert got == data
    if echo:
        exchange(there, here, data, echo=False)


def close(client: Connection, server: Connection) -> None:
    """Close both ways."""
    client.shutdown()
    carry(client, server)
    assert server.read() == b""
    server.shutdown()
    carry(server, client)
    assert client.read() == b""
    assert client.ended
    assert server.ended


def whole_reply(manager: TLSManager) -> None:
    rows = manager.list_domains()["Domains"]
    assert len(rows) == 4


def client_context(manager: TLSManager) -> None:
    context = manager.client_context("out")
    assert context.domain.name == "out"
    assert context.certificate is None


def server_context(manager: TLSManager) -> None:
    context = manager.server_context(LOCAL, b"all.test")
    assert context.domain.name == "all"
    assert common_name(context.certificate) == Path(str(context.domain.certificate)).stem


def hello_size(manager: TLSManager) -> None:
    assert manager.hello_size in {20_000, 30_000, 32_768}
    manager.hello_size = 20_000 if manager.hello_size != 20_000 else 30_000


def name_of(found: Any) -> str:
    return str(found.name)


#: A question for each public name of a manager; those that make domains are asked elsewhere.
QUESTIONS: dict[str, Callable[[TLSManager], object]] = {
    "library": lambda manager: manager.library,
    "generation": lambda manager: repr(manager).index("generation"),
    "config": lambda manager: manager.config and manager.config.path,
    "domains": lambda manager: [domain.name for domain in manager.domains].index("mutual"),
    "failures": lambda manager: len(manager.failures),
    "warnings": lambda manager: list(manager.warnings),
    "has_database": lambda manager: manager.has_database,
    "database": lambda manager: manager.database,
    "hello_size": hello_size,
    "handshake_timeout": lambda manager: manager.handshake_timeout,
    "send_timeout": lambda manager: manager.send_timeout,
    "list_domains": whole_reply,
    "client_context": client_context,
    "server_context": server_context,
    "find_server_domain": lambda manager: name_of(manager.find_server_domain(*LOCAL)),
    "select_server_domain": lambda manager: name_of(
        manager.select_server_domain(*LOCAL, "all.test")
    ),
    "find_client_domain": lambda manager: manager.find_client_domain(*DESTINATION),
    "find_client_domain_by_name": lambda manager: name_of(
        manager.find_client_domain_by_name("out")
    ),
}
#: What the other works of this file call, and what loads a manager once.
ELSEWHERE = {"server_connection", "client_connection", "reload", "from_config", "from_toml"}
ELSEWHERE |= {"cancel_reload"}  # in tests/manager/test_reading.py
#: With databases: tests/sql/test_load.py. Those that add domains: the last test below.
ELSEWHERE |= {"attach_database", "reload_database", "watch_database", "add_domain", "add_domains"}
ELSEWHERE |= {"replace_domain", "remove_domain", "on_reload"}
ELSEWHERE |= {"listen"}  # in tests/engine
ELSEWHERE |= {"wrap_socket"}  # in tests/sockets


def test_every_question_is_asked() -> None:
    names = {name for name in dir(TLSManager) if not name.startswith("_")}
    assert names == QUESTIONS.keys() | ELSEWHERE


@pytest.fixture
def world(tmp_path: Path, library: str, version: str) -> World:
    return World(tmp_path, library, version)


def test_nothing_fails_that_should_not(world: World) -> None:
    works = [
        *(world.full, world.resumed, world.resumed, world.fields, world.bulk),
        *(world.outgoing, world.revoked, world.aborted),
        *(world.reload, world.reload, world.turn_ticket_keys, world.ask),
    ]
    with many_switches():
        assert_it_settles(lambda: run_together(works, TURNS), SLACK)


def test_domains_are_added_meanwhile(world: World) -> None:
    """Each of many threads adds its own, changes it and takes some away; none of them is lost.

    Of each change there is word, in order.
    """
    lock = threading.Lock()
    numbers = iter(range(10_000))
    added: list[str] = []
    removed: list[str] = []
    heard: list[int] = []
    before = world.manager.generation
    world.manager.on_reload(lambda event: heard.append(event.generation))

    def add(_: random.Random) -> None:
        if len(added) >= 60:
            return
        with lock:
            name = f"extra{next(numbers)}"
        domain = client_domain(name, ca_list=world.root.pem)
        world.manager.add_domains([domain])
        added.append(name)
        assert world.manager.client_connection(name, "all.test").domain == domain
        other = domain.replace(verify_depth=1)
        assert world.manager.replace_domain(other) == ReloadReport(changed=(name,))
        assert world.manager.client_connection(name, "all.test").domain is other
        if len(added) % 3 == 0:
            removed.append(name)
            assert world.manager.remove_domain(name, "client") == ReloadReport(removed=(name,))

    with many_switches():
        run_together([add, add, add, world.full, world.reload], TURNS)
    names = {domain.name for domain in world.manager.domains}
    assert {*added} - {*removed} < names
    assert not {*removed} & names
    assert heard == list(range(before + 1, world.manager.generation + 1))
