"""Bytes through the proxy: both ways, half-closed, cut short, too fast, nobody behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.ends import End, client_of
from tests.support.programs import needs
from tests.support.proxy import (
    TIMEOUT,
    Program,
    Proxy,
    Upstream,
    client_domain,
    connect,
    ends_uncleanly,
    exchange,
    linked,
    pki,
    read_exactly,
    read_to_end,
    reset,
    send_until_stuck,
    server_context,
    server_domain,
    write_script,
)
from tests.support.sanitizers import ENVIRONMENT, IS_SANITIZED
from tests.support.tls_sockets import wrap

SIZE = 6 * 1024 * 1024


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_megabytes_both_ways(
    library: str, version: ssl.TLSVersion, script: str, upstream: Upstream
) -> None:
    payload = os.urandom(SIZE)
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream, version=version) as (client, server),
    ):
        echoing = threading.Thread(target=echo, args=[server])
        echoing.start()
        received = exchange(client, payload)
        client.unwrap()
        echoing.join(TIMEOUT)
        assert hashlib.sha256(received).digest() == hashlib.sha256(payload).digest()
        line = proxy.log_line()
        assert "status=ok" in line
        assert f"in={SIZE} out={SIZE}" in line
        assert ("TLSv1.2" if version is ssl.TLSVersion.TLSv1_2 else "TLSv1.3") in line


def test_many_small_records(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (
            client,
            server,
        ),
    ):
        for number in range(300):
            message = b"%d" % number
            client.sendall(message)
            assert read_exactly(server, len(message)) == message
            server.sendall(message)
            assert read_exactly(client, len(message)) == message


def test_client_ends_its_direction_first(library: str, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address) as proxy:
        with client_of(proxy) as client, upstream.accept() as server:
            client.send(b"all of the question")
            client.announce_end()
            assert read_to_end(server) == b"all of the question"
            server.sendall(b"x" * 300_000)
            server.shutdown(socket.SHUT_WR)
            assert client.read_to_end() == (b"x" * 300_000, End.CLOSE_NOTIFY)
        assert "status=ok" in proxy.log_line()


def test_upstream_ends_its_direction_first(library: str, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address) as proxy:
        with client_of(proxy) as client, upstream.accept() as server:
            server.sendall(b"greeting")
            server.shutdown(socket.SHUT_WR)
            assert client.read_to_end() == (b"greeting", End.CLOSE_NOTIFY)
            client.send(b"y" * 300_000)
            client.announce_end()
            assert read_to_end(server) == b"y" * 300_000
        assert "status=ok" in proxy.log_line()


def test_truncation_by_the_client_is_no_clean_end(
    library: str, script: str, upstream: Upstream
) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (
            client,
            server,
        ),
    ):
        client.sendall(b"half a mess")
        assert read_exactly(server, 11) == b"half a mess"
        with socket.socket(fileno=client.detach()) as raw:
            raw.shutdown(socket.SHUT_WR)
            with pytest.raises(ConnectionResetError):
                read_to_end(server)
        assert "status=client-closed" in proxy.log_line()


def test_reset_by_the_client(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (
            client,
            server,
        ),
    ):
        reset(client)
        with pytest.raises(ConnectionResetError):
            read_to_end(server)
        assert "status=client-error" in proxy.log_line()


def test_reset_by_the_upstream_is_no_clean_end(
    library: str, script: str, upstream: Upstream
) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (
            client,
            server,
        ),
    ):
        server.sendall(b"half a mess")
        assert read_exactly(client, 11) == b"half a mess"
        reset(server)
        with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
            read_to_end(client)
        assert "status=upstream-error" in proxy.log_line()


def test_upstream_that_answers_early_is_heard(
    library: str, script: str, upstream: Upstream
) -> None:
    """It closes while the client is still sending; the answer arrives as a whole all the same."""
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (
            client,
            server,
        ),
    ):
        client.sendall(b"POST")
        assert read_exactly(server, 4) == b"POST"
        server.sendall(b"413")
        server.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 3) == b"413"
        reset(server)
        client.sendall(b"z" * 100_000)
        assert client.recv(10) == b""


@pytest.mark.parametrize("slow", ["client", "upstream"])
def test_slow_reader_takes_bounded_memory(library: str, slow: str, script: str) -> None:
    offered = 96 * 1024 * 1024
    with (
        Upstream(receive_buffer=65536) as upstream,
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream, receive_buffer=65536) as (client, server),
    ):
        # The other direction works before, while and after.
        fast, lazy = (server, client) if slow == "client" else (client, server)
        before = proxy.memory()
        taken = send_until_stuck(fast, offered)
        assert taken < 16 * 1024 * 1024
        assert IS_SANITIZED or proxy.memory() - before < 4 * 1024 * 1024
        lazy.sendall(b"still here")
        assert read_exactly(fast, 10) == b"still here"
        finished = threading.Thread(target=fast.sendall, args=[b"end"])
        finished.start()
        assert read_exactly(lazy, taken + 3)[-3:] == b"end"
        finished.join(TIMEOUT)


def test_dead_upstream(library: str, script: str) -> None:
    with Upstream() as gone:
        address = gone.address
    with Proxy(script, library, address) as proxy:
        with connect(proxy.port) as client:
            assert ends_uncleanly(client)
        line = proxy.log_line()
        assert "status=upstream-failed" in line
        assert "Connection refused" in line
        assert f"upstream={address.removeprefix('tcp:')}" in line.replace("tcp:", "")


def test_upstream_host_without_address(library: str, script: str) -> None:
    """That is told before anything serves."""
    with Program(
        "proxy", "--config", script, "--library", library, "--listen", "tls:127.0.0.1:0",
        "--upstream", "tcp:no-such-host.invalid:9",
    ) as program:  # fmt: skip
        program.wait_for("cannot resolve 'no-such-host.invalid'")
        assert program.exit_code() == 2
        assert not any("listening on" in line for line in program.lines)


def test_upstream_by_name(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, f"tcp:localhost:{upstream.port}") as proxy,
        linked(proxy, upstream) as (client, server),
    ):
        server.sendall(b"hello")
        assert read_exactly(client, 5) == b"hello"


def test_tcp_to_tls(library: str, tmp_path: Path, upstream: Upstream) -> None:
    script = write_script(tmp_path / "c", client_domain("out"))
    target = f"tls:127.0.0.1:{upstream.port}"
    with (
        Proxy(
            script, library, target, "--server-name", "dom2.test", listen=["tcp:127.0.0.1:0"]
        ) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as client,
    ):
        with upstream.accept_tls("dom2") as server:
            client.sendall(b"q" * 500_000)
            assert read_exactly(server, 500_000) == b"q" * 500_000
            server.sendall(b"answer")
            assert read_exactly(client, 6) == b"answer"
            client.shutdown(socket.SHUT_WR)
            assert server.recv(10) == b""
            server.unwrap()
        assert client.recv(10) == b""
        line = proxy.log_line()
        assert "status=ok" in line
        assert "peer=dom2 verified=1" in line


@pytest.mark.parametrize(("name", "why"), [("dom3", "name"), ("selfsigned", "selfsigned")])
def test_upstream_certificate_is_verified(
    library: str, name: str, why: str, tmp_path: Path, upstream: Upstream
) -> None:
    script = write_script(tmp_path / "c", client_domain("out"))
    target = f"tls:127.0.0.1:{upstream.port}"
    with (
        Proxy(
            script, library, target, "--server-name", "dom2.test", listen=["tcp:127.0.0.1:0"]
        ) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as client,
    ):
        received: list[bytes] = []
        client.sendall(b"secret")
        # In TLS 1.3 our side of the handshake is done before the alert arrives.
        with (
            contextlib.suppress(OSError),
            upstream.accept() as sock,
            wrap(server_context(name), sock, server_side=True) as server,
        ):
            received.append(server.recv(10))
        assert received in ([], [b""])
        assert ends_uncleanly(client)
        assert "status=upstream-failed" in proxy.log_line()
        assert "in=0 out=0" in proxy.log_line()


def test_tls_to_tls(library: str, tmp_path: Path, upstream: Upstream) -> None:
    script = write_script(
        tmp_path / "c",
        server_domain("dom1"),
        client_domain("other", match_sip_domain="nowhere.test"),
        client_domain("out", match_sip_domain="dom2.test"),
        ['modparam("tls_mgm", "client_sip_domain_avp", "sip_dom")'],
    )
    target = f"tls:127.0.0.1:{upstream.port}"
    payload = os.urandom(SIZE)
    tickets = server_context("dom2")
    with Proxy(script, library, target, "--sip-domain", "dom2.test") as proxy:
        for number in range(3):
            with (
                connect(proxy.port) as client,
                wrap(tickets, upstream.accept(), server_side=True) as server,
            ):
                assert server.session_reused == (number > 0)
                sending = threading.Thread(target=client.sendall, args=[payload])
                sending.start()
                assert read_exactly(server, SIZE) == payload
                sending.join(TIMEOUT)
                server.sendall(b"done")
                assert read_exactly(client, 4) == b"done"
                closing = threading.Thread(target=server.unwrap)
                closing.start()
                client.unwrap()
                closing.join(TIMEOUT)
            proxy.log_line(number + 1)  # Then the session is there for the next one.
        assert "status=ok" in proxy.log_line(2)
        assert "domain=dom1" in proxy.log_line(2)


@needs("openssl")
def test_s_client(library: str, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address) as proxy:
        client = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", pki("root.pem"),
             "-servername", "dom1.test", "-connect", f"127.0.0.1:{proxy.port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )  # fmt: skip
        with upstream.accept() as server:
            server.sendall(b"hello from behind")
            server.shutdown(socket.SHUT_WR)
            out, _ = client.communicate(b"question\n", TIMEOUT)
            assert out == b"hello from behind"


@needs("curl")
def test_curl(library: str, script: str, upstream: Upstream) -> None:
    body = os.urandom(400_000)
    with Proxy(script, library, upstream.address) as proxy:
        client = subprocess.Popen(
            ["curl", "-sS", "--cacert", pki("root.pem"), "--max-time", str(int(TIMEOUT)),
             "--resolve", f"dom1.test:{proxy.port}:127.0.0.1",
             f"https://dom1.test:{proxy.port}/"],
            stdout=subprocess.PIPE, env=ENVIRONMENT,
        )  # fmt: skip
        with upstream.accept() as server:
            request = b""
            while b"\r\n\r\n" not in request:
                request += server.recv(4096)
            server.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
            server.shutdown(socket.SHUT_WR)
            out, _ = client.communicate(timeout=TIMEOUT)
        assert client.returncode == 0
        assert out == body
