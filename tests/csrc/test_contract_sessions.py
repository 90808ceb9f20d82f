"""Client sessions: where they resume, where they must not, and their way through bytes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.support.contract import Connection, Rig, carry, exchange, pki, settle, shake
from tests.support.pki import Authority

NAME = b"dom1.test"

KEY_SIZE = 80
OLD_KEY = b"\7" * KEY_SIZE  # what Rig.ticket_keys() begins with


class Domain:
    """A server domain of one rig and what its clients need to resume there."""

    def __init__(self, server: Rig, client: Rig, version: str, **server_fields: Any) -> None:
        self.server, self.client = server, client
        self.keys = server.ticket_keys()
        fields = {"version": version, "ticket_keys": self.keys, "scope": b"server"}
        self.server_ctx = server.server_context(**{**fields, **server_fields})
        identity = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
        self.client_ctx = client.client_context(scope=b"client", **identity)

    def visit(self, name: bytes | None = NAME, **fields: Any) -> tuple[Connection, Connection]:
        """Return both ends of a settled connection; the client's first."""
        ctx = fields.pop("ctx", self.client_ctx)
        client = self.client.connection(ctx, server_name=name, **fields)
        server = self.server.connection(self.server_ctx, server_name=name)
        settle(client, server)
        exchange(client, server)
        assert client.info().session_reused == server.info().session_reused
        return client, server

    def session(self, **fields: Any) -> Any:
        """Return a session of a first visit, whose connection is gone."""
        client, server = self.visit(**fields)
        got, session = self.client.session_of(client)
        assert got.status == "OK"
        client.free()
        server.free()
        return session

    def resumes(self, session: Any, **fields: Any) -> bool:
        """Tell whether a visit with this session resumes it."""
        return bool(self.visit(session=session, **fields)[0].info().session_reused)


@pytest.fixture
def domain(rig: Rig, version: str) -> Domain:
    return Domain(rig, rig, version)


def test_a_session_resumes(rig: Rig, peer: Rig, version: str) -> None:
    domain = Domain(rig, peer, version)
    session = domain.session()
    assert session
    client, server = domain.visit(session=session)
    assert client.info().session_reused
    assert server.info().session_reused
    # The next one resumes too.
    got, following = peer.session_of(client)
    assert (got.status, domain.resumes(following)) == ("OK", True)


def test_a_session_may_be_offered_again(domain: Domain) -> None:
    session = domain.session()
    assert domain.resumes(session)
    assert domain.resumes(session)


def test_a_resumed_connection_still_knows_the_peer(rig: Rig, peer: Rig, version: str) -> None:
    rules = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
    domain = Domain(rig, peer, version, **rules)
    first = domain.visit()
    session = peer.session_of(first[0])[1]
    second = domain.visit(session=session)
    assert second[0].info().session_reused
    for before, after in zip(first, second, strict=True):
        assert after.peer_certificate() == before.peer_certificate() != b""
        assert after.info().has_peer_certificate
        assert after.info().verify_reason == before.info().verify_reason == 0


def test_a_session_outlives_what_it_was_made_from(domain: Domain) -> None:
    session = domain.session()
    old = domain.client_ctx
    domain.client_ctx = domain.client.client_context(scope=b"client")
    domain.client.free(old)
    assert domain.resumes(session)


@pytest.mark.parametrize("scope", [None, b"other", b"clien", b"client2"])
def test_a_session_of_another_scope_is_left_unused(domain: Domain, scope: bytes | None) -> None:
    session = domain.session()
    assert not domain.resumes(session, ctx=domain.client.client_context(scope=scope))


def test_without_a_scope_a_client_neither_gives_nor_offers(domain: Domain) -> None:
    bare = domain.client.client_context()
    assert not domain.session(ctx=bare)
    assert not domain.resumes(domain.session(), ctx=bare)


def test_who_verifies_offers_no_session_of_an_unverified_peer(
    rig: Rig, peer: Rig, version: str
) -> None:
    """The root that would vouch for the server came later; the rules count as the same."""
    domain = Domain(rig, peer, version)
    trust = {"verify_peer": False, "ca_list": None, "scope": b"client"}
    trusting = peer.client_context(**trust)
    session = domain.session(ctx=trusting)
    for known in (session, peer.imported(exported(peer, session))[1]):
        assert domain.resumes(known, ctx=trusting)
        client, server = domain.visit(session=known)
        assert not client.info().session_reused
        assert client.info().verify_reason == 0
        client.free()
        server.free()


def test_an_unverified_peer_is_not_let_in_by_its_session(rig: Rig, peer: Rig, version: str) -> None:
    domain = Domain(rig, peer, version)
    strangers = {"ca_list": Authority("elsewhere").pem, "scope": b"client"}
    session = domain.session(ctx=peer.client_context(verify_peer=False, **strangers))
    client = peer.connection(peer.client_context(**strangers), server_name=NAME, session=session)
    server = rig.connection(domain.server_ctx, server_name=NAME)
    ours, _ = shake(client, server)
    assert (ours.status, client.info().session_reused) == ("VERIFY", False)


