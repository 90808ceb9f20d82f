"""Networks: which addresses are in them, compared with Python's ``ipaddress``."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from random import Random

import pytest

from tests.support.c_code import CCode
from tlsmgm._serving.networks import pack_network

SEEDS = range(20)


def packed(text: str) -> bytes:
    """Return the 16 bytes of an address, IPv4 mapped into IPv6."""
    return pack_network(ipaddress.ip_network(text))[0]


def have(c: CCode, networks: Sequence[str], address: bytes) -> bool:
    array = c.ffi.new("struct tlsmgm_network[]", len(networks) or 1)
    for slot, text in zip(array, networks, strict=False):
        first, slot.prefix = pack_network(ipaddress.ip_network(text, strict=False))
        c.ffi.buffer(slot.address)[:] = first
    view = c.ffi.new("uint8_t[16]", address)
    return bool(c.lib.tlsmgm_networks_have(array, len(networks), view))


@pytest.mark.parametrize(
    ("networks", "address", "expected"),
    [
        ([], "127.0.0.1", False),
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "127.0.0.2", False),
        (["10.0.0.0/8", "::1"], "10.255.255.255", True),
        (["10.0.0.0/8", "::1"], "11.0.0.0", False),
        (["10.0.0.0/8", "::1"], "::1", True),
        (["0.0.0.0/0"], "192.0.2.7", True),
        (["0.0.0.0/0"], "::1", False),
        (["::/0"], "2001:db8::1", True),
        (["::/0"], "192.0.2.7", False),
        (["192.0.2.128/25"], "192.0.2.128", True),
        (["192.0.2.128/25"], "192.0.2.127", False),
        (["2001:db8::/33"], "2001:db8:7fff::1", True),
        (["2001:db8::/33"], "2001:db8:8000::1", False),
    ],
)
def test_families_and_bits(c: CCode, networks: Sequence[str], address: str, expected: bool) -> None:
    assert have(c, networks, packed(address)) is expected


@pytest.mark.parametrize("seed", SEEDS)
def test_as_python_sees_it(c: CCode, seed: int) -> None:
    random = Random(seed)
    for _ in range(200):
        bits = random.choice((32, 128))
        kind = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
        start = random.getrandbits(bits)
        address = kind(start ^ (1 << random.randrange(bits)))
        network = ipaddress.ip_network((start, random.randint(0, bits)), strict=False)
        if bits == 32:
            network = ipaddress.ip_network(f"{kind(start)}/{network.prefixlen}", strict=False)
        expected = address in network
        assert have(c, [str(network)], packed(str(address))) is expected, (network, address)
