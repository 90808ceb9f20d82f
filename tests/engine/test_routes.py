"""Where connections go: upstreams by domain, in turn, and the ways in which routes can be wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.listeners import ANYWHERE, Greeter, ask, listening, port_of
from tests.support.managers import client_domain, manager_of, server_domain
from tests.support.proxy import TIMEOUT, connect, read_exactly
from tlsmgm import ConfigError, Listener, TLSManager, Upstream


@pytest.fixture
def other() -> Iterator[Greeter]:
    with Greeter(b"other") as found:
        yield found


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where connections are refused, as nobody else can listen there."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"tcp:127.0.0.1:{sock.getsockname()[1]}"


def is_cut_off(listener: Listener, name: str = "dom1.test") -> bool:
    """Whether a client that is let in gets nothing but an end."""
    try:
        ask(listener, name)
    except (ssl.SSLError, ConnectionError, AssertionError):
        return True
    return False


def test_by_domain(manager: TLSManager, greeter: Greeter, other: Greeter) -> None:
    routes = {"dom2": other.address, "*": Upstream(greeter.address)}
    with listening(manager, routes) as (listener, ends):
        assert ask(listener, "dom1.test") == b"hello"
        assert ask(listener, "dom2.test") == b"other"
        found = {ended.domain and ended.domain.name: ended.upstream for ended in ends.wait_for(2)}
    assert found == {
        "dom1": greeter.address.removeprefix("tcp:"),
        "dom2": other.address.removeprefix("tcp:"),
    }


def test_a_domain_without_a_route(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, {"dom2": greeter.address}) as (listener, ends):
        assert is_cut_off(listener, "dom1.test")
        ended = ends.one()
        assert ended.status == "upstream-failed"
        assert ended.reason is not None
        assert "no upstream" in ended.reason
        assert ended.upstream is None
        assert ask(listener, "dom2.test") == b"hello"


def test_plain_clients_take_the_route_of_all_others(
    manager: TLSManager, greeter: Greeter, other: Greeter
) -> None:
    routes = {"dom2": other.address, "*": greeter.address}
    with (
        listening(manager, routes, "tcp:127.0.0.1:0") as (listener, _),
        socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client,
    ):
        assert client.recv(5) == b"hello"


def test_two_take_turns(manager: TLSManager, greeter: Greeter, other: Greeter) -> None:
    with listening(manager, [greeter.address, other.address]) as (listener, ends):
        found = [ask(listener) for _ in range(6)]
        upstreams = {ended.upstream for ended in ends.wait_for(6)}
    assert sorted(found) == [b"hello"] * 3 + [b"other"] * 3
    assert found[::2] in ([b"hello"] * 3, [b"other"] * 3)
    assert upstreams == {one.address.removeprefix("tcp:") for one in (greeter, other)}


def test_who_refuses_is_passed_over(manager: TLSManager, greeter: Greeter, nobody: str) -> None:
    with listening(manager, [nobody, greeter.address]) as (listener, ends):
        assert [ask(listener) for _ in range(4)] == [b"hello"] * 4
        upstreams = {ended.upstream for ended in ends.wait_for(4)}
    assert upstreams == {greeter.address.removeprefix("tcp:")}


def test_everybody_refuses(manager: TLSManager, nobody: str) -> None:
    with listening(manager, nobody) as (listener, ends):
        assert is_cut_off(listener)
        ended = ends.one()
    assert (ended.status, ended.reason) == ("upstream-failed", "Connection refused")
    assert ended.upstream in (nobody, nobody.removeprefix("tcp:"))


def test_a_unix_socket(manager: TLSManager, tmp_path: Path) -> None:
    with (
        Greeter(path=tmp_path / "s") as server,
        listening(manager, server.address) as (listener, ends),
    ):
        assert ask(listener) == b"hello"
        assert ends.one().upstream == server.address


def test_a_unix_socket_that_is_not_there(manager: TLSManager, tmp_path: Path) -> None:
    """It may come later, so it is no error at the beginning."""
    path = tmp_path / "s"
    with listening(manager, f"unix:{path}") as (listener, ends):
        assert is_cut_off(listener)
        ended = ends.one()
        assert (ended.status, ended.reason) == ("upstream-failed", "No such file or directory")
        with Greeter(path=path):
            assert ask(listener) == b"hello"


# Other routes while it runs.


def test_new_routes_hold_for_new_connections(
    manager: TLSManager, greeter: Greeter, other: Greeter
) -> None:
    with listening(manager, greeter.address) as (listener, _):
        assert ask(listener) == b"hello"
        listener.set_routes({"*": [Upstream(other.address)]})
        assert ask(listener) == b"other"


@pytest.mark.parametrize("form", ["text", "list", "mapping"])
def test_new_routes_in_all_forms(
    manager: TLSManager, greeter: Greeter, other: Greeter, form: str
) -> None:
    routes: Any = {
        "text": other.address, "list": [other.address], "mapping": {"*": other.address}
    }[form]  # fmt: skip
    with listening(manager, greeter.address) as (listener, _):
        listener.set_routes(routes)
        assert ask(listener) == b"other"


WRONG = [
    ({"dom9": "tcp:127.0.0.1:9"}, "dom9"),
    ({"dom2": []}, "a route needs an upstream"),
    ([], "a route needs an upstream"),
    ("tcp:no-such-host.invalid:9", r"cannot resolve 'no-such-host\.invalid'"),
    ("tcp:127.0.0.1:0", "cannot connect to"),
    ("127.0.0.1:9", "bad address"),
    ({"dom2": Upstream("tls:127.0.0.1:9", domain="dom9")}, "there is no client domain called"),
]


@pytest.mark.parametrize(("routes", "message"), WRONG)
def test_bad_routes_at_the_start(manager: TLSManager, routes: Any, message: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(ConfigError, match=message):
        manager.listen(f"tls:127.0.0.1:{port}", routes)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT)


@pytest.mark.parametrize(("routes", "message"), WRONG)
def test_bad_routes_leave_the_old_ones(
    manager: TLSManager, greeter: Greeter, routes: Any, message: str
) -> None:
    with listening(manager, {"dom1": greeter.address}) as (listener, _):
        with pytest.raises(ConfigError, match=message):
            listener.set_routes(routes)
        assert ask(listener) == b"hello"


def test_the_error_names_the_domain(manager: TLSManager) -> None:
    wrong: list[Any] = [{"dom9": "tcp:127.0.0.1:9"}, {"dom9": []}]
    for routes in wrong:
        with pytest.raises(ConfigError) as caught:
            manager.listen(ANYWHERE, routes)
        assert caught.value.domain == "dom9"


def test_no_routes_at_all(manager: TLSManager) -> None:
    with pytest.raises(ConfigError, match="route"):
        manager.listen(ANYWHERE, {})


def test_tls_without_a_client_domain(library: str) -> None:
    manager = manager_of(library, server_domain("dom1"))
    with pytest.raises(ConfigError, match="there is no client domain") as caught:
        manager.listen(ANYWHERE, "tls:127.0.0.1:9")
    assert "127.0.0.1:9" in str(caught.value)


@pytest.mark.parametrize("word", ["domain", "sip_domain"])
def test_words_of_tls_where_none_is_spoken(word: str) -> None:
    values: dict[str, Any] = {word: "client"}
    with pytest.raises(ConfigError, match="no TLS is spoken") as caught:
        Upstream("tcp:127.0.0.1:9", **values)
    assert caught.value.parameter == word


def test_a_sip_domain_without_its_avp(library: str) -> None:
    manager = manager_of(library, server_domain("dom1"), client_domain())
    with pytest.raises(ConfigError, match="client_sip_domain_avp"):
        manager.listen(ANYWHERE, Upstream("tls:127.0.0.1:9", sip_domain="example.com"))


def test_upstreams_are_values() -> None:
    one = Upstream("tls:[::1]:5061", "client", server_name="dom1.test")
    assert one == Upstream("tls:[::1]:5061", "client", None, "dom1.test")
    assert str(one) == "tls:[::1]:5061"
    assert len({one, Upstream("tls:[::1]:5061", "client", server_name="dom1.test")}) == 1


@pytest.mark.parametrize("balance", ["round_robin", "least_connections"])
def test_shares_by_weight(
    manager: TLSManager, greeter: Greeter, other: Greeter, balance: str
) -> None:
    """Those that are there count, too, where the fewest connections decide."""
    routes = [Upstream(greeter.address, weight=3), other.address]
    with (
        listening(manager, routes, balance=balance) as (listener, _),
        contextlib.ExitStack() as stack,
    ):
        seen = []
        for _ in range(8):
            client = stack.enter_context(connect(port_of(listener)))
            seen.append(read_exactly(client, 5))
    assert seen.count(b"hello") == 6
    assert seen.count(b"other") == 2


@pytest.mark.parametrize("weight", [0, 101, -1, 1.5, "2"])
def test_no_such_weight(weight: Any) -> None:
    with pytest.raises(ConfigError, match="weight"):
        Upstream("tcp:127.0.0.1:9", weight=weight)


def test_no_such_balance(manager: TLSManager) -> None:
    with pytest.raises(ConfigError, match="balance"):
        manager.listen(ANYWHERE, "tcp:127.0.0.1:9", balance="best")
