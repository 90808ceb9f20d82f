"""SMTP, MQTT and PostgreSQL of others."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading
from typing import Any

import pytest

from tests.adapters.ecosystem import Contexts
from tests.support.databases import PASSWORD, USER, PostgreSQLServer, ServerTLS
from tests.support.managers import pki
from tests.support.pki import Authority
from tests.support.sanitizers import IS_SANITIZED
from tlsmgm import Domain, adapters

HOST = "127.0.0.1"


def test_smtp_with_starttls(both: Contexts) -> None:
    controllers = pytest.importorskip("aiosmtpd.controller")
    kept: list[Any] = []

    class Keeper:
        async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802
            kept.append(envelope.content)
            return "250 OK"

    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    controller = controllers.Controller(
        Keeper(), HOST, port, tls_context=both.server, require_starttls=True
    )
    controller.start()
    try:
        with smtplib.SMTP(HOST, port, timeout=20) as client:
            client._host = both.names[-1]  # type: ignore[attr-defined]  # compared by starttls()
            client.starttls(context=both.client)
            client.sendmail("a@dom1.test", ["b@dom1.test"], "Subject: hello\r\n\r\nworld\r\n")
    finally:
        controller.stop()
    assert b"world" in kept[0]


class Reached(threading.Event):
    """What a message has brought."""

    payload = b""


def paho_client(both: Contexts, name: str) -> Any:
    mqtt = pytest.importorskip("paho.mqtt.client")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"paho-{name}")
    client.tls_set_context(both.client)
    create = client._create_socket_connection
    client._create_socket_connection = lambda: socket.create_connection((HOST, client._port), 20)
    assert create is not None
    return client


@pytest.mark.skipif(
    IS_SANITIZED, reason="amqtt imports crypt, which a sanitizer replaces, and ends"
)
def test_mqtt(both: Contexts) -> None:
    broker_module = pytest.importorskip("amqtt.broker")
    pytest.importorskip("paho.mqtt.client")

    class Broker(broker_module.Broker):  # type: ignore[misc, name-defined]
        @staticmethod
        def _create_ssl_context(_: Any) -> Any:
            return both.server

    async def main() -> None:
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        listener = {
            "type": "tcp",
            "bind": f"{HOST}:{port}",
            "ssl": True,
            "certfile": pki("dom1.pem"),  # must be there, but the context is ours
            "keyfile": pki("dom1.key"),
        }
        broker = Broker(
            {
                "listeners": {"default": listener},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}},
            }
        )
        await broker.start()
        try:
            for name in both.names:
                assert await asyncio.to_thread(exchange, both, name, port) == b"hello"
        finally:
            await broker.shutdown()

    asyncio.run(main())


def exchange(both: Contexts, name: str, port: int) -> bytes:
    """Send a message to oneself."""
    reached, subscribed = Reached(), threading.Event()
    client = paho_client(both, name)

    def arrive(_: Any, __: Any, message: Any) -> None:
        reached.payload = message.payload
        reached.set()

    client.on_message = arrive
    client.on_connect = lambda *_: client.subscribe("topic")
    client.on_subscribe = lambda *_: subscribed.set()
    client._host = name
    client.connect(name, port)
    client.loop_start()
    assert subscribed.wait(20)
    client.publish("topic", b"hello")
    assert reached.wait(20)
    client.disconnect()
    client.loop_stop()
    return reached.payload


@pytest.fixture(scope="module")
def postgresql() -> Any:
    """A server that takes connections with TLS alone, and who has vouched for it."""
    root = Authority("database root")
    fields = root.issue("database", names=["db.test"]).fields()
    with PostgreSQLServer(tls=ServerTLS(**fields)) as server:
        yield server, root


def database_context(library: str, way: str, root: Authority) -> adapters.SSLContext:
    domain = Domain.client("db", ca_list=root.pem, identity="host")
    if way == "domains":
        return adapters.ssl_context(
            domain.replace(danger_skip_hostname_check=True), library=library
        )
    import ssl

    context = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    context.check_hostname = False
    context.load_verify_locations(cadata=root.pem.decode())
    return context


@pytest.mark.parametrize("way", ["calls", "domains"])
def test_pg8000(postgresql: Any, library: str, way: str) -> None:
    pg8000 = pytest.importorskip("pg8000.native")
    server, root = postgresql
    context = database_context(library, way, root)
    with pg8000.Connection(
        USER,
        host=HOST,
        port=server.port,
        password=PASSWORD,
        database="postgres",
        ssl_context=context,
    ) as connection:
        assert connection.run("SELECT repeat('x', 100000)")[0][0] == "x" * 100_000


@pytest.mark.parametrize("way", ["calls", "domains"])
def test_asyncpg(postgresql: Any, library: str, way: str) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    server, root = postgresql
    context = database_context(library, way, root)

    async def main() -> None:
        connection = await asyncpg.connect(
            host=HOST,
            port=server.port,
            user=USER,
            password=PASSWORD,
            database="postgres",
            ssl=context,
        )
        assert await connection.fetchval("SELECT repeat('x', 100000)") == "x" * 100_000
        await connection.close()

    asyncio.run(main())
