"""What is refused before anything happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.aio import HOST, Note, echo, run
from tlsmgm import TLSManager, aio

CLIENT: dict[str, Any] = {"domain": "client", "server_name": "dom1.test"}


@pytest.fixture
def nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any look-up of an address fail the test: what is refused is refused before."""

    async def look_up(*_: object, **__: object) -> None:
        raise AssertionError("an address was looked up")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)


@pytest.mark.usefixtures("nobody_is_called")
@pytest.mark.parametrize("port", [65536, 131072 + 443, -1, "65536"])
def test_ports_that_do_not_exist(manager: TLSManager, port: Any) -> None:
    """The system would take them modulo 65536, and somebody else would be called."""

    async def main() -> None:
        words = rf"port must be 0 to 65535, not {port}"
        with pytest.raises(OverflowError, match=words):
            await aio.start_server(echo, HOST, port, tls=manager)
        with pytest.raises(OverflowError, match=words):
            await aio.create_server(Note, port=port, tls=manager)
        with pytest.raises(OverflowError, match=words):
            await aio.open_connection(HOST, port, tls=manager, **CLIENT)
        with pytest.raises(OverflowError, match=words):
            await aio.open_connection(HOST, 1, local_addr=(HOST, port), tls=manager, **CLIENT)

    run(main())


@pytest.mark.usefixtures("nobody_is_called")
def test_a_server_needs_a_place(manager: TLSManager) -> None:
    """As in asyncio; it would listen on all addresses, at a port that nobody knows."""

    async def main() -> None:
        with pytest.raises(ValueError, match="neither host or port nor sock"):
            await aio.start_server(echo, tls=manager)

    run(main())
