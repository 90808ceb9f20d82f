"""HTTP: methods, bodies, tokens, and what browsers must not be able to do."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.support.management import (
    TIMEOUT,
    FakeManager,
    dispatcher,
    open_descriptors,
    request,
    run,
    until,
)
from tlsmgm.errors import ConfigError
from tlsmgm.mi import _http as http
from tlsmgm.mi._endpoints import HTTPEndpoint
from tlsmgm.mi._http import HTTPListener
from tlsmgm.mi._jsonrpc import MAX_REQUEST

JSON = {"Content-Type": "application/json"}
TOKEN = "a.very-secret_token"


@contextlib.asynccontextmanager
async def serving(
    endpoint: HTTPEndpoint | None = None,
    manager: FakeManager | None = None,
    token: str | None = None,
) -> AsyncIterator[HTTPListener]:
    listener = HTTPListener(endpoint or HTTPEndpoint("127.0.0.1", 0), dispatcher(manager), token)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


async def talk(listener: HTTPListener, data: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    host = listener.endpoint.host if listener.endpoint.host != "*" else "127.0.0.1"
    reader, writer = await asyncio.open_connection(host, listener.endpoint.port)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(
    listener: HTTPListener,
    body: bytes = b"",
    headers: Mapping[str, str] = JSON,
    *,
    method: str = "POST",
    path: str = "/mi",
    host: str | None = "localhost",
) -> tuple[int, dict[str, str], bytes]:
    """Send a request; return status, header and body of the response."""
    lines = [f"{method} {path} HTTP/1.1"] + ([] if host is None else [f"Host: {host}"])
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    response = await talk(listener, "\r\n".join(lines).encode() + body)
    head, _, content = response.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    fields = dict(line.split(": ", 1) for line in rest)
    return int(first.split()[1]), fields, content


def answer(body: bytes = b"", headers: Mapping[str, str] = JSON, **more: Any) -> Any:
    """The response of a server that is there for this one request."""
    endpoint, token = more.pop("endpoint", None), more.pop("token", None)

    async def work() -> tuple[int, dict[str, str], bytes]:
        async with serving(endpoint, token=token) as listener:
            return await exchange(listener, body, headers, **more)

    return run(work())


def test_request_and_reply() -> None:
    status, headers, content = answer(request())
    assert status == 200
    assert headers["Content-Type"].startswith("application/json")
    assert headers["Connection"] == "close"
    assert "tls_list" in json.loads(content)["result"]


def test_errors_of_json_rpc_are_replies_like_others() -> None:
    status, _, content = answer(b"garbage")
    assert (status, json.loads(content)["error"]["code"]) == (200, -32700)


def test_a_content_type_with_a_charset() -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert answer(request(), headers)[0] == 200


def test_notifications() -> None:
    status, _, content = answer(b'{"jsonrpc":"2.0","method":"tls_list"}')
    assert (status, content) == (202, b"")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])
def test_other_methods(method: str) -> None:
    status, headers, _ = answer(request(), method=method)
    assert (status, headers["Allow"]) == (405, "POST")
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_empty_body(body: bytes) -> None:
    assert answer(body)[0] == 400


@pytest.mark.parametrize("path", ["/", "/mi//", "/mi/x", "/MI", "/json", "//mi", "/mi%00"])
def test_other_paths(path: str) -> None:
    assert answer(request(), path=path)[0] == 404


def test_a_slash_at_the_end_is_the_same_path() -> None:
    assert answer(request(), path="/mi/")[0] == 200


def test_a_path_of_ones_own() -> None:
    endpoint = HTTPEndpoint("127.0.0.1", 0, "/my/own")
    assert answer(request(), endpoint=endpoint, path="/my/own")[0] == 200
    assert answer(request(), endpoint=endpoint, path="/my/own/")[0] == 200
    assert answer(request(), endpoint=endpoint)[0] == 404


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/json", "x"]
)
def test_what_a_form_can_send_is_refused(content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert answer(request(), headers)[0] == 415


def test_body_limit() -> None:
    assert answer(request().ljust(MAX_REQUEST))[0] == 200
    assert answer(request().ljust(MAX_REQUEST + 1))[0] == 413


def test_a_body_without_a_length_is_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_LINGER_TIME", 0.1)
    head = b"POST /mi HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"

    async def work() -> bytes:
        async with serving() as listener:
            return await talk(listener, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3)

    assert run(work()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("body", [gzip.compress(b" " * 10_000_000), b"no gzip"])
def test_a_compressed_body_is_refused(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert answer(body, {**JSON, "Content-Encoding": "gzip"})[0] == 415
    assert caplog.records == []


@pytest.mark.parametrize("chunks", [b"x\r\n", b"2\r\nabXX", b"-1\r\n", b"fffffffffffffffff\r\n"])
def test_a_broken_body(chunks: bytes) -> None:
    head = b"POST /mi HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    async def work() -> None:
        async with serving() as listener:
            reply = await talk(listener, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
            assert b" 400 " in reply.splitlines()[0]
            assert (await exchange(listener, request()))[0] == 200

    run(work())


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "localhost:8080", "127.0.0.1", "127.0.0.1:8080", "127.9.9.9",
     "[::1]", "[::1]:8080"],
)  # fmt: skip
def test_hosts_of_this_machine(host: str) -> None:
    assert answer(request(), host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test", "192.0.2.1",
     "", " ", "[::2]", "[::1", "user@localhost", "localhost/", "0.0.0.0"],
)  # fmt: skip
def test_other_hosts_are_refused(host: str) -> None:
    assert answer(request(), host=host)[0] in (400, 403)


def test_no_host_is_refused() -> None:
    assert answer(request(), host=None)[0] in (400, 403)


def test_token() -> None:
    bearer = {**JSON, "Authorization": f"Bearer {TOKEN}"}
    assert answer(request(), bearer, token=TOKEN)[0] == 200
    lower = {**JSON, "Authorization": f"bearer  {TOKEN}"}
    assert answer(request(), lower, token=TOKEN, host="any.test")[0] == 200


@pytest.mark.parametrize(
    "value",
    [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x", "Bearer x",
     f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN} {TOKEN}", "Bearer \xe9", f"Bearer {TOKEN.upper()}"],
)  # fmt: skip
def test_no_token_or_another_one(value: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    headers = dict(JSON) if value is None else {**JSON, "Authorization": value}
    status, fields, content = answer(request(), headers, token=TOKEN)
    assert status == 401
    assert fields["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN.encode() not in content
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_without_the_token_nothing_is_told(method: str) -> None:
    assert answer(method=method, token=TOKEN)[0] == 401
    assert answer(request(), path="/else", token=TOKEN)[0] == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*"])
def test_other_addresses_need_a_token(host: str, caplog: pytest.LogCaptureFixture) -> None:
    before = open_descriptors()
    listener = HTTPListener(HTTPEndpoint(host, 0), dispatcher())
    with pytest.raises(ConfigError, match="there is no token"):
        run(listener.start())
    assert open_descriptors() == before
    headers = {**JSON, "Authorization": f"Bearer {TOKEN}"}
    endpoint = HTTPEndpoint(host, 0)
    assert answer(request(), headers, endpoint=endpoint, token=TOKEN, host="x.test")[0] == 200
    assert "not encrypted" in caplog.text
    assert TOKEN not in caplog.text


def test_ipv6() -> None:
    assert answer(request(), endpoint=HTTPEndpoint("::1", 0), host="[::1]")[0] == 200


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01", b"garbage\r\n\r\n", b"GET\r\n\r\n", b"\0" * 5000,
     b"POST /mi HTTP/9.9\r\n\r\n", b"POST /mi HTTP/1.1\r\n" + b"A: " + b"x" * 20_000 + b"\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http(data: bytes) -> None:
    async def work() -> None:
        async with serving() as listener:
            reply = await talk(listener, data)
            assert reply == b"" or b" 400 " in reply.splitlines()[0]
            assert (await exchange(listener, request()))[0] == 200

    run(work())


@pytest.mark.parametrize("sent", [b"", b"POST /mi HT", b"POST /mi HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_client_that_sends_no_request_is_cut(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_HEADER_TIMEOUT", 0.1)

    async def work() -> None:
        async with serving() as listener:
            with contextlib.suppress(ConnectionResetError):
                assert await talk(listener, sent) == b""

    run(work())


def test_a_client_that_sends_half_a_body_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_BODY_TIMEOUT", 0.1)
    monkeypatch.setattr(http, "_LINGER_TIME", 0.1)
    head = b"POST /mi HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    async def work() -> bytes:
        async with serving() as listener:
            return await talk(listener, head + b"Content-Length: 100\r\n\r\n{")

    assert run(work()).startswith(b"HTTP/1.1 408 ")


def test_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 8)

    async def work() -> None:
        async with serving() as listener:
            address = ("127.0.0.1", listener.endpoint.port)
            silent = [await asyncio.open_connection(*address) for _ in range(8)]
            reader, writer = await asyncio.open_connection(*address)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            for other in [writer, *(writer for _, writer in silent)]:
                other.close()
            await until(lambda: len(listener._waiting) == 8)
            async with asyncio.timeout(TIMEOUT):
                while not await _is_alive(listener):
                    await asyncio.sleep(0)

    run(work())


async def _is_alive(listener: HTTPListener) -> bool:
    try:
        return (await exchange(listener, request()))[0] == 200
    except (ConnectionError, IndexError):
        return False


def test_many_clients_at_once_and_no_leak() -> None:
    async def work() -> None:
        async with serving() as listener:
            before = open_descriptors()
            found = await asyncio.gather(*(exchange(listener, request()) for _ in range(50)))
            assert {status for status, _, _ in found} == {200}
            await until(lambda: open_descriptors() <= before)

    run(work())


def test_stopping_ends_connections() -> None:
    async def work() -> None:
        before = open_descriptors()
        async with serving() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.endpoint.port)
            writer.write(b"POST /mi HTTP/1.1\r\n")
            await until(lambda: len(listener._waiting) == 1)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert open_descriptors() == before

    run(work())


def test_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        listener = HTTPListener(HTTPEndpoint("127.0.0.1", sock.getsockname()[1]), dispatcher())
        with pytest.raises(OSError, match="in use"):
            run(listener.start())


def test_a_client_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reply must not stay in our memory for as long as it likes."""
    monkeypatch.setattr(http, "_SEND_TIMEOUT", 0.2)

    async def check() -> None:
        async with serving(manager=FakeManager(domains=400_000)) as listener:
            before = open_descriptors()
            sock = socket.create_connection(("127.0.0.1", listener.endpoint.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = request("tls_list")
            head = "POST /mi HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await until(lambda: open_descriptors() > before + 1)  # its end and ours
            await until(lambda: open_descriptors() == before + 1)
            sock.close()
            code, _, _ = await exchange(listener, request("which"))
            assert code == 200

    run(check())