def test_a_ticket_without_a_peer_opens_nothing_where_one_is_required(
    rig: Rig, peer: Rig, version: str
) -> None:
    domain = Domain(rig, peer, version)
    session = domain.session()
    fields = {"version": version, "ticket_keys": domain.keys, "scope": b"server"}
    rules = {"verify_peer": True, "ca_list": pki("root.pem")}
    domain.server_ctx = rig.server_context(**fields, **rules)
    assert domain.resumes(session)  # clients without certificate are welcome there
    domain.server_ctx = rig.server_context(**fields, **rules, require_peer=True)
    client, server = domain.visit(session=session)
    assert not client.info().session_reused
    assert server.info().has_peer_certificate
    assert server.info().verify_reason == 0


@pytest.mark.parametrize(
    ("made_with", "offered_with"),
    [(NAME, b"dom2.test"), (NAME, None), (None, NAME), (NAME, b"DOM1.test")],
)
def test_a_session_of_another_name_is_left_unused(
    domain: Domain, made_with: bytes | None, offered_with: bytes | None
) -> None:
    session = domain.session(name=made_with)
    assert domain.resumes(session, name=made_with)
    assert not domain.resumes(session, name=offered_with)


@pytest.mark.parametrize("change", ["scope", "keys"])
def test_a_ticket_opens_in_its_own_domain_only(
    rig: Rig, version: str, domain: Domain, change: str
) -> None:
    session = domain.session()
    fields: dict[str, Any] = {"scope": b"server", "ticket_keys": domain.keys}
    fields |= {"scope": b"elsewhere"} if change == "scope" else {"ticket_keys": rig.ticket_keys(9)}
    domain.server_ctx = rig.server_context(version=version, **fields)
    assert not domain.resumes(session)


def test_a_ticket_outlives_two_rotations(domain: Domain) -> None:
    rig = domain.server
    session = domain.session()
    for number in range(3):
        assert domain.resumes(session)
        newer = [bytes([100 + number - age]) * KEY_SIZE for age in range(number + 1)]
        ring = [*newer, OLD_KEY][:3]
        rig.c.lib.tlsmgm_ticket_keys_replace(domain.keys, b"".join(ring), len(ring))
    assert not domain.resumes(session)


def test_an_older_key_gives_a_new_ticket(domain: Domain) -> None:
    rig = domain.server
    session = domain.session()
    before = OLD_KEY
    for number in range(6):
        newest = bytes([100 + number]) * KEY_SIZE
        rig.c.lib.tlsmgm_ticket_keys_replace(domain.keys, newest + before, 2)
        before = newest
        client, _ = domain.visit(session=session)
        assert client.info().session_reused, number
        session = rig.session_of(client)[1]


@pytest.mark.parametrize("missing", ["ticket_keys", "scope"])
def test_no_session_without_keys_or_scope(rig: Rig, version: str, missing: str) -> None:
    domain = Domain(rig, rig, version, **{missing: None})
    assert not domain.session()


def test_there_is_no_session_before_the_handshake(domain: Domain) -> None:
    client = domain.client.connection(domain.client_ctx, server_name=NAME)
    assert not domain.client.session_of(client)[1]
    client.handshake()
    got, session = domain.client.session_of(client)
    assert (got.status, bool(session)) == ("OK", False)


def test_before_a_new_ticket_no_session_is_made_up(rig: Rig, peer: Rig, version: str) -> None:
    """The old ticket with the new connection's secret would break the next handshake."""
    domain = Domain(rig, peer, version)
    session = domain.session()
    client = peer.connection(domain.client_ctx, server_name=NAME, session=session)
    server = rig.connection(domain.server_ctx, server_name=NAME)
    while client.handshake().status == "WANT_READ":
        carry(client, server)
        assert server.handshake().status in {"OK", "WANT_READ"}
        carry(server, client)
    got, early = peer.session_of(client)
    assert got.status == "OK"
    settle(client, server)
    assert client.info().session_reused
    assert not early or domain.resumes(early)


def test_a_server_has_no_session(domain: Domain) -> None:
    _, server = domain.visit()
    got, session = domain.server.session_of(server)
    assert (got.status, bool(session)) == ("OK", False)


def test_each_call_gives_a_session_of_its_own(domain: Domain) -> None:
    client, _ = domain.visit()
    first, second = (domain.client.session_of(client)[1] for _ in range(2))
    assert first != second
    domain.client.free(first)
    assert domain.resumes(second)


# Bytes.


def exported(rig: Rig, session: Any) -> bytes:
    got, size, _ = rig.export(session)
    assert got.status == "OK"
    got, written, data = rig.export(session, size)
    assert (got.status, written) == ("OK", size)
    return data


def test_a_session_survives_its_way_through_bytes(rig: Rig, peer: Rig, version: str) -> None:
    domain = Domain(rig, peer, version)
    data = exported(peer, domain.session())
    got, session = peer.imported(data)
    assert got.status == "OK"
    assert exported(peer, session) == data
    assert domain.resumes(session)
    assert not domain.resumes(session, ctx=peer.client_context(scope=b"other"))
    assert not domain.resumes(session, name=None)


