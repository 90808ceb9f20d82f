"""The management interface over datagrams, UDP or unix, as ``mi_datagram`` of OpenSIPS has it.

A datagram is a request, and the reply goes back as one. Who asks over UDP cannot be told, so it is
bound to loopback addresses alone; a unix socket is for its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import os
import socket
from typing import Any, Final

from tlsmgm.errors import ConfigError
from tlsmgm.mi._addresses import bind_all
from tlsmgm.mi._endpoints import UDPEndpoint, UnixEndpoint, is_loopback
from tlsmgm.mi._jsonrpc import MAX_REQUEST, Dispatcher
from tlsmgm.mi._paths import Identity, clear_stale_socket, identity, remove_own
from tlsmgm.mi._starting import undone_by
from tlsmgm.mi._workers import Workers

__all__ = ["MAX_REPLY", "DatagramListener"]

logger = logging.getLogger("tlsmgm.mi")

#: Bytes of a reply; OpenSIPS sends as many.
MAX_REPLY: Final = 65_457

#: Seconds in which a unix client must have room for its reply, and between looking.
_SEND_TIMEOUT: Final = 2.0
_SEND_INTERVAL: Final = 0.02

_Request = tuple[socket.socket, bytes, Any]


class DatagramListener:
    """Answers datagrams.

    Args:
        endpoint: where.
        dispatcher: answers.

    Attributes:
        endpoint: where, with the port that the system chose.
    """

    def __init__(self, endpoint: UDPEndpoint | UnixEndpoint, dispatcher: Dispatcher) -> None:
        self.endpoint = endpoint
        self._dispatcher = dispatcher
        self._workers = Workers(self._answer, self._pause, self._resume)
        self._sockets: list[socket.socket] = []
        self._identity: Identity | None = None

    async def start(self) -> None:
        """Bind and answer.

        Raises:
            ConfigError: others could reach the address, another program has the path, or there
                is another kind of file.
            OSError: the address cannot be had.
        """
        async with undone_by(self.stop):
            if isinstance(self.endpoint, UDPEndpoint):
                self._bind_udp(self.endpoint)
            else:
                self._bind_unix(self.endpoint.path)
            self._workers.start()

    async def stop(self) -> None:
        """Close the sockets; requests that are not answered yet stay so."""
        self._pause()
        await self._workers.stop()
        if isinstance(self.endpoint, UnixEndpoint):
            remove_own(self.endpoint.path, self._identity)
            self._identity = None
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _bind_udp(self, endpoint: UDPEndpoint) -> None:
        self._sockets = bind_all(endpoint.host, endpoint.port, socket.SOCK_DGRAM)
        names = [sock.getsockname() for sock in self._sockets]
        if not all(is_loopback(name[0]) for name in names):
            raise ConfigError(
                "UDP cannot tell who asks, so it is served on loopback addresses only",
                hint="use 127.0.0.1 or [::1], or http: with a token",
            )
        self.endpoint = dataclasses.replace(endpoint, port=names[0][1])

    def _bind_unix(self, path: str) -> None:
        clear_stale_socket(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        _enlarge(sock)
        # Linux takes the mode of the file from here, so that it is never open to others.
        with contextlib.suppress(OSError):
            os.fchmod(sock.fileno(), 0o600)
        sock.bind(path)
        self._identity = identity(path)
        os.chmod(path, 0o600)

    def _pause(self) -> None:
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)

    def _resume(self) -> None:
        for sock in self._sockets:
            asyncio.get_running_loop().add_reader(sock, functools.partial(self._read, sock))

    def _read(self, sock: socket.socket) -> None:
        try:
            # One byte more than is allowed, so that the dispatcher sees what is too large.
            data, address = sock.recvfrom(MAX_REQUEST + 1)
        except OSError:
            return  # nothing there after all, or news about an earlier reply
        self._workers.put((sock, data, address))

    async def _answer(self, request: _Request) -> None:
        sock, data, address = request
        reply = await self._dispatcher.reply(data, MAX_REPLY)
        if reply is None or not address:
            return  # a unix client without an address of its own cannot be answered
        try:
            async with asyncio.timeout(_SEND_TIMEOUT):
                await _send(sock, reply, address)
        except TimeoutError:
            logger.warning("a client does not take its reply: %r", address)
        except OSError as error:
            logger.warning("cannot reply to %r: %s", address, error.strerror)


async def _send(sock: socket.socket, reply: bytes, address: Any) -> None:
    """Send, also where the queue of a unix client is full and empties soon.

    That the socket is writable would say nothing about the client's queue, so it is tried again.
    What other clients have not read counts as unsent by our socket, and may fill its buffer: so a
    socket with a buffer of its own is tried, too.
    """
    while not _send_now(sock, reply, address):
        if sock.family == socket.AF_UNIX:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                other.setblocking(False)
                _enlarge(other)
                # A client that has connected takes nothing from another socket than ours.
                with contextlib.suppress(PermissionError):
                    if _send_now(other, reply, address):
                        return
        await asyncio.sleep(_SEND_INTERVAL)


def _send_now(sock: socket.socket, reply: bytes, address: Any) -> bool:
    try:
        sock.sendto(reply, address)
    except BlockingIOError:
        return False
    return True


def _enlarge(sock: socket.socket) -> None:
    """Make room for a reply and a request: not every system has it by default."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        if sock.getsockopt(socket.SOL_SOCKET, option) < 2 * MAX_REPLY:
            sock.setsockopt(socket.SOL_SOCKET, option, 2 * MAX_REPLY)
