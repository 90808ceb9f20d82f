"""What is refused before anything happens."""

from __future__ import annotations

import asyncio
import math
import socket
from typing import Any

import pytest

from tests.support.aio import HOST, Note, echo, run
from tests.support.managers import client_domain, server_domain
from tlsmgm import ConfigError, TLSManager, aio

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


@pytest.mark.usefixtures("nobody_is_called")
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"domain": "cleint"}, ConfigError, "no client domain of this name"),
        ({"domain": "dom1"}, ConfigError, "no client domain of this name"),
        ({"domain": client_domain(verify_depth=1)}, ConfigError, "verify_depth"),
        ({"domain": 5}, TypeError, "domain must be a Domain or its name, not int"),
        ({"tls": None}, TypeError, "tls must be a TLSManager or a Domain, not NoneType"),
        ({"tls": server_domain(), "domain": None}, TypeError, "'dom1' is a server domain"),
        ({"tls": client_domain()}, TypeError, "domain belongs to a manager"),
        ({"tls": client_domain(ca_list="missing"), "domain": None}, ConfigError, "missing"),
        ({"server_name": b"a"}, TypeError, "server_name must be str or None, not bytes"),
        ({"server_name": b""}, TypeError, "server_name must be str or None, not bytes"),
        ({"server_name": 5}, TypeError, "server_name must be str or None, not int"),
        ({"server_name": "a" * 256}, ConfigError, "'server_name': more than 255 bytes"),
        ({"server_name": "a" * 256, "domain": None}, ConfigError, "more than 255 bytes"),
        ({"server_name": "ü" * 70}, ConfigError, "no ASCII form"),
        ({"server_name": "a\0.test"}, ConfigError, "cannot be checked"),
        ({"server_name": "."}, ConfigError, "cannot be checked"),
        ({"handshake_timeout": "x"}, ConfigError, "'handshake_timeout': cannot be 'x'"),
        ({"handshake_timeout": math.nan}, ConfigError, "'handshake_timeout': cannot be nan"),
        ({"handshake_timeout": -1}, ConfigError, "'handshake_timeout': cannot be -1"),
        ({"handshake_timeout": 0}, ConfigError, "'handshake_timeout': cannot be 0"),
        ({"shutdown_timeout": None}, ConfigError, "'shutdown_timeout': cannot be None"),
        ({"shutdown_timeout": -0.5}, ConfigError, r"'shutdown_timeout': cannot be -0\.5"),
    ],
)
def test_clients_that_call_nobody(
    manager: TLSManager, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    async def main() -> None:
        with pytest.raises(error, match=words):
            await aio.open_connection(HOST, 1, **({"tls": manager} | CLIENT | options))

    run(main())


@pytest.mark.usefixtures("nobody_is_called")
def test_no_host_is_no_name(manager: TLSManager) -> None:
    """``""`` as a host is this machine; it does not say that any name will do."""

    async def main() -> None:
        with pytest.raises(ValueError, match="server_name is needed"):
            await aio.open_connection("", 1, tls=manager, domain="client")

    run(main())


def test_a_socket_that_was_given_is_closed(manager: TLSManager) -> None:
    """It belongs to the call, whatever is wrong with the rest."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            with pytest.raises(ConfigError, match="no client domain of this name"):
                await aio.open_connection(
                    sock=ours, tls=manager, domain="cleint", server_name="dom1.test"
                )
            assert ours.fileno() == -1

    run(main())


@pytest.mark.parametrize("seconds", ["x", None, math.nan, -1])
def test_servers_that_would_not_end(manager: TLSManager, seconds: Any) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match="'shutdown_timeout': cannot be"):
            await aio.start_server(echo, HOST, 0, tls=manager, shutdown_timeout=seconds)

    run(main())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"server_name": b""}, TypeError, "server_name must be str or None, not bytes"),
        ({"server_name": None}, ValueError, '"" for none'),
        ({"domain": "cleint"}, ConfigError, "no client domain of this name"),
        ({"handshake_timeout": "x"}, ConfigError, "'handshake_timeout': cannot be 'x'"),
        ({"shutdown_timeout": "x"}, ConfigError, "'shutdown_timeout': cannot be 'x'"),
    ],
)
def test_plain_connections_stay(
    manager: TLSManager, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """What is wrong with the arguments of STARTTLS is said before a plain byte is taken."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        with theirs:
            with pytest.raises(error, match=words):
                await aio.start_tls_streams(reader, writer, manager, **(CLIENT | options))
            with pytest.raises(
                TypeError, match=r"reader must be an asyncio\.StreamReader, not Str"
            ):
                await aio.start_tls_streams(writer, reader, manager, **CLIENT)  # type: ignore[arg-type]
            with pytest.raises(
                TypeError, match=r"writer must be an asyncio\.StreamWriter, not Str"
            ):
                await aio.start_tls_streams(reader, reader, manager, **CLIENT)  # type: ignore[arg-type]
            theirs.send(b"plain\n")
            assert await reader.readline() == b"plain\n"
            writer.close()
            await writer.wait_closed()

    run(main())
