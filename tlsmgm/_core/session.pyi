from typing import Never

from _typeshed import ReadableBuffer

from tlsmgm._core.backend import Backend

class Session:
    # load() makes sessions; nothing is a Never. A __init__() that returned one would hide load().
    def __init__(self, never: Never, /) -> None: ...
    def export(self) -> bytes: ...
    @staticmethod
    def load(backend: Backend, data: ReadableBuffer) -> Session: ...
