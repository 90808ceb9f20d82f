"""Every server really serves as pinned, and is gone when it is stopped."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import tlsmgm
from benchmarks.cohort import loopback, native_servers, processes
from benchmarks.cohort.asyncio_proxy import AsyncioProxy
from benchmarks.cohort.loopback import LoopbackServer, Place
from benchmarks.cohort.members import LOOPBACK, loopback_servers
from benchmarks.cohort.native_servers import NativeServer
from benchmarks.cohort.nginx import Nginx
from benchmarks.cohort.openssl_config import check_group, linked_openssl
from benchmarks.cohort.probe import Probe, probe
from benchmarks.cohort.setting import (
    HYBRID_GROUP,
    Absent,
    Identity,
    MismatchError,
    Setting,
    check_facts,
)
from benchmarks.cohort.upstream import Upstream
from benchmarks.native.build import BuildError, LibraryMissingError
from benchmarks.native.worker import words_of
from tlsmgm.errors import TLSError

TLS12 = Setting("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
TLS12_MUTUAL = Setting(TLS12.version, TLS12.cipher, mutual=True)
AMOUNT = 300_000
OURS = [name for name in LOOPBACK if name.startswith(("engine-", "relay-"))]
DATA = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(AMOUNT) as running:
        yield running


def server_or_skip(name: str, upstream: int, cpus: list[int] | None = None) -> LoopbackServer:
    try:
        return LOOPBACK[name](upstream, cpus=cpus)
    except Absent as absent:
        pytest.skip(str(absent))


def echo(client: Probe, data: bytes) -> None:
    client.send(data)
    assert client.read_exactly(len(data)) == data


def echo_or_close(client: Probe) -> None:
    client.send(b"x")
    if client.read() == b"":
        raise ConnectionResetError("the server closed")


@pytest.mark.parametrize("name", LOOPBACK)
def test_serves_as_pinned_and_ends(name: str, upstream: Upstream, identity: Identity) -> None:
    setting = Setting()
    cpu = min(os.sched_getaffinity(0))
    with server_or_skip(name, upstream.echo_port, [cpu]) as server:
        port = server.start(identity, setting)
        assert server.facts is not None
        check_facts(server.facts, setting, name, reused=False)
        before = server.cpu_seconds()
        with probe(port, identity, setting) as client:
            echo(client, b"x")
            echo(client, DATA[:65536])
            session = client.session
            client.close()
        assert session is not None, "no ticket came"
        with probe(port, identity, setting, session=session) as client:
            check_facts(client.facts, setting, name, reused=True)
            echo(client, b"x")
        assert server.cpu_seconds() > before > 0
        assert server.memory() > 1024 * 1024
        pids = server.pids()
        assert pids
        assert all(os.sched_getaffinity(pid) == {cpu} for pid in pids)
        server.stop()
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", port)) != 0
    assert "unknown" not in f"{server.program} {server.library}"


@pytest.mark.parametrize("name", LOOPBACK)
def test_tls12_with_client_certificates(name: str, upstream: Upstream, identity: Identity) -> None:
    with server_or_skip(name, upstream.echo_port) as server:
        port = server.start(identity, TLS12_MUTUAL)
        with probe(port, identity, TLS12_MUTUAL) as client:
            check_facts(client.facts, TLS12_MUTUAL, name, reused=False)
            echo(client, b"x")
            session = client.session
            client.close()
        with probe(port, identity, TLS12_MUTUAL, session=session) as client:
            check_facts(client.facts, TLS12_MUTUAL, name, reused=True)
        with pytest.raises((TLSError, OSError)), probe(port, identity, TLS12) as client:
            echo_or_close(client)  # some servers hang up only now


@pytest.mark.parametrize("name", LOOPBACK)
def test_nothing_but_what_is_pinned_is_accepted(
    name: str, upstream: Upstream, identity: Identity
) -> None:
    setting = Setting()
    others = [Setting(cipher="TLS_AES_256_GCM_SHA384"), Setting(group="P-384"), TLS12]
    with server_or_skip(name, upstream.echo_port) as server:
        port = server.start(identity, setting)
        for other in others:
            with pytest.raises((TLSError, OSError)), probe(port, identity, other):
                pass


@pytest.mark.parametrize("name", LOOPBACK)
def test_bulk_both_ways(name: str, upstream: Upstream, identity: Identity) -> None:
    setting = Setting()
    with server_or_skip(name, upstream.source_port) as server:
        port = server.start(identity, setting)
        with probe(port, identity, setting) as client:
            client.send(b"!")
            assert client.read_exactly(AMOUNT + 1) == bytes(AMOUNT)
    with server_or_skip(name, upstream.discard_port) as server:
        port = server.start(identity, setting)
        with probe(port, identity, setting) as client:
            client.send(bytes(AMOUNT - 1))
            client.send(bytes(AMOUNT + 1))
            assert client.read_exactly(2) == b".."


def test_upstream_says_hello_and_closes(upstream: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", upstream.hello_port), 10) as sock:
        assert sock.makefile("rb").read() == b"hello\n"


def test_upstream_echoes_more_than_buffers_hold(upstream: Upstream) -> None:
    data = os.urandom(1 << 20) * 8
    address = ("127.0.0.1", upstream.echo_port)
    with socket.create_connection(address, 10) as sock:
        rest, back = memoryview(data), bytearray()
        while len(back) < len(data):
            sock.setblocking(False)
            try:
                while rest:  # until nobody takes any more
                    rest = rest[sock.send(rest) :]
            except BlockingIOError:
                pass
            sock.settimeout(10)
            back += sock.recv(1 << 20)
        assert back == data
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""


def test_upstream_is_counted_and_ends() -> None:
    with Upstream() as running:
        assert running.cpu_seconds() > 0
        pids = running.pids()
        assert len(pids) == 1
    assert not Path(f"/proc/{pids[0]}").exists()


def test_absent_programs_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(importlib.metadata, "version", missing)

    def no_library(library: str, _: str) -> Path:
        raise LibraryMissingError(f"no {library} here")

    monkeypatch.setattr(tlsmgm, "libraries", dict)
    monkeypatch.setattr(native_servers, "build", no_library)
    monkeypatch.delenv("TLSMGM_NGINX_SAME", raising=False)
    present, absent = loopback_servers(1)
    assert [server.name for server in present] == ["asyncio ssl="]
    assert absent == [
        "tlsmgm proxy, openssl: this backend is not built; run make",
        "tlsmgm proxy, wolfssl: this backend is not built; run make",
        "tlsmgm proxy, openssl, 2 workers: this backend is not built; run make",
        "tlsmgm proxy, wolfssl, 2 workers: this backend is not built; run make",
        "engine, openssl: no openssl here",
        "engine, wolfssl: no wolfssl here",
        "plain C relay, openssl: no openssl here",
        "plain C relay, wolfssl: no wolfssl here",
        "uvloop: pip install uvloop",
        "nginx: apt install nginx libnginx-mod-stream",
        "nginx stream, same OpenSSL: nginx: apt install nginx",
        "haproxy: apt install haproxy",
        "stunnel: apt install stunnel4",
        "hitch: apt install hitch",
    ]


def test_only_those_who_are_asked_for() -> None:
    present, absent = loopback_servers(1, only=("asyncio",))
    assert [server.name for server in present] == ["asyncio ssl="]
    assert absent == []


def test_a_program_that_cannot_be_compiled_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> Path:
        raise BuildError("cc: it is no C")

    monkeypatch.setattr(native_servers, "build", refuse)
    with pytest.raises(Absent, match=r"^engine, openssl: cc: it is no C"):
        NativeServer("engine", "openssl", 1)


@pytest.mark.parametrize("name", OURS)
def test_the_words_of_our_servers_are_checked(
    name: str, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misspell(words: Mapping[str, str | int | bool]) -> list[str]:
        return [*words_of(words), "surprise=1"]

    server = server_or_skip(name, 1)
    monkeypatch.setattr(native_servers, "words_of", misspell)
    with pytest.raises(RuntimeError, match="surprise"):
        server.start(identity, Setting())


@pytest.mark.parametrize("name", OURS)
def test_an_upstream_that_is_not_there_ends_the_client(name: str, identity: Identity) -> None:
    setting = Setting()
    with server_or_skip(name, loopback.free_port()) as server:
        port = server.start(identity, setting)
        for _ in range(3):  # and it goes on
            with probe(port, identity, setting) as client, pytest.raises((TLSError, OSError)):
                echo_or_close(client)


@pytest.mark.parametrize("name", OURS)
def test_many_clients_at_once(name: str, upstream: Upstream, identity: Identity) -> None:
    setting = Setting()
    with server_or_skip(name, upstream.echo_port) as server, contextlib.ExitStack() as stack:
        port = server.start(identity, setting)
        clients = [stack.enter_context(probe(port, identity, setting)) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(DATA[number:])
        for number, client in enumerate(clients):
            assert client.read_exactly(len(DATA) - number) == DATA[number:]
            client.close()
            assert client.read() == b""  # the upstream has ended, too


def test_nginx_without_its_module_is_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nginx = tmp_path / "nginx"
    nginx.write_text("#!/bin/sh\necho --with-stream=dynamic >&2\n", encoding="ascii")
    nginx.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr("benchmarks.cohort.nginx._MODULES", ())
    with pytest.raises(Absent, match="libnginx-mod-stream"):
        Nginx(1)


def test_what_cannot_be_pinned_keeps_a_server_out(upstream: Upstream, identity: Identity) -> None:
    with pytest.raises(Absent, match=r"^nginx: OpenSSL 3\.0 has no X25519MLKEM768"):
        check_group("nginx", "OpenSSL 3.0.19 27 Jan 2026", Setting(group=HYBRID_GROUP))
    check_group("nginx", "OpenSSL 3.5.0 8 Apr 2025", Setting(group=HYBRID_GROUP))
    check_group("nginx", "OpenSSL 3.0.19 27 Jan 2026", Setting())
    server = server_or_skip("tlsmgm-openssl", upstream.echo_port)
    with pytest.raises(Absent, match="ticket"):
        server.start(identity, Setting(tickets=False))


@pytest.mark.parametrize("name", ["tlsmgm-openssl", "tlsmgm-wolfssl"])
def test_hybrid_group(name: str, upstream: Upstream, identity: Identity) -> None:
    setting = Setting(group=HYBRID_GROUP)
    with server_or_skip(name, upstream.echo_port) as server:
        server.start(identity, setting)
        assert server.facts is not None
        assert server.facts.group is not None


def test_tickets_are_off_when_they_are_pinned_off(upstream: Upstream, identity: Identity) -> None:
    setting = Setting(tickets=False)
    with AsyncioProxy(upstream.echo_port) as server:
        port = server.start(identity, setting)
        with probe(port, identity, setting) as client:
            echo(client, b"x")
            assert client.session is None


def test_the_version_of_openssl_is_that_of_the_linked_library() -> None:
    import _ssl
    import ssl

    assert linked_openssl(_ssl.__file__) == ssl.OPENSSL_VERSION
    assert linked_openssl("/nowhere") == "unknown OpenSSL"


class Broken(AsyncioProxy):
    """A server that does not come up."""

    name = "broken"

    def command(self, place: Place) -> list[str]:
        program = "import sys; print('out of order'); sys.exit(3)"
        return [sys.executable, "-I", "-c", program]


class Missing(AsyncioProxy):
    """A server whose program does not exist."""

    def command(self, place: Place) -> list[str]:
        return ["/nowhere/nginx"]


def test_a_server_that_ends_shows_its_log(identity: Identity) -> None:
    server = Broken(1)
    with pytest.raises(RuntimeError, match=r"(?s)^broken has ended:\nout of order"):
        server.start(identity, Setting())
    with pytest.raises(RuntimeError, match="broken is not started"):
        server.pids()


def test_a_program_that_cannot_be_started_is_named(identity: Identity) -> None:
    with pytest.raises(RuntimeError, match=r"^/nowhere/nginx cannot be started"):
        Missing(1).start(identity, Setting())


def test_a_server_that_is_never_ready_is_given_up(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(AsyncioProxy):
        def command(self, place: Place) -> list[str]:
            return [sys.executable, "-I", "-c", "import signal; signal.pause()"]

    monkeypatch.setattr(loopback, "_READY_TIME", 0.1)
    server = Silent(1)
    with pytest.raises(RuntimeError, match=r"is not ready: .*refused"):
        server.start(identity, Setting())


def test_a_taken_port_is_left_for_another(
    upstream: Upstream, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], loopback.free_port()])
        monkeypatch.setattr(loopback, "free_port", lambda: next(ports))
        with AsyncioProxy(upstream.echo_port) as server:
            assert server.start(identity, Setting()) != taken.getsockname()[1]


def test_a_server_that_negotiates_something_else_is_refused(
    upstream: Upstream, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MismatchError("it: the group is P-384")

    monkeypatch.setattr(loopback, "check_facts", refuse)
    server = AsyncioProxy(upstream.echo_port)
    with pytest.raises(MismatchError):
        server.start(identity, Setting())
    with pytest.raises(RuntimeError, match="not started"):
        server.pids()


def test_keys_stay_with_their_owner(
    upstream: Upstream, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_or_skip("haproxy", upstream.echo_port) as server:
        server.start(identity, Setting())
        assert server._folder is not None
        folder = Path(server._folder.name)
        assert (folder / "both.pem").stat().st_mode & 0o077 == 0
        assert "PRIVATE KEY" not in server.log()
    assert not folder.exists()


def test_nothing_of_a_gone_process_is_counted() -> None:
    gone = 2**22 + 1  # above the largest process id
    assert processes.family_of(gone) == []
    assert processes.cpu_seconds_of(gone) == 0
    assert processes.memory_of(gone) == 0
