"""STARTTLS: TLS on a connection that has carried plain text, and nobody's plain text in between."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Any

import pytest

from tests.support.aio import HOST, Note, leave, run
from tests.support.managers import pki
from tests.support.proxy import client_context
from tlsmgm import (
    HandshakeError,
    ProtocolError,
    TLSManager,
    TruncatedError,
    VerificationError,
    aio,
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def mail_server(manager: TLSManager, outcome: asyncio.Future[Any]) -> asyncio.Server:
    """Speak a little SMTP, and put into the outcome what was said over TLS, or what went wrong."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 ready\r\n")
            while await reader.readline() != b"STARTTLS\r\n":
                writer.write(b"250 STARTTLS\r\n")
            writer.write(b"220 go ahead\r\n")
            reader, writer = await aio.start_tls_streams(reader, writer, manager, server_side=True)
            said = await reader.readline()
            writer.write(b"250 " + said)
            outcome.set_result(said)
            await leave(writer)
        except Exception as error:
            outcome.set_exception(error)

    return await asyncio.start_server(talk, HOST, 0)


async def plain_client(port: int, last: bytes = b"STARTTLS\r\n") -> Streams:
    """Connect, and speak until TLS begins."""
    reader, writer = await asyncio.open_connection(HOST, port)
    assert await reader.readline() == b"220 ready\r\n"
    writer.write(b"EHLO\r\n")
    assert await reader.readline() == b"250 STARTTLS\r\n"
    writer.write(last)
    assert await reader.readline() == b"220 go ahead\r\n"
    return reader, writer


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def test_both_sides_are_ours(one_version: TLSManager, loop: str) -> None:
    async def main() -> None:
        outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        server = await mail_server(one_version, outcome)
        reader, writer = await plain_client(port_of(server))
        reader, writer = await aio.start_tls_streams(
            reader, writer, one_version, domain="client", server_name="dom1.test"
        )
        assert writer.get_extra_info("tls_domain").name == "client"
        assert writer.get_extra_info("peername")[1] == port_of(server)
        writer.write(b"secret\r\n")
        assert await reader.read() == b"250 secret\r\n"
        assert await outcome == b"secret\r\n"
        await leave(writer)
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_a_client_of_python(manager: TLSManager, loop: str) -> None:
    """Its ClientHello may be read ahead by our plain reader, and is not lost."""

    async def main() -> None:
        outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        server = await mail_server(manager, outcome)
        reader, writer = await plain_client(port_of(server))
        await writer.start_tls(client_context(), server_hostname="dom1.test")
        writer.write(b"secret\r\n")
        assert await reader.readline() == b"250 secret\r\n"
        assert await outcome == b"secret\r\n"
        writer.close()
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_who_reads_no_more_is_cut_behind_the_deadline(manager: TLSManager, loop: str) -> None:
    """What waits in the transport below counts, too."""

    def shake(address: tuple[str, int]) -> ssl.SSLSocket:
        sock = socket.create_connection(address)
        return client_context().wrap_socket(sock, server_hostname="dom1.test")

    async def main() -> None:
        own = asyncio.get_running_loop()
        with socket.create_server((HOST, 0)) as listening:
            listening.setblocking(False)
            shaken = asyncio.create_task(asyncio.to_thread(shake, listening.getsockname()))
            sock, _ = await own.sock_accept(listening)
        plain, note = await own.connect_accepted_socket(Note, sock)
        transport = await aio.start_tls(
            plain, note, manager, server_side=True, shutdown_timeout=0.2
        )
        with await shaken:
            while plain.get_write_buffer_size() < 1 << 16:
                transport.write(bytes(1 << 16))
                await asyncio.sleep(0)
            transport.close()
            await note.lost
            assert isinstance(note.error, TimeoutError)
            assert plain.is_closing()

    run(main(), loop)


