"""Networks as people write them."""

from __future__ import annotations

import pytest

from tlsmgm._serving.networks import pack_network, parse_networks
from tlsmgm.errors import ConfigError

MAPPED = bytes(10) + b"\xff\xff"


@pytest.mark.parametrize(
    ("text", "address", "prefix"),
    [
        ("10.0.0.0/8", MAPPED + b"\x0a\0\0\0", 104),
        ("192.0.2.7", MAPPED + b"\xc0\0\x02\x07", 128),
        ("0.0.0.0/0", MAPPED + bytes(4), 96),
        (" ::1 ", bytes(15) + b"\x01", 128),
        ("2001:db8::/32", b"\x20\x01\x0d\xb8" + bytes(12), 32),
        ("::/0", bytes(16), 0),
        ("10.0.0.0/255.0.0.0", MAPPED + b"\x0a\0\0\0", 104),
    ],
)
def test_networks(text: str, address: bytes, prefix: int) -> None:
    [network] = parse_networks([text], "proxy_header_from")
    assert pack_network(network) == (address, prefix)


def test_several_and_one() -> None:
    assert len(parse_networks(["10.0.0.0/8", "::1"], "x")) == 2
    assert parse_networks("10.0.0.0/8", "x") == parse_networks(["10.0.0.0/8"], "x")


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "::1/129", "[::1]"],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_networks(["127.0.0.1", text], "--proxy-header-from")
    assert caught.value.parameter == "--proxy-header-from"
    assert "bad network" in str(caught.value)
    assert "10.0.0.0/8" in str(caught.value)


def test_nobody() -> None:
    with pytest.raises(ConfigError, match="names no network"):
        parse_networks([], "proxy_header_from")
