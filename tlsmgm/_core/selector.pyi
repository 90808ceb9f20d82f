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

    Raises:
        ConfigError: one of the contexts is a client's.
    """

    def __new__(
        cls, index: MatchIndex, contexts: Iterable[Context], hello_limit: int = ...
    ) -> Self: ...
    @property
    def hello_limit(self) -> int:
        """Bytes of the largest ClientHello that its connections read."""