def test_the_room_for_an_export_must_be_enough(domain: Domain) -> None:
    session = domain.session()
    size = len(exported(domain.client, session))
    for room in (0, 1, size - 1):
        got, needed, _ = domain.client.export(session, room)
        assert (got.status, needed) == ("CONFIG", size)
    got, needed, data = domain.client.export(session, size + 100)
    assert (got.status, needed, len(data)) == ("OK", size, size)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\1", b"\1\0\0", b"\1\3one", b"\2\0\0" + bytes(100), b"garbage" * 50]
)
def test_garbage_is_no_session(rig: Rig, data: bytes) -> None:
    got, _ = rig.imported(data)
    assert got.status == "CONFIG"
    assert "session" in got.text


def test_no_bytes_are_no_session(rig: Rig) -> None:
    out = rig.c.ffi.new("struct tlsmgm_session **", rig.c.ffi.cast("struct tlsmgm_session *", 1))
    null = rig.c.ffi.NULL
    assert rig.table.session_import(null, 0, out, null) == rig.c.lib.TLSMGM_STATUS_CONFIG
    assert out[0] == null


def test_half_a_session_is_none(domain: Domain) -> None:
    data = exported(domain.client, domain.session())
    step = max(1, len(data) // 150)
    for size in [*range(60), *range(60, len(data), step), len(data) - 1]:
        assert domain.client.imported(data[:size])[0].status == "CONFIG", size


def test_a_scope_longer_than_any_is_refused(domain: Domain) -> None:
    data = exported(domain.client, domain.session())
    scope_size = data[1]
    longer = data[:1] + bytes([32]) + bytes(32) + data[2 + scope_size :]
    assert domain.client.imported(longer)[0].status == "CONFIG"


def test_a_session_is_good_for_its_own_library_only(domain: Domain, peer: Rig) -> None:
    data = exported(domain.client, domain.session())
    expected = "OK" if peer.name == domain.client.name else "CONFIG"
    assert peer.imported(data)[0].status == expected


def test_a_bent_session_does_no_harm(domain: Domain) -> None:
    """It is refused, or offered in vain, or good; nothing breaks and nobody is impersonated."""
    rig = domain.client
    data = exported(rig, domain.session())
    dice = random.Random(5)
    for _ in range(60):
        bent = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(8)
        got, session = rig.imported(bytes(bent))
        assert got.status in {"OK", "CONFIG"}
        if got.status == "CONFIG":
            continue
        exported(rig, session)
        made, handle = rig.conn_new(domain.client_ctx, server_name=NAME, session=session)
        if made.status != "OK":
            assert made.status in {"CONFIG", "NO_MEMORY"}
            continue
        client = Connection(rig, rig.own(handle, rig.table.conn_free))
        server = domain.server.connection(domain.server_ctx, server_name=NAME)
        shake(client, server)
        client.info()
        client.free()
        server.free()


class ForeignRing:
    """A key ring of another distribution's: its own layout behind the table of functions.

    Attributes:
        asked: what backends have called, in order.
    """

    def __init__(self, rig: Rig) -> None:
        self.asked: list[str] = []
        self.references = 1
        ffi = self.ffi = rig.c.ffi
        self.key = ffi.new("struct tlsmgm_ticket_key *")
        ffi.buffer(self.key)[:] = OLD_KEY
        kind = "struct tlsmgm_ticket_keys *"
        self.slots = {
            "ref": ffi.callback(f"{kind}({kind})", self.ref),
            "free": ffi.callback(f"void({kind})", self.free),
            "current": ffi.callback(f"bool({kind}, struct tlsmgm_ticket_key *)", self.current),
            "find": ffi.callback(
                f"bool({kind}, uint8_t *, struct tlsmgm_ticket_key *, bool *)", self.find
            ),
        }
        self.table = ffi.new("struct tlsmgm_ticket_keys_table *", self.slots)
        self.keys = ffi.new(kind, {"table": self.table})

    def ref(self, keys: Any) -> Any:
        self.references += 1
        return keys

    def free(self, keys: Any) -> None:
        self.references -= 1

    def current(self, keys: Any, out: Any) -> bool:
        self.asked.append("current")
        out[0] = self.key[0]
        return True

    def find(self, keys: Any, name: Any, out: Any, is_current: Any) -> bool:
        self.asked.append("find")
        out[0], is_current[0] = self.key[0], True
        return bool(self.ffi.buffer(name, 16)[:] == OLD_KEY[:16])


def test_a_ring_of_others_will_do(rig: Rig, version: str) -> None:
    """A backend knows of a ring its functions alone."""
    ring = ForeignRing(rig)
    domain = Domain(rig, rig, version, ticket_keys=ring.keys)
    assert ring.references == 2
    assert domain.resumes(domain.session())
    assert ring.asked[0] == "current"
    assert "find" in ring.asked
