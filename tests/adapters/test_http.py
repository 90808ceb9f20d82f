"""HTTP servers and clients of others."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import http.server
import socket
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.adapters.ecosystem import Contexts

HOST = "127.0.0.1"
BODY = b"over TLS" * 10_000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with one body."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Does handshakes in the threads of connections."""

    context: Any

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(20)
        with (
            contextlib.suppress(OSError),
            self.context.wrap_socket(request, server_side=True) as secured,
        ):
            super().finish_request(secured, client_address)


@pytest.fixture
def port(both: Contexts) -> Iterator[int]:
    """Of an ``http.server`` on our context."""
    with Server((HOST, 0), Handler) as server:
        server.context = both.server
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_http_client(both: Contexts, port: int) -> None:
    for name in both.names:
        connection = http.client.HTTPSConnection(name, port, context=both.client, timeout=20)
        connection._create_connection = (  # type: ignore[attr-defined]
            lambda _, *rest: socket.create_connection((HOST, port), *rest)
        )
        for _ in range(2):
            connection.request("GET", "/")
            assert connection.getresponse().read() == BODY
        connection.close()


@pytest.mark.parametrize(("in_accept", "said"), [(True, b"GET / HTTP/1.0\r\n\r\n"), (False, b"")])
def test_a_strange_client_does_not_stop_a_server(
    both: Contexts, in_accept: bool, said: bytes
) -> None:
    """One whose listening socket is wrapped does handshakes in the thread that accepts."""
    with http.server.ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.socket = both.server.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=in_accept
        )
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_address[1]
        with socket.create_connection((HOST, port), 20) as plain:
            plain.sendall(said)
            with (
                socket.create_connection((HOST, port), 20) as other,
                both.client.wrap_socket(other, server_hostname=both.names[0]) as secured,
            ):
                secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert secured.recv(15) == b"HTTP/1.1 200 OK"
        server.shutdown()
        thread.join()


def test_urllib3(both: Contexts, port: int) -> None:
    urllib3 = pytest.importorskip("urllib3")
    for name in both.names:
        with urllib3.HTTPSConnectionPool(
            HOST, port, ssl_context=both.client, server_hostname=name
        ) as pool:
            assert pool.request("GET", "/", headers={"Host": name}).data == BODY


def test_requests(both: Contexts, port: int) -> None:
    requests = pytest.importorskip("requests")
    from requests.adapters import HTTPAdapter

    class DomainAdapter(HTTPAdapter):
        """As docs/adapters.md has it, and asks for a name that leads nowhere here."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            kwargs["server_hostname"] = both.names[0]
            super().init_poolmanager(*args, ssl_context=both.client, **kwargs)

        def cert_verify(self, *_: Any) -> None:
            pass

    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", DomainAdapter())
        assert session.get(f"https://{HOST}:{port}/", timeout=20).content == BODY


def test_httpx(both: Contexts, port: int) -> None:
    httpx = pytest.importorskip("httpx")
    with httpx.Client(verify=both.client, trust_env=False) as client:
        for name in both.names:
            answer = client.get(
                f"https://{HOST}:{port}/", extensions={"sni_hostname": name}, timeout=20
            )
            assert answer.content == BODY


def test_aiohttp(both: Contexts) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    from aiohttp import web

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=BODY)

    async def main() -> None:
        application = web.Application()
        application.router.add_get("/", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0, ssl_context=both.server)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            for name in both.names:
                async with session.get(
                    f"https://{HOST}:{port}/", ssl=both.client, server_hostname=name
                ) as response:
                    assert await response.read() == BODY
        await runner.cleanup()

    asyncio.run(main())


async def application(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that answers with one body."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": BODY})


async def fetch(both: Contexts, port: int) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as session:
        for name in both.names:
            async with session.get(
                f"https://{HOST}:{port}/", ssl=both.client, server_hostname=name
            ) as response:
                assert await response.read() == BODY


def test_uvicorn(both: Contexts) -> None:
    uvicorn = pytest.importorskip("uvicorn")

    async def main() -> None:
        config = uvicorn.Config(
            application,
            HOST,
            0,
            log_level="critical",
            lifespan="off",
            ssl_context_factory=lambda *_: both.server,
        )
        server = uvicorn.Server(config)
        with socket.create_server((HOST, 0)) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0)
            await fetch(both, listener.getsockname()[1])
            server.should_exit = True
            await serving

    asyncio.run(main())


@contextlib.asynccontextmanager
async def hypercorn_server(both: Contexts) -> AsyncIterator[int]:
    hypercorn = pytest.importorskip("hypercorn")
    from hypercorn.asyncio import serve

    class Config(hypercorn.Config):  # type: ignore[misc, name-defined]
        @property
        def ssl_enabled(self) -> bool:
            return True

        def create_ssl_context(self) -> Any:
            return both.server

    with socket.create_server((HOST, 0)) as listener:
        config = Config()
        config.bind = [f"fd://{listener.fileno()}"]
        config.errorlog = config.accesslog = None
        ended = asyncio.Event()
        port = listener.getsockname()[1]
        listener.detach()
        serving = asyncio.create_task(serve(application, config, shutdown_trigger=ended.wait))
        yield port
        ended.set()
        await serving


def test_hypercorn(both: Contexts) -> None:
    async def main() -> None:
        async with hypercorn_server(both) as port:
            await fetch(both, port)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of hypercorn's own sockets
        asyncio.run(main())