def test_a_hello_that_was_sent_early_is_kept(manager: TLSManager, loop: str) -> None:
    async def main() -> None:
        outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        server = await mail_server(manager, outcome)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_context().wrap_bio(incoming, outgoing, server_hostname="dom1.test")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        reader, writer = await plain_client(port_of(server), b"STARTTLS\r\n" + outgoing.read())
        while True:
            incoming.write(await reader.read(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        tls.write(b"secret\r\n")
        writer.write(outgoing.read())
        assert await outcome == b"secret\r\n"
        await leave(writer)
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_commands_in_front_of_the_handshake_are_refused(manager: TLSManager, loop: str) -> None:
    """Somebody in between has put a command behind STARTTLS, to be run as if it were secret."""

    async def main() -> None:
        outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        server = await mail_server(manager, outcome)
        reader, writer = await plain_client(port_of(server), b"STARTTLS\r\nMAIL FROM:<evil>\r\n")
        with pytest.raises(ProtocolError, match="plain text came where the TLS handshake begins"):
            await outcome
        with contextlib.suppress(ConnectionError):  # it was reset, or just ended
            assert await reader.read() == b""
        writer.close()
        server.close()
        await server.wait_closed()

    run(main(), loop)


@pytest.mark.parametrize("when", ["with the answer", "a little later"])
def test_answers_in_front_of_the_handshake_are_refused(
    manager: TLSManager, loop: str, when: str
) -> None:
    """The same in the other direction: an answer that a client would take for a secret one."""

    async def main() -> None:
        injected = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readline() == b"STARTTLS\r\n"
            writer.write(b"220 go ahead\r\n")
            if when == "a little later":
                await reader.readexactly(1)  # of the ClientHello
            writer.write(b"250 all is well\r\n")
            await writer.drain()
            injected.set()
            writer.close()

        server = await asyncio.start_server(talk, HOST, 0)
        reader, writer = await asyncio.open_connection(HOST, port_of(server))
        writer.write(b"STARTTLS\r\n")
        assert await reader.readline() == b"220 go ahead\r\n"
        if when == "with the answer":
            await injected.wait()
        with pytest.raises(
            ProtocolError, match=r"somebody between us and the (server|peer) may have"
        ):
            await aio.start_tls_streams(
                reader, writer, manager, domain="client", server_name="dom1.test"
            )
        assert writer.transport.is_closing()
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_protocols(one_version: TLSManager, loop: str) -> None:
    """Both ends are protocols; each goes on hearing of its connection after the change."""
    asking = b"please\n"

    class Server(Note):
        def __init__(self) -> None:
            super().__init__()
            self.changing: asyncio.Task[None] | None = None

        def data_received(self, data: bytes) -> None:
            if self.changing is None and self.data + data == asking:
                self.transport.pause_reading()  # what comes now belongs to TLS
                self.changing = asyncio.ensure_future(self.change())
            super().data_received(data)

        async def change(self) -> None:
            plain, self.data = self.transport, b""
            plain.write(b"go ahead\n")
            self.transport = await aio.start_tls(plain, self, one_version, server_side=True)

    async def main() -> None:
        here: list[Server] = []

        def make() -> Server:
            here.append(Server())
            return here[-1]

        own = asyncio.get_running_loop()
        server = await own.create_server(make, HOST, 0)
        plain, there = await own.create_connection(Note, HOST, port_of(server))
        plain.write(asking)
        await there.until(lambda: there.data == b"go ahead\n")
        there.transport = await aio.start_tls(
            plain, there, one_version, domain="client", server_name="dom1.test"
        )
        assert there.events == ["made", "data"]
        data = bytes(1_000_000)
        there.transport.write(data)
        await here[0].until(lambda: len(here[0].data) == len(data))
        there.transport.close()
        await there.lost
        await here[0].lost
        assert (here[0].error, there.error) == (None, None)
        assert here[0].events[-2:] == ["eof", "lost"]
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_what_protocols_have_read_ahead_is_looked_at(manager: TLSManager) -> None:
    async def main() -> None:
        own = asyncio.get_running_loop()
        server = await own.create_server(Note, HOST, 0)
        for received, options in (
            (b"EHLO\r\n", {"server_side": True}),
            (b"\x16\x03\x01", {"domain": "client", "server_name": "dom1.test"}),
        ):
            plain, note = await own.create_connection(Note, HOST, port_of(server))
            with pytest.raises(ProtocolError):
                await aio.start_tls(plain, note, manager, received=received, **options)
            assert plain.is_closing()
        server.close()
        await server.wait_closed()

    run(main())


def test_arguments_are_looked_at(manager: TLSManager) -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda _, peer: peer.close(), HOST, 0)
        reader, writer = await asyncio.open_connection(HOST, port_of(server))
        with pytest.raises(ValueError, match="server_name is needed"):
            await aio.start_tls_streams(reader, writer, manager, domain="client")
        with pytest.raises(TypeError, match="belong to clients"):
            await aio.start_tls_streams(
                reader, writer, manager, server_side=True, server_name="dom1.test"
            )
        protocol = writer.transport.get_protocol()
        with pytest.raises(TypeError, match=r"start_tls_streams\(\)"):
            await aio.start_tls(writer.transport, protocol, manager)  # type: ignore[arg-type]
        writer.close()
        server.close()
        await server.wait_closed()

    run(main())


@pytest.mark.parametrize("kind", ["silence", "end"])
def test_a_peer_that_does_not_begin(manager: TLSManager, loop: str, kind: str) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        expected: type[Exception] = HandshakeError
        if kind == "end":
            expected = TruncatedError
            theirs.shutdown(socket.SHUT_WR)
        with theirs, pytest.raises(expected):
            await aio.start_tls_streams(
                reader,
                writer,
                manager,
                domain="client",
                server_name="dom1.test",
                handshake_timeout=0.05 if kind == "silence" else None,
            )
        assert writer.transport.is_closing()
        with contextlib.suppress(ConnectionError, TruncatedError):
            await writer.wait_closed()

    run(main(), loop)


def test_a_certificate_that_is_not_trusted(manager: TLSManager, loop: str) -> None:
    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki("selfsigned.pem"), pki("selfsigned.key"))

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                await writer.start_tls(context)
                await reader.read()
            writer.transport.abort()

        server = await asyncio.start_server(talk, HOST, 0)
        reader, writer = await asyncio.open_connection(HOST, port_of(server))
        with pytest.raises(VerificationError, match="signed by itself, and is no CA of domain"):
            await aio.start_tls_streams(
                reader, writer, manager, domain="client", server_name="dom1.test"
            )
        server.close()
        await server.wait_closed()

    run(main(), loop)
