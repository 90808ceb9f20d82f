from collections.abc import Iterable

from tlsmgm._core.context import Context
from tlsmgm._core.match_index import MatchIndex

class Selector:
    def __init__(
        self, index: MatchIndex, contexts: Iterable[Context], hello_limit: int = ...
    ) -> None: ...
    @property
    def hello_limit(self) -> int: ...
