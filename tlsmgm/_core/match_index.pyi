"""Which TLS domain answers for an address and a name."""

from collections.abc import Iterable
from typing import Self

class MatchIndex:
    """An immutable index over the filters of many domains.

    Args:
        entries: tuples ``(address, port, pattern, domain)`` in order of definition, a later one
            beats an equal earlier one. ``address``: 16 bytes (IPv4 mapped into IPv6) or None for
            any; ``pattern``: bytes, or None for clients that send no name; ``domain``: a number
            from 0 on.

    Raises:
        ConfigError: a pattern is empty or longer than 255 bytes.
        ValueError: an address does not have 16 bytes.

    Source: tls_mgm manual 1.9.34 and 1.9.35.
    """

    def __new__(cls, entries: Iterable[tuple[bytes | None, int, bytes | None, int]]) -> Self: ...
    def __len__(self) -> int: ...
    @property
    def size(self) -> int:
        """How many filters there are."""
    @property
    def memory(self) -> int:
        """Bytes of memory that the index holds."""
    def find(self, address: bytes, port: int, name: bytes | None) -> int | None:
        """The domain's number, or None when nothing answers.

        Args:
            address: 16 bytes, IPv4 mapped into IPv6.
            port: TCP port.
            name: bytes of the name, or None when the client sent none.
        """
