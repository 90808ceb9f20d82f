from typing import Self, overload

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.context import Context
from tlsmgm._core.negotiated import Negotiated
from tlsmgm._core.selector import Selector
from tlsmgm._core.session import Session
from tlsmgm._native.sessions import SessionKeeper

class Connection(Negotiated):
    @overload
    def __new__(
        cls,
        context: Context,
        *,
        server_name: bytes | None = None,
        verify_name: bytes | None = None,
        session: Session | None = None,
        keeper: SessionKeeper | None = None,
    ) -> Self: ...
    @overload
    def __new__(
        cls, *, selector: Selector, address: bytes, port: int = 0, hello_limit: int = 0
    ) -> Self: ...
    @property
    def ended(self) -> bool: ...

    # Wire bytes.
    def feed(self, data: ReadableBuffer) -> None: ...
    def feed_eof(self) -> None: ...
    def drain(self) -> bytes: ...
    @property
    def output_pending(self) -> int: ...

    # The TLS connection.
    def handshake(self) -> bool: ...
    def read(self, size: int = 65536) -> bytes | None: ...
    def read_into(self, buffer: WriteableBuffer) -> int | None: ...
    def write(self, data: ReadableBuffer) -> int: ...
    def shutdown(self) -> bool: ...
