"""Sessions handed on from connection to connection, across libraries."""

from __future__ import annotations

from tests.support.managers import (
    assert_echo,
    client_domain,
    connect,
    manager_of,
    method_of,
    server_domain,
    session_of,
)
from tlsmgm import TLSManager


def managers(library: str, client_library: str, version: str) -> tuple[TLSManager, TLSManager]:
    method = method_of(version)
    server = manager_of(library, server_domain(method=method))
    return server, manager_of(client_library, client_domain(method=method))


def test_each_session_opens_the_next(library: str, client_library: str, version: str) -> None:
    """A resumed connection's session must not be worse than the one that it came from."""
    server_manager, client_manager = managers(library, client_library, version)
    session, reused = None, []
    for _ in range(4):
        client, server = connect(server_manager, client_manager, session=session)
        assert_echo(client, server)
        reused.append(server.session_reused)
        session = session_of(client)
    assert reused == [False, True, True, True]


def test_a_refused_ticket_is_replaced(library: str, client_library: str, version: str) -> None:
    """After a restart with new keys the server does a full handshake and gives a new ticket."""
    server_manager, client_manager = managers(library, client_library, version)
    session, reused = None, []
    for _ in range(2):
        for _ in range(2):
            client, server = connect(server_manager, client_manager, session=session)
            assert_echo(client, server)
            reused.append(server.session_reused)
            session = session_of(client)
        server_manager, _ = managers(library, client_library, version)
    assert reused == [False, True, False, True]


def test_a_chain_of_any_length_never_fails(library: str, client_library: str, version: str) -> None:
    """A server may begin a new chain now and then, but must not refuse the client."""
    server_manager, client_manager = managers(library, client_library, version)
    session, reused = None, 0
    for _ in range(300):
        client, server = connect(server_manager, client_manager, session=session)
        reused += server.session_reused
        session = session_of(client)
    assert 290 < reused < 300
