"""x"""

import asyncio
from collections.abc import Callable
from typing import Any

from tlsmgm._core.connection import Connection
from tlsmgm._core.transport import TransportCore

class SocketCore(TransportCore):
    """x"""

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        shutdown_timeout: float,
        on_lost: Callable[[Any], None] | None,
        fd: int,
        close_socket: Callable[[], None],
        watch: Any,
    ) -> None: ...
    @property
    def is_open(self) -> bool:
        """x"""
    def on_readable(self) -> None:
        """x"""
    def on_writable(self) -> None:
        """x"""
    def close_now(self) -> None:
        """x"""
