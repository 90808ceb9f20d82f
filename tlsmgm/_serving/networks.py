"""Networks as people write them, and as the engine takes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from tlsmgm.errors import ConfigError

__all__ = ["Network", "pack_network", "parse_networks"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Bits in front of an IPv4 address that is mapped into IPv6 (RFC 4291 section 2.5.5.2).
_MAPPED_BITS: Final = 96
_MAPPED: Final = bytes(10) + b"\xff\xff"


def parse_networks(texts: Iterable[str] | str, parameter: str) -> tuple[Network, ...]:
    """Read networks such as ``10.0.0.0/8`` and ``2001:db8::/32``; an address stands for itself.

    Args:
        texts: one or several; at least one.
        parameter: what an error names.

    Returns:
        The networks.

    Raises:
        ConfigError: one of them is none, or there is none at all.
    """
    given = [texts] if isinstance(texts, str) else list(texts)
    if not given:
        raise ConfigError(
            "names no network, so nobody could connect",
            parameter=parameter,
            hint="give the addresses of the proxies or load balancers in front",
        )
    return tuple(_parse(text, parameter) for text in given)


def pack_network(network: Network) -> tuple[bytes, int]:
    """Return the 16 bytes of a network's address, IPv4 mapped into IPv6, and its prefix in bits.

    Args:
        network: of either family.
    """
    if network.version == 4:
        return _MAPPED + network.network_address.packed, _MAPPED_BITS + network.prefixlen
    return network.network_address.packed, network.prefixlen


def _parse(text: str, parameter: str) -> Network:
    try:
        if "%" in text:
            raise ValueError(f"{text!r} has a zone, which an address on the wire has not")
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"bad network: {error}", parameter=parameter, hint="write 10.0.0.0/8, 192.0.2.7 or ::1"
        ) from None
