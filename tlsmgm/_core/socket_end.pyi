"""A connection over a socket."""

import socket
from typing import Any

from _typeshed import ReadableBuffer, WriteableBuffer

from tlsmgm._core.memory_end import End

class SocketSteps(End):
    def __init__(
        self,
        context: Any,
        sock: socket.socket,
        is_server: bool,
        server_hostname: str | None,
        owner: object,
        session: object,
    ) -> None: ...
    def _socket(self) -> socket.socket: ...

def do_handshake(end: SocketSteps) -> None: ...
def read(end: SocketSteps, size: int, buffer: WriteableBuffer | None = None) -> bytes | int: ...
def pending(end: SocketSteps) -> int: ...
def write(end: SocketSteps, data: ReadableBuffer) -> int: ...
def shutdown(end: SocketSteps) -> socket.socket: ...
