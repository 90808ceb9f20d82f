"""What a listening socket asks: which context answers this ClientHello?"""

from collections.abc import Iterable
from typing import Self

from tlsmgm._core.context import Context
from tlsmgm._core.match_index import MatchIndex

class Selector:
    """An index over server domains and their contexts; immutable, shared by connections.

    Args:
        index: the filters of all server domains.
        contexts: one server Context per domain number of the index.
        hello_limit: largest ClientHello that is read, in bytes.
        generation: tells it from the selectors of other states.

    Raises:
        ConfigError: one of the contexts is a client's.
    """

    def __new__(
        cls,
        index: MatchIndex,
        contexts: Iterable[Context],
        hello_limit: int = ...,
        generation: int = 0,
    ) -> Self: ...
    def choose(self, address: bytes, port: int, name: bytes | None) -> Context:
        """Which context answers.

        Args:
            address: 16 bytes, the local address, IPv4 mapped into IPv6.
            port: the local port.
            name: what the client sent in SNI, or None.

        Returns:
            The Context.

        Raises:
            NoDomainError: none does; its alert is what the client must be sent.
        """
    @property
    def hello_limit(self) -> int:
        """Bytes of the largest ClientHello that its connections read."""
