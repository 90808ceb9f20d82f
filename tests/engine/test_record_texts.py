"""What a log says of a connection is what its object says, whichever of the two is asked first."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.listeners import ANYWHERE, Greeter, ask, greeting, leave, listening, port_of
from tests.support.managers import manager_of, method_of, mutual_domain, pki
from tests.support.proxy import TIMEOUT, client_context, connect, server_context
from tests.support.tls_sockets import wrap
from tlsmgm import Connection, Ended, TLSManager, Upstream
from tlsmgm._core.record import Record
from tlsmgm._core.record_texts import KNOWN_NAMES, Texts

NAMES = sorted(KNOWN_NAMES)


def texts_of(ended: Ended) -> dict[str, str | None]:
    return dict(zip(NAMES, Texts(NAMES, {}).of(ended), strict=True))


def address(found: tuple[str, int] | None) -> str | None:
    if found is None:
        return None
    return f"[{found[0]}]:{found[1]}" if ":" in found[0] else f"{found[0]}:{found[1]}"


def said_by(ended: Ended) -> dict[str, str | None]:
    """The same in Python."""
    connection, upstream = ended.connection, ended.upstream_connection
    time = ended.accepted.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "time": time,
        "client": address(ended.client),
        "listen": address(ended.local),
        "domain": None if ended.domain is None else ended.domain.name,
        "server_name": ended.server_name,
        "upstream": ended.upstream,
        "upstream_domain": upstream.domain.name if upstream and upstream.domain else None,
        "bytes_in": str(ended.bytes_in),
        "bytes_out": str(ended.bytes_out),
        "duration": f"{ended.duration:.3f}",
        "status": ended.status,
        "reason": ended.reason,
        **of_connection(connection or upstream),
    }


def of_connection(connection: Connection | None) -> dict[str, str | None]:
    names = "tls_version", "tls_cipher_info", "tls_cipher_bits", "tls_peer_verified"
    if connection is None:
        return dict.fromkeys((*names, "alpn", "group", "reused"))
    return {
        **{name: connection.variables[name] for name in names},
        "alpn": connection.alpn,
        "group": connection.group,
        "reused": str(int(connection.session_reused)),
    }


def check(ended: Ended) -> dict[str, str | None]:
    """Before and after somebody has asked for its connections; return what it says."""
    found = texts_of(ended)
    assert found == said_by(ended)
    assert texts_of(ended) == found
    return found


def test_a_verified_client(library: str, greeter: Greeter, version: str) -> None:
    manager = manager_of(
        library, mutual_domain("dom1", alpn=["sip", "h2"], method=method_of(version))
    )
    options: dict[str, Any] = {"certificate": (pki("good.pem"), pki("good.key")), "alpn": ["h2"]}
    with listening(manager, greeter.address) as (listener, ends):
        ask(listener, **options)
        found = check(ends.one())
    assert (found["status"], found["reason"], found["domain"]) == ("ok", None, "dom1")
    assert (found["tls_version"], found["alpn"]) == (version, "h2")
    assert (found["tls_peer_verified"], found["reused"]) == ("1", "0")


def test_a_resumed_one(manager: TLSManager, greeter: Greeter) -> None:
    context = client_context()
    with listening(manager, greeter.address) as (listener, ends):
        session = None
        for _ in range(2):
            sock = socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT)
            with wrap(context, sock, server_hostname="dom1.test", session=session) as client:
                greeting(client)
                session = client.session
                leave(client)
        first, second = map(check, ends.wait_for(2))
    assert (first["reused"], second["reused"]) == ("0", "1")


def test_a_plain_client_of_a_tls_upstream(manager: TLSManager) -> None:
    with (
        Greeter(tls=server_context("dom2")) as greeter,
        listening(
            manager, Upstream(greeter.address, server_name="dom2.test"), "tcp:127.0.0.1:0"
        ) as (listener, ends),
    ):
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client:
            assert client.recv(5, socket.MSG_WAITALL) == b"hello"
        found = check(ends.one())
    assert (found["upstream_domain"], found["domain"]) == ("client", None)
    assert found["tls_version"] == "TLSv1.3"


def test_an_upstream_that_nobody_knows_any_more(
    manager: TLSManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program has sent it on, and so many since then that its number was forgotten."""
    monkeypatch.setattr("tlsmgm._engine.engine._MOST_ADOPTED", 0)
    with (
        Greeter(tls=server_context("dom2")) as greeter,
        listening(manager, None) as (listener, ends),
        connect(port_of(listener)) as client,
    ):
        connection = listener.accept(TIMEOUT)
        assert connection is not None
        connection.relay_now(Upstream(greeter.address, server_name="dom2.test"))
        greeting(client)
        leave(client)
        found = check(ends.one())
    assert (found["status"], found["upstream"], found["upstream_domain"]) == ("ok", None, None)


def test_over_ipv6(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address, "tcp:[::1]:0") as (listener, ends):
        with socket.create_connection(("::1", port_of(listener)), TIMEOUT) as client:
            assert client.recv(5, socket.MSG_WAITALL) == b"hello"
            mine = client.getsockname()[1]
        found = check(ends.one())
    assert found["client"] == f"[::1]:{mine}"


def test_failures(manager: TLSManager) -> None:
    """A client of an unknown name, one that speaks no TLS, and one whose upstream is not there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nowhere = f"tcp:127.0.0.1:{taken.getsockname()[1]}"
    with listening(manager, nowhere, ANYWHERE) as (listener, ends):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(listener, "unknown.test")
        unknown = check(ends.wait_for(1)[0])
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            stranger = check(ends.wait_for(2)[1])
        with connect(port_of(listener)):
            lonely = check(ends.wait_for(3)[2])
    assert (unknown["server_name"], unknown["domain"]) == ("unknown.test", None)
    assert stranger["server_name"] is None
    assert unknown["reason"]
    assert stranger["reason"]
    assert lonely["reason"] == "Connection refused"
    assert lonely["upstream"] == nowhere


def test_nothing_is_known() -> None:
    assert check(Ended())["status"] == "ok"


def test_other_names_have_a_reader() -> None:
    readers: dict[str, Callable[[Record], str | None]] = {
        "mine": lambda record: f"<{record.status}>"
    }
    assert Texts(["mine", "bytes_in"], readers).of(Ended()) == ["<ok>", "0"]
    with pytest.raises(KeyError):
        Texts(["mine"], {})
