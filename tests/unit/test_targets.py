"""Addresses as the command line and ``listen()`` take them."""

from __future__ import annotations

import pytest

from tlsmgm import ConfigError
from tlsmgm._domains.addresses import host_and_port, join_host_port
from tlsmgm._serving.targets import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("tls:10.0.0.1:5061", Target(True, "10.0.0.1", 5061)),
        ("TCP:[::1]:80", Target(False, "::1", 80)),
        ("tls:*:0", Target(True, "*", 0)),
        ("tcp:a-b.test:65535", Target(False, "a-b.test", 65535)),
        ("tcp:[fe80::1%eth0]:1", Target(False, "fe80::1%eth0", 1)),
        (" tcp:a:1\n", Target(False, "a", 1)),
    ],
)
def test_listening(text: str, target: Target) -> None:
    assert parse_target(text, listening=True) == target
    assert parse_target(str(target), listening=True) == target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("tls:10.0.0.1:5061", Target(True, "10.0.0.1", 5061)),
        ("unix:/run/app.sock", Target(False, path="/run/app.sock")),
        ("UNIX:relative/path:1", Target(False, path="relative/path:1")),
    ],
)
def test_connecting(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    "text",
    ["", "tls", "tls:", "tls:1", "udp:a:1", "tls:a:", "tls:a:65536", "tls:::1:5", "tls:[a]:5",
     "tls:a:1:2", "tls:a b:1", "tls:[::1]", "tls:a:\uff11", "unix:", "unix"],
)  # fmt: skip
@pytest.mark.parametrize("listening", [True, False])
def test_bad_targets(text: str, listening: bool) -> None:
    with pytest.raises(ConfigError):
        parse_target(text, listening=listening)


def test_nobody_listens_on_a_unix_socket() -> None:
    with pytest.raises(ConfigError, match=r"bad address 'unix:/run/a'") as caught:
        parse_target("unix:/run/a", listening=True)
    assert "unix" not in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["tcp:a:0", "tls:*:5061"])
def test_nobody_connects_to_it(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot connect to"):
        parse_target(text)


def test_host_and_port() -> None:
    assert host_and_port("[::1]:5") == ("::1", 5)
    assert join_host_port("::1", 5) == "[::1]:5"
    assert join_host_port("::ffff:10.0.0.1", 5) == "10.0.0.1:5"
