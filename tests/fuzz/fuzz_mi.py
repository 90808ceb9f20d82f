#!/usr/bin/env python3
"""Requests to the management interface: bytes of a FIFO and datagrams, up to the replies.

The first byte says how the rest arrives: in which pieces from a FIFO, or, if it is 0, as a datagram
through a socket.  The commands are the real ones, of a manager that has one domain and reloads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from types import SimpleNamespace
from typing import Any

import atheris

with atheris.instrument_imports(include=["tlsmgm", "json"]):
    from sandbox import FOLDER

    from tlsmgm.mi._commands import command_table
    from tlsmgm.mi._datagram import MAX_REPLY, DatagramListener
    from tlsmgm.mi._endpoints import UnixEndpoint
    from tlsmgm.mi._framing import Frame, Framer, is_reply_name
    from tlsmgm.mi._jsonrpc import INTERNAL_ERROR, MAX_REQUEST, Dispatcher
    from tlsmgm.mi._reloading import Reloader

SERVER = FOLDER / "mi"
CLIENT = FOLDER / "client"


class OneDomain:
    """A manager as far as the management interface looks at it."""

    has_database = True

    def list_domains(self) -> dict[str, list[dict[str, Any]]]:
        return {"Domains": [{"ID": 1, "Domain name": "sip.example", "Type": "Server"}]}

    def reload(self) -> Any:
        kinds = ("added", "changed", "removed", "failed", "kept", "failures", "warnings")
        return SimpleNamespace(**dict.fromkeys(kinds, ()))

    reload_database = reload

    def cancel_reload(self) -> None:
        pass


class Interface:
    """Both ends of the interface, in an event loop that goes on from input to input."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_REQUEST)
        self._client.setblocking(False)
        self._client.bind(str(CLIENT))
        self._loop.run_until_complete(self._start())
        self._client.connect(str(SERVER))

    async def _start(self) -> None:
        manager: Any = OneDomain()
        self.dispatcher = Dispatcher(command_table(manager, Reloader(manager)))
        self._listener = DatagramListener(UnixEndpoint(str(SERVER)), self.dispatcher)
        await self._listener.start()

    def ask(self, request: bytes) -> bytes | None:
        """The reply, without a transport."""
        return self._loop.run_until_complete(self.dispatcher.reply(request))

    def send(self, request: bytes) -> bytes:
        """The reply through the socket."""
        return self._loop.run_until_complete(self._send(request))

    async def _send(self, request: bytes) -> bytes:
        async with asyncio.timeout(5):
            self._client.send(request)
            return await self._loop.sock_recv(self._client, MAX_REPLY + 1)


def check_reply(reply: bytes | None) -> None:
    """A reply is one line of ASCII, and a response object or several (section 5)."""
    if reply is None:
        return
    assert reply.isascii()
    assert b"\n" not in reply
    found = json.loads(reply)
    for entry in found if isinstance(found, list) else [found]:
        assert entry["jsonrpc"] == "2.0"
        assert "id" in entry
        assert ("result" in entry) != ("error" in entry)
        assert "error" not in entry or entry["error"]["code"] != INTERNAL_ERROR, reply


def frames_of(data: bytes, piece: int) -> list[Frame]:
    framer = Framer()
    found: list[Frame] = []
    for at in range(0, len(data), piece):
        found += framer.feed(data[at : at + piece])
    while framer.is_pending:
        rest = framer.expire()
        assert rest or not framer.is_pending
        found += rest
    return found


def test_fifo(data: bytes, piece: int) -> None:
    frames = frames_of(data, piece)
    assert frames == frames_of(data, len(data) or 1), "pieces make no difference"
    for frame in frames:
        assert len(frame.body) <= MAX_REQUEST + 1
        if is_reply_name(frame.name):
            assert not set(frame.name) & set(b"./\\\0")
            check_reply(interface.ask(frame.body))


def test_datagram(data: bytes) -> None:
    expected = interface.ask(data)
    check_reply(expected)
    if expected is not None and 0 < len(data) <= MAX_REQUEST:
        assert interface.send(data) == expected


def test_one_input(data: bytes) -> None:
    how = data[0] if data else 0
    if how == 0:
        test_datagram(data[1:])
    else:
        test_fifo(data[1:], how)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    interface = Interface()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
