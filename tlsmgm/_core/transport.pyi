"""x"""

import asyncio
from collections.abc import Callable
from typing import Any

from tlsmgm._core.connection import Connection

class TransportCore:
    """x"""

    is_blocked: bool
    """Whether the wire takes nothing now; :meth:`flush` is called when it does again."""

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        shutdown_timeout: float,
        on_lost: Callable[[Any], None] | None,
    ) -> None: ...
    @property
    def connection(self) -> Connection:
        """The TLS connection."""
    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Of the protocol and the wire."""
    @property
    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol above."""
    @property
    def shutdown_timeout(self) -> float:
        """Seconds in which a closing transport must get on."""
    @property
    def high(self) -> int:
        """Bytes that may wait before the protocol is told to pause."""
    @property
    def low(self) -> int:
        """Bytes down to which it then waits."""
    @property
    def is_established(self) -> bool:
        """Whether the handshake is done."""
    @property
    def is_closing(self) -> bool:
        """Whether it was closed, or is lost."""
    @property
    def is_lost(self) -> bool:
        """Whether it is over."""
    @property
    def is_goodbye_said(self) -> bool:
        """Whether our close_notify was sent."""
    @property
    def is_peer_over(self) -> bool:
        """Whether the peer's close_notify was received."""
    def set_protocol(
        self, protocol: asyncio.BaseProtocol, receive: Callable[[bytes], None] | None
    ) -> None:
        """x"""
    def unsent(self) -> int:
        """x"""
    def put(self, wire: bytes) -> None:
        """x"""
    def listen(self) -> None:
        """x"""
    def stop_listening(self) -> None:
        """x"""
    def end_sending(self) -> None:
        """x"""
    def drop(self) -> None:
        """x"""
    def begin(self, timeout: float, settled: Callable[[BaseException | None], None]) -> None:
        """x"""
    def begin_established(self) -> None:
        """x"""
    def tell_made(self) -> None:
        """x"""
    def give_up(self, timeout: float) -> None:
        """x"""
    def take(self, wire: bytes) -> None:
        """x"""
    def take_end(self) -> None:
        """x"""
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """x"""
    def flush(self) -> None:
        """x"""
    def tell_of_pressure(self) -> None:
        """x"""
    def waiting(self) -> int:
        """x"""
    def set_limits(self, high: int, low: int) -> None:
        """x"""
    def close(self) -> None:
        """x"""
    def watch_closing(self, before: int) -> None:
        """x"""
    def refuse(self, error: BaseException) -> None:
        """x"""
    def lose(self, error: BaseException | None) -> None:
        """x"""
    def tell_loss(self, error: BaseException | None) -> None:
        """x"""
    def write_eof(self) -> None:
        """x"""
    def is_reading(self) -> bool:
        """x"""
    def pause_reading(self) -> None:
        """x"""
    def resume_reading(self) -> None:
        """x"""
    def take_rest(self) -> None:
        """x"""
