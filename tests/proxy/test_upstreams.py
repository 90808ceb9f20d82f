"""Several upstreams behind one proxy: turns, weights, and what can be wrong about them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.listeners import Greeter, greeting, leave
from tests.support.proxy import Program, Proxy, connect, server_context
from tlsmgm import ConfigError, Upstream
from tlsmgm.proxy import Balance, ProxyOptions, parse_target

NAMES = (b"first", b"other")
LISTEN = ("--listen", "tls:127.0.0.1:0")


@contextlib.contextmanager
def proxy_of_two(
    script: str, library: str, first: str = "", other: str = "", *options: str
) -> Iterator[Proxy]:
    """With two upstreams, behind whose addresses something may be said of them."""
    one, two = (Greeter(name) for name in NAMES)
    with one, two:
        more = ("--upstream", two.address + other, *options)
        with Proxy(script, library, one.address + first, *more) as proxy:
            yield proxy


def visit(proxy: Proxy) -> bytes:
    with connect(proxy.port) as client:
        found = greeting(client)
        leave(client)
    return found


def test_each_has_its_turn(library: str, script: str) -> None:
    with proxy_of_two(script, library, "", "", "--workers", "1") as proxy:
        assert Counter(visit(proxy) for _ in range(6)) == {b"first": 3, b"other": 3}
        assert len({line[1] for line in proxy.wait_for(r"upstream=(\S+)", 6)}) == 2


def test_weights(library: str, script: str) -> None:
    with proxy_of_two(script, library, " weight=3", "  weight=1 ") as proxy:
        assert Counter(visit(proxy) for _ in range(8)) == {b"first": 6, b"other": 2}


def test_the_one_with_the_fewest_connections(library: str, script: str) -> None:
    """Whoever has one client at the first goes to the other one, again and again."""
    options = ("--balance", "least-connections", "--workers", "1")
    with (
        proxy_of_two(script, library, "", "", *options) as proxy,
        connect(proxy.port) as client,
    ):
        here = greeting(client)
        [there] = set(NAMES) - {here}
        assert [visit(proxy) for _ in range(4)] == [there] * 4
        leave(client)


def test_tls_and_plain_ones(library: str, both: str) -> None:
    """What is said of TLS upstreams is said of those that speak it."""
    with (
        Greeter(b"plain") as plain,
        Greeter(b"close", tls=server_context("dom2")) as secure,
        Proxy(
            both, library, plain.address, "--upstream", secure.address, "--server-name",
            "dom2.test", "--upstream-domain", "out",
        ) as proxy,
    ):  # fmt: skip
        assert {visit(proxy) for _ in range(2)} == {b"plain", b"close"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--upstream", "tcp:h:9 weight=x"], "parameter '--upstream': has the weight 'x'"),
        (["--upstream", "tcp:h:9 weight="], "parameter '--upstream': has the weight ''"),
        (["--upstream", "tcp:h:9 weight=0"], "parameter 'weight': cannot be 0 (1 to 100)"),
        (["--upstream", "tcp:h:9 weight=101"], "parameter 'weight': cannot be 101"),
        (["--upstream", "tcp:h:9 wait=1"], "bad address"),
        (["--upstream", "tcp:h:9", "--upstream", "nonsense"], "bad address 'nonsense'"),
        (["--upstream", "tcp:h:9", "--balance", "round-robin"], "of no use with one upstream"),
        (
            ["--upstream", "tcp:h:9", "--upstream", "unix:/run/a", "--server-name", "x"],
            "parameter '--server-name': is of no use with a plain TCP upstream",
        ),
    ],
)
def test_bad_arguments(script: str, arguments: list[str], expected: str) -> None:
    with Program("proxy", "--config", script, *LISTEN, *arguments) as program:
        assert program.exit_code() == 2
        assert expected in "\n".join(program.lines)
        assert len(program.lines) == 1


def test_upstreams_in_a_program() -> None:
    """One in whatever form, or several; what one says itself comes first."""
    target = parse_target("tls:127.0.0.1:9")
    for form in (target, "tls:127.0.0.1:9", Upstream("tls:127.0.0.1:9"), [target]):
        options = ProxyOptions(form, upstream_domain="out", server_name="a")
        assert options.upstreams == (Upstream(target, "out", None, "a"),)
    several: list[Upstream | str] = [
        Upstream(target, server_name="b", weight=2),
        "tcp:127.0.0.1:8",
    ]
    options = ProxyOptions(several, server_name="a", balance=Balance.LEAST_CONNECTIONS)
    assert options.upstreams == (
        Upstream(target, server_name="b", weight=2),
        Upstream("tcp:127.0.0.1:8"),
    )
    with pytest.raises(ConfigError, match="there is no upstream"):
        ProxyOptions([])
