from typing import Self

from tlsmgm._core.selector import Selector

class Greeting:
    def __new__(
        cls, selector: Selector | None, address: bytes | None, port: int, hello_limit: int
    ) -> Self: ...
