"""What cannot be used is said at once: which parameter, which value, and what would be right."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.test_handover import take
from tests.support.listeners import ANYWHERE, port_of
from tests.support.ports import free_ports
from tests.support.proxy import TIMEOUT, connect
from tlsmgm import ConfigError, TLSManager, Upstream

NOBODY = "tcp:127.0.0.1:9"


def complaint(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("port", ["65536", "70000", "123456", "9" * 5000])
def test_a_port_that_is_too_large(manager: TLSManager, port: str) -> None:
    address = f"127.0.0.1:{port}"
    expected = f"bad address {address!r} (ports go up to 65535)"
    assert complaint(lambda: manager.listen(f"tls:{address}", NOBODY)) == expected
    assert complaint(lambda: Upstream(f"tcp:{address}")) == expected


@pytest.mark.parametrize("name", ["domain", "sip_domain", "server_name"])
@pytest.mark.parametrize("value", [5, b"x", "", "a\0b", ["x"], False])
def test_names_of_an_upstream(name: str, value: Any) -> None:
    options = {name: value}
    expected = f"parameter {name!r}: cannot be {value!r} (a name, as text)"
    assert complaint(lambda: Upstream("tls:127.0.0.1:9", **options)) == expected


@pytest.mark.parametrize("name", ["domain", "sip_domain", "server_name"])
@pytest.mark.parametrize("address", [NOBODY, "unix:/run/a"])
def test_names_without_tls(name: str, address: str) -> None:
    options: dict[str, Any] = {name: "x"}
    expected = f"parameter {name!r}: is of no use where no TLS is spoken"
    assert complaint(lambda: Upstream(address, **options)) == expected


@pytest.mark.parametrize("target", [5, None, b"tcp:a:1", ["tcp:a:1"]])
def test_what_is_no_target(target: Any) -> None:
    assert complaint(lambda: Upstream(target)).startswith("parameter 'target': cannot be")


@pytest.mark.parametrize("weight", [0, 101, -1, 1.5, "2", True, None])
def test_what_is_no_weight(weight: Any) -> None:
    expected = f"parameter 'weight': cannot be {weight!r} (1 to 100)"
    assert complaint(lambda: Upstream(NOBODY, weight=weight)) == expected


def test_what_is_no_number_of_workers(manager: TLSManager) -> None:
    said = complaint(lambda: manager.listen(ANYWHERE, NOBODY, workers=True))
    assert said == "parameter 'workers': cannot be True (1 to 256)"


def test_a_sip_domain_that_nothing_knows(manager: TLSManager) -> None:
    """There is no script, or one that says nothing of it."""
    upstream = Upstream("tls:127.0.0.1:9", sip_domain="example.com")
    said = complaint(lambda: manager.listen(ANYWHERE, upstream))
    assert said == (
        "parameter 'sip_domain': there is no client_sip_domain_avp that it could be the value of "
        "(a configuration sets it; or name the client domain by 'domain')"
    )


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([], "parameter 'routes': a route needs an upstream"),
        ({}, "parameter 'routes': there is no route (such as an upstream)"),
        ({"dom1": []}, "domain 'dom1': parameter 'routes': a route needs an upstream"),
        (
            {5: NOBODY},
            "parameter 'routes': there is a route for 5 (the name of a server domain, or '*' for "
            "all others)",
        ),
    ],
)
def test_routes(manager: TLSManager, routes: Any, expected: str) -> None:
    assert complaint(lambda: manager.listen(ANYWHERE, routes)) == expected
    with manager.listen(ANYWHERE, NOBODY) as listener:
        assert complaint(lambda: listener.set_routes(routes)) == expected


def test_the_same_address_twice(manager: TLSManager) -> None:
    [port] = free_ports(1)
    one, other = f"tls:127.0.0.1:{port}", f"tcp:localhost:{port}"
    assert complaint(lambda: manager.listen([one, one], NOBODY)) == f"cannot listen on {one} twice"
    assert complaint(lambda: manager.listen([one, other], NOBODY)) == (
        f"cannot listen on {other} and on {one}, which is the same address"
    )
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT)


def test_ports_that_the_system_chooses_are_different(manager: TLSManager) -> None:
    with manager.listen([ANYWHERE, ANYWHERE], NOBODY) as listener:
        assert len({target.port for target in listener.addresses}) == 2


def test_routes_of_a_listener_that_has_ended(manager: TLSManager) -> None:
    listener = manager.listen(ANYWHERE, NOBODY)
    listener.close()
    with pytest.raises(RuntimeError, match="the listener is closed"):
        listener.set_routes(NOBODY)


def test_what_a_connection_says_of_itself(manager: TLSManager) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        host, port = client.getsockname()
        assert repr(connection) == f"<AcceptedConnection open dom1 {host}:{port}>"
        connection.close()
        assert repr(connection) == f"<AcceptedConnection closed dom1 {host}:{port}>"
