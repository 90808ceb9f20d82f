from typing import NoReturn

from _typeshed import ReadableBuffer

from tlsmgm._core.backend import Backend

class Session:
    def __init__(self, *args: object, **kwargs: object) -> NoReturn: ...
    def export(self) -> bytes: ...
    @staticmethod
    def load(backend: Backend, data: ReadableBuffer) -> Session: ...
