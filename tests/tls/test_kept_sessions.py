"""Sessions that the manager keeps for the servers it calls."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from tests.support.hello import PSK, TICKET, extensions_in
from tests.support.managers import (
    LOCAL,
    assert_echo,
    client_domain,
    manager_of,
    method_of,
    server_domain,
    shake_hands,
)
from tests.support.pki import Authority
from tlsmgm import Connection, TLSError, TLSManager
from tlsmgm._core.session import Session
from tlsmgm._native.sessions import SessionCache

SERVER = ("192.0.2.7", 5061)


@pytest.fixture
def servers(library: str, version: str) -> TLSManager:
    return manager_of(
        library, server_domain("dom1", match_sip_domain="*", method=method_of(version))
    )


@pytest.fixture
def clients(client_library: str, version: str) -> TLSManager:
    fields: dict[str, Any] = {
        "method": method_of(version),
        "danger_skip_hostname_check": True,
    }
    return manager_of(
        client_library, client_domain("client", **fields), client_domain("b", **fields)
    )


def call(
    servers: TLSManager,
    clients: TLSManager,
    address: tuple[str, int] | None = SERVER,
    domain: str = "client",
    name: str = "dom1.test",
) -> Connection:
    """Call a server, talk to it, and close; return the client's connection."""
    client = clients.client_connection(domain, server_name=name, address=address)
    server = servers.server_connection(LOCAL)
    shake_hands(client, server)
    assert_echo(client, server)
    assert client.session_reused == server.session_reused
    return client


def test_the_next_call_resumes(servers: TLSManager, clients: TLSManager) -> None:
    assert not call(servers, clients).session_reused
    for _ in range(4):
        assert call(servers, clients).session_reused


def test_a_ticket_is_offered_once(servers: TLSManager, clients: TLSManager, version: str) -> None:
    """In TLS 1.3 who sees the same one twice knows that it is the same client (RFC 8446 C.4)."""
    offers: list[bytes] = []
    for _ in range(5):
        client = clients.client_connection("client", server_name="dom1.test", address=SERVER)
        server = servers.server_connection(LOCAL)
        client.handshake()
        hello = client.drain()
        extensions = extensions_in(hello)
        offers.append(extensions.get(PSK, extensions.get(TICKET, b""))[:100])
        server.feed(hello)
        shake_hands(client, server)
        assert_echo(client, server)
    resumed = [offer for offer in offers if offer]
    assert len(resumed) == 4
    assert version == "TLSv1.2" or len(set(resumed)) == 4


@pytest.mark.parametrize(
    "other",
    [
        {"address": ("192.0.2.8", 5061)},
        {"address": ("192.0.2.7", 5062)},
        {"domain": "b"},
        {"name": "dom2.test"},
    ],
    ids=str,
)
def test_only_where_it_came_from(
    servers: TLSManager, clients: TLSManager, other: dict[str, Any]
) -> None:
    call(servers, clients)
    assert not call(servers, clients, **other).session_reused
    assert call(servers, clients).session_reused


def test_without_an_address_nothing_is_kept(servers: TLSManager, clients: TLSManager) -> None:
    for _ in range(2):
        assert not call(servers, clients, None).session_reused
    assert len(clients._sessions) == 0


def test_a_session_of_tls13_is_offered_once(
    servers: TLSManager, clients: TLSManager, version: str
) -> None:
    """Two calls at the same time: the second one has none, or the ticket would be seen twice."""
    call(servers, clients)
    first = clients.client_connection("client", server_name="dom1.test", address=SERVER)
    second = call(servers, clients)
    assert second.session_reused == (version == "TLSv1.2")
    server = servers.server_connection(LOCAL)
    shake_hands(first, server)
    assert first.session_reused


def test_a_failed_handshake_drops_it(servers: TLSManager, clients: TLSManager) -> None:
    """No session may keep a server out of reach."""
    call(servers, clients)
    client = clients.client_connection("client", server_name="dom1.test", address=SERVER)
    client.handshake()
    client.feed(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    with contextlib.suppress(TLSError):
        client.handshake()
    assert client.ended
    assert len(clients._sessions) == 0
    assert not call(servers, clients).session_reused


def test_an_own_session_comes_first(servers: TLSManager, clients: TLSManager) -> None:
    own = call(servers, clients).session
    assert isinstance(own, Session)
    kept = len(clients._sessions)
    clients.client_connection("client", "dom1.test", own, address=SERVER)
    assert len(clients._sessions) == kept == 1


def test_a_reload_that_changes_the_rules_leaves_it_unused(
    servers: TLSManager, client_library: str, version: str
) -> None:
    clients = TLSManager(client_library)
    domain = client_domain("client", method=method_of(version))
    clients.add_domain(domain)
    call(servers, clients)
    changed = manager_of(client_library, domain.replace(verify_depth=1))
    changed._sessions = clients._sessions
    assert not call(servers, changed).session_reused


@pytest.mark.parametrize("kept_by", ["address", "program"])
def test_another_certificate_of_ours_ends_it(
    library: str, client_library: str, version: str, kept_by: str, tmp_path: Path
) -> None:
    """Else the server goes on seeing whom it saw before."""
    root = Authority()
    method = method_of(version)
    trust = {"verify_cert": True, "ca_list": root.pem, "match_sip_domain": "*", "method": method}
    servers = manager_of(library, server_domain("dom1", **trust))
    files = {"certificate": tmp_path / "us.pem", "private_key": tmp_path / "us.key"}

    def become(name: str) -> None:
        for field, data in root.issue(name).fields().items():
            files[field].write_bytes(data)

    def seen() -> tuple[object, object, bool]:
        session = own[0] if kept_by == "program" else None
        client = clients.client_connection(
            "us", "dom1.test", session, address=SERVER if kept_by == "address" else None
        )
        server = servers.server_connection(LOCAL)
        shake_hands(client, server)
        assert_echo(client, server)
        assert client.session_reused == server.session_reused
        own[0] = client.session
        names = client.variables["tls_my_subject_cn"], server.variables["tls_peer_subject_cn"]
        return *names, server.session_reused

    own: list[Session | None] = [None]
    become("alice")
    clients = manager_of(
        client_library, client_domain("us", method=method, **{k: str(v) for k, v in files.items()})
    )
    assert seen() == ("alice", "alice", False)
    assert seen() == ("alice", "alice", True)
    become("bob")
    assert clients.reload().changed == ("us",)
    assert seen() == ("bob", "bob", False)
    assert seen() == ("bob", "bob", True)
    assert clients.reload().changed == ()
    assert seen() == ("bob", "bob", True)


class Named(Session):
    """A session that is only looked at."""

    def __init__(self) -> None:
        pass


def test_the_cache_has_a_bound() -> None:
    cache = SessionCache(3)
    sessions = [Named() for _ in range(5)]
    for number, session in enumerate(sessions):
        cache.put(number, session, is_for_one_use=False)
        cache.take(0)
    assert len(cache) == 3
    assert [cache.take(number) for number in range(5)] == [sessions[0], None, None, *sessions[3:]]
    cache.clear()
    assert len(cache) == 0


def test_what_is_for_one_use_is_gone() -> None:
    cache = SessionCache()
    session = Named()
    cache.put("a", session, is_for_one_use=True)
    assert (cache.take("a"), cache.take("a")) == (session, None)
