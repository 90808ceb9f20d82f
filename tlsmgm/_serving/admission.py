"""Who may come in: connections and handshakes in progress, in total and for each source network.

It knows addresses and numbers, and neither sockets nor TLS, so any server can ask it::

    place = admission.admit(host, shakes_hands=True)
    if isinstance(place, Limit):
        ...                    # hang up, without any work
    place.established()        # the handshake is over; the connection goes on
    place.leave()              # on every way out
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from tlsmgm._domains.filters import MAPPED_PREFIX, pack_ip
from tlsmgm._serving.limits import Limit, Limits
from tlsmgm.errors import ConfigError

__all__ = ["Admission", "Place", "network_of"]

_ADDRESS_BITS: Final = 128
_IPV4_BITS: Final = 32


def network_of(host: str, limits: Limits) -> bytes:
    """Return what clients of one network have in common.

    Args:
        host: IP address of a client; what is none is a network of its own.
        limits: say how many bits tell a network.

    Returns:
        The first address of the network, in 16 bytes, IPv4 mapped into IPv6.
    """
    try:
        packed = pack_ip(host)
    except ConfigError:
        return host.encode("utf-8", "backslashreplace")
    if packed.startswith(MAPPED_PREFIX):
        cut = _IPV4_BITS - limits.ipv4_prefix
    else:
        cut = _ADDRESS_BITS - limits.ipv6_prefix
    number = int.from_bytes(packed, "big") >> cut << cut
    return number.to_bytes(_ADDRESS_BITS // 8, "big")


class Place:
    """What one connection takes up; given back once, whoever asks how often.

    Args:
        admission: where it was given out.
        network: of the client while its handshake counts; None: it has none.
    """

    __slots__ = ("_admission", "_is_taken", "_network")

    def __init__(self, admission: Admission, network: bytes | None) -> None:
        self._admission = admission
        self._network = network
        self._is_taken = True

    def established(self) -> None:
        """Give the handshake's place back; the connection keeps its own."""
        if self._network is not None:
            self._admission._end_handshake(self._network)
            self._network = None

    def leave(self) -> None:
        """Give everything back."""
        self.established()
        if self._is_taken:
            self._is_taken = False
            self._admission._connections -= 1


class Admission:
    """Counts who is in.  It belongs to one thread, such as that of an event loop.

    A connection whose handshake fails keeps its place until it is gone: who holds a descriptor
    open with broken handshakes is bounded, too.

    Args:
        limits: how many are let in.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connections = 0
        self._handshakes = 0
        self._networks: Counter[bytes] = Counter()

    @property
    def connections(self) -> int:
        """Connections at this moment."""
        return self._connections

    @property
    def handshakes(self) -> int:
        """Those of them that have not finished their handshake."""
        return self._handshakes

    @property
    def networks(self) -> int:
        """Networks of which there is such a connection."""
        return len(self._networks)

    def admit(self, host: str, *, shakes_hands: bool) -> Place | Limit:
        """Let a connection in, or say why not.

        Args:
            host: IP address of the client.
            shakes_hands: whether a handshake begins now.

        Returns:
            Its place, or the limit that keeps it out; then nothing is to be given back.
        """
        limits = self._limits
        if limits.max_connections and self._connections >= limits.max_connections:
            return Limit.MAX_CONNECTIONS
        network = None
        if shakes_hands:
            if limits.max_handshakes and self._handshakes >= limits.max_handshakes:
                return Limit.MAX_HANDSHAKES
            network = network_of(host, limits)
            bound = limits.max_handshakes_per_network
            if bound and self._networks.get(network, 0) >= bound:
                return Limit.MAX_HANDSHAKES_PER_NETWORK
            self._handshakes += 1
            self._networks[network] += 1
        self._connections += 1
        return Place(self, network)

    def _end_handshake(self, network: bytes) -> None:
        self._handshakes -= 1
        left = self._networks[network] - 1
        if left:
            self._networks[network] = left
        else:
            del self._networks[network]  # or every address ever seen would stay in memory
