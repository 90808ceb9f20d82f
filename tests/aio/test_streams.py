"""Readers and writers: data both ways, ends, and what is known of a connection."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from tests.support.aio import HOST, connect, echo, leave, port_of, run, serving, versioned
from tests.support.managers import client_domain, manager_of, mutual_domain, pki, server_domain
from tests.support.proxy import client_context
from tlsmgm import Domain, NoDomainError, TLSManager, TruncatedError, aio

BIG = bytes(range(256)) * 40_000


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
) -> bytes:
    """Send everything and an end, and return everything that comes until the other end."""

    async def send() -> None:
        for start in range(0, len(data), 100_000):
            writer.write(data[start : start + 100_000])
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    found = await reader.read()
    await sending
    return found


def test_ten_megabytes_come_back(one_version: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> bytes:
        async with serving(one_version, engine=engine) as server:
            reader, writer = await connect(server, one_version)
            found = await exchange(reader, writer, BIG)
            await leave(writer)
            return found

    assert run(main(), loop) == BIG


def test_libraries_understand_each_other(library: str, client_library: str, version: str) -> None:
    async def main() -> bytes:
        async with serving(versioned(library, version)) as server:
            reader, writer = await connect(server, versioned(client_library, version))
            found = await exchange(reader, writer, b"question")
            await leave(writer)
            return found

    assert run(main()) == b"question"


@pytest.mark.parametrize("side", ["server", "client"])
def test_python_understands_us(manager: TLSManager, loop: str, engine: bool, side: str) -> None:
    async def ours() -> bytes:
        async with serving(manager, engine=engine) as server:
            reader, writer = await asyncio.open_connection(
                HOST, port_of(server), ssl=client_context(), server_hostname="dom1.test"
            )
            return await talk(reader, writer)

    async def pythons() -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
        server = await asyncio.start_server(echo, HOST, 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await aio.open_connection(
            HOST, port, tls=manager, domain="client", server_name="dom1.test"
        )
        found = await talk(reader, writer)
        server.close()
        return found

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"question")
        found = await reader.readexactly(8)
        await leave(writer)
        return found

    assert run(ours() if side == "server" else pythons(), loop) == b"question"


def test_the_other_direction_stays_open(one_version: TLSManager, loop: str, engine: bool) -> None:
    """Whoever has said everything can still listen, also in TLS 1.2."""

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read()
        assert reader.at_eof()
        writer.write(b"you said " + question)
        await leave(writer)

    async def main() -> bytes:
        async with serving(one_version, answer_late, engine=engine) as server:
            reader, writer = await connect(server, one_version)
            assert writer.can_write_eof()
            found = await exchange(reader, writer, b"all")
            with pytest.raises(RuntimeError, match="write_eof"):
                writer.write(b"more")
            await leave(writer)
            return found

    assert run(main(), loop) == b"you said all"


def test_what_is_known(one_version: TLSManager, version: str, engine: bool) -> None:
    seen: dict[str, Any] = {}
    names = (
        *("peername", "sockname", "cipher", "ssl_object", "sslcontext", "peercert"),
        *("compression", "tls_domain", "tls_connection", "nonsense"),
    )

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.update({name: writer.get_extra_info(name, name) for name in names})
        seen["family"] = writer.get_extra_info("socket").family
        await leave(writer)

    async def main() -> None:
        async with serving(one_version, look, engine=engine) as server:
            reader, writer = await connect(server, one_version)
            assert await reader.read() == b""
            assert writer.get_extra_info("sockname") == seen["peername"]
            assert writer.get_extra_info("peername") == seen["sockname"]
            assert writer.get_extra_info("socket").fileno() >= 0
            view = writer.get_extra_info("ssl_object")
            assert (view.server_hostname, view.server_side) == ("dom1.test", False)
            assert ("DNS", "dom1.test") in view.getpeercert()["subjectAltName"]
            assert view.getpeercert(binary_form=True).startswith(b"0")
            await leave(writer)
            assert writer.get_extra_info("tls_domain").name == "client"

    run(main())
    assert seen["tls_domain"].name == "dom1"
    assert seen["tls_connection"].server_name == "dom1.test"
    assert seen["cipher"][1] == version
    assert seen["cipher"][0] == seen["ssl_object"].cipher()[0]
    assert (seen["ssl_object"].version(), seen["ssl_object"].server_side) == (version, True)
    assert seen["ssl_object"].selected_alpn_protocol() is None
    assert seen["ssl_object"].getpeercert() is None
    assert seen["sslcontext"].domain.name == "dom1"
    assert all(seen[name] == name for name in ("peercert", "compression", "nonsense"))


def test_domains_answer_by_name(manager: TLSManager, loop: str, engine: bool) -> None:
    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(writer.get_extra_info("tls_domain").name.encode())
        await leave(writer)

    async def main() -> None:
        async with serving(manager, tell, engine=engine) as server:
            for name in ("dom1", "dom2"):
                reader, writer = await connect(server, manager, f"{name}.test")
                assert await reader.read() == name.encode()
                await leave(writer)
            with pytest.raises(Exception, match=r"unrecognized[ _]name") as caught:
                await connect(server, manager, "nobody.test")
            assert caught.value.alert == 112  # type: ignore[attr-defined]

    run(main(), loop)


def test_who_the_client_is(library: str, version: str, engine: bool) -> None:
    domains = [
        mutual_domain(),
        client_domain(certificate=pki("good.pem"), private_key=pki("good.key")),
    ]
    manager = manager_of(library, *domains)
    seen: list[Any] = []

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peercert"))
        seen.append(writer.get_extra_info("tls_connection").peer_certificate.subject_cn)
        await leave(writer)

    async def main() -> None:
        async with serving(manager, look, engine=engine) as server:
            reader, writer = await connect(server, manager)
            assert await reader.read() == b""
            await leave(writer)

    run(main())
    fields, name = seen
    assert (("commonName", name),) in fields["subject"]


def test_one_domain_is_enough(loop: str) -> None:
    async def main() -> bytes:
        server_side = server_domain()
        async with serving(server_side) as server:  # type: ignore[arg-type]
            reader, writer = await aio.open_connection(
                HOST, port_of(server), tls=client_domain(), server_name="dom1.test"
            )
            found = await exchange(reader, writer, b"x")
            await leave(writer)
            return found

    assert run(main(), loop) == b"x"


def test_what_stands_for_tls_is_looked_at(manager: TLSManager) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="a client needs a client domain"):
            await open_to(server_domain())
        with pytest.raises(TypeError, match="a server needs a server domain"):
            await aio.start_server(echo, HOST, 0, tls=client_domain())
        with pytest.raises(TypeError, match="tls is a domain itself"):
            await open_to(client_domain(), domain="client")
        with pytest.raises(TypeError, match="a TLSManager or a Domain, not SSLContext"):
            await open_to(client_context())
        with pytest.raises(NoDomainError, match="name one with domain="):
            await open_to(manager_of("openssl", server_domain()))

    async def open_to(tls: Any, **options: Any) -> None:
        async with serving(manager) as server:
            await aio.open_connection(HOST, port_of(server), tls=tls, **options)

    run(main())


def test_the_domain_that_matches_the_address_is_taken(library: str) -> None:
    manager = manager_of(library, server_domain())

    async def main() -> str:
        async with serving(manager) as server:
            address = f"{HOST}:{port_of(server)}"
            ca = pki("root.pem")
            manager.add_domain(Domain.client("by_address", addresses=address, ca_list=ca))
            _, writer = await aio.open_connection(
                HOST, port_of(server), tls=manager, server_name="dom1.test"
            )
            found: str = writer.get_extra_info("tls_domain").name
            await leave(writer)
            return found

    assert run(main()) == "by_address"


def test_sessions_are_resumed(one_version: TLSManager, engine: bool) -> None:
    async def main() -> list[bool]:
        found = []
        async with serving(one_version, engine=engine) as server:
            for _ in range(2):
                reader, writer = await connect(server, one_version)
                assert await exchange(reader, writer, b"x") == b"x"
                found.append(writer.get_extra_info("ssl_object").session_reused)
                await leave(writer)
        return found

    assert run(main()) == [False, True]


def test_an_end_in_between_is_no_end(one_version: TLSManager, loop: str, engine: bool) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(1) == b"x"
        writer.transport.abort()

    async def main() -> None:
        async with serving(one_version, hang_up, engine=engine) as server:
            reader, writer = await connect(server, one_version)
            writer.write(b"x")
            with pytest.raises(TruncatedError):
                await reader.read()
            writer.close()
            with pytest.raises(TruncatedError):
                await writer.wait_closed()

    run(main(), loop)
