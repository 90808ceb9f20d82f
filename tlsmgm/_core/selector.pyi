from collections.abc import Iterable
from typing import Self

from tlsmgm._core.context import Context
from tlsmgm._core.match_index import MatchIndex

class Selector:
    def __new__(
        cls, index: MatchIndex, contexts: Iterable[Context], hello_limit: int = ...
    ) -> Self: ...
    @property
    def hello_limit(self) -> int: ...
