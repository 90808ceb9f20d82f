"""A proxy that stands still for longer than its deadlines, and one short of descriptors."""

from __future__ import annotations

import os
import resource
import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.support.proxy import (
    TIMEOUT,
    Proxy,
    Upstream,
    client_context,
    connect,
    ends_uncleanly,
    linked,
    read_exactly,
    reset,
)
from tests.support.tls_sockets import wrap


class Stopped:
    """A proxy that stands still, as under a debugger or on a machine without memory."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def __enter__(self) -> None:
        self._proxy.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._proxy.process.pid, os.WSTOPPED | os.WNOWAIT)

    def __exit__(self, *_: object) -> None:
        self._proxy.signal(signal.SIGCONT)


def let_time_pass(seconds: float) -> None:
    """Wait for a peer that never comes, as long as a deadline of the proxy is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(seconds)
        with pytest.raises(TimeoutError):
            server.accept()


def test_who_has_sent_in_time_is_heard(library: str, script: str, upstream: Upstream) -> None:
    """That the proxy could not look is not the peers' fault: neither are idle."""
    with (
        Proxy(script, library, upstream.address, "--idle-timeout", "1") as proxy,
        linked(proxy, upstream) as (client, server),
        linked(proxy, upstream) as (other, other_server),
    ):
        with Stopped(proxy):
            client.sendall(b"from the client")
            other_server.sendall(b"from the upstream")
            let_time_pass(1.2)
        assert read_exactly(server, 15) == b"from the client"
        assert read_exactly(other, 17) == b"from the upstream"
        assert ends_uncleanly(client)
        assert ends_uncleanly(other)


def test_a_hello_that_came_in_time_is_answered(
    library: str, script: str, upstream: Upstream
) -> None:
    options = ("--first-byte-timeout", "1")
    with (
        Proxy(script, library, upstream.address, *options) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as sock,
        client_context().wrap_socket(
            sock, server_hostname="dom1.test", do_handshake_on_connect=False
        ) as client,
    ):
        with linked(proxy, upstream):  # so that the other one was accepted, too
            pass
        client.setblocking(False)
        with Stopped(proxy):
            with pytest.raises(ssl.SSLWantReadError):
                client.do_handshake()
            let_time_pass(1.2)
        client.settimeout(TIMEOUT)
        client.do_handshake()


def test_newcomers_wait_for_a_proxy_that_stands_still(
    library: str, script: str, upstream: Upstream
) -> None:
    options = ("--handshake-timeout", "1", "--first-byte-timeout", "1")
    with Proxy(script, library, upstream.address, *options) as proxy:
        with Stopped(proxy):
            socks = [socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) for _ in range(9)]
            let_time_pass(1.2)
        for sock in socks:
            with (
                wrap(client_context(), sock, server_hostname="dom1.test") as client,
                upstream.accept() as server,
            ):
                client.sendall(b"data")
                assert read_exactly(server, 4) == b"data"


# Descriptors.


def leave_descriptors(proxy: Proxy, count: int) -> None:
    """Let a proxy have so many more."""
    pid = proxy.process.pid
    here = sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    gaps = len(set(range(here[-1])) - set(here))
    assert gaps <= count, "there are holes"
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (here[-1] + 1 + count - gaps, hard))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc here")
def test_a_descriptor_for_the_client_alone(library: str, script: str, upstream: Upstream) -> None:
    """He is told that it ends, and not that it is over; it is nobody's fault but ours."""
    with Proxy(script, library, upstream.address, "--workers", "1") as proxy:
        with linked(proxy, upstream) as (client, server):  # what is opened once, is open now
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
        proxy.log_line()
        leave_descriptors(proxy, 1)
        for number in (2, 3):
            with connect(proxy.port) as client:
                assert ends_uncleanly(client)
            line = proxy.log_line(number)
            assert "status=upstream-failed" in line
            assert "Too many open files" in line
        leave_descriptors(proxy, 2)
        with linked(proxy, upstream) as (client, server):
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"


# Those who leave while they wait.


def test_who_leaves_before_he_is_accepted(library: str, script: str, upstream: Upstream) -> None:
    """In all ways: they cost a line of the log, and nothing else."""
    with Proxy(script, library, upstream.address) as proxy:
        with Stopped(proxy):
            for number in range(30):
                sock = socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT)
                if number % 3:
                    sock.sendall(b"\x16\x03\x01")
                if number % 2:
                    reset(sock)
                else:
                    sock.close()
        proxy.log_line(30)
        with linked(proxy, upstream) as (client, server):
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
        statistics = proxy.wait_for("statistics: .*")[0][0]
        assert "connections_accepted_total=31" in statistics
        assert "connections_open" not in statistics
        assert "accept_errors" not in statistics


def test_who_waits_while_it_ends_is_served(library: str, script: str, upstream: Upstream) -> None:
    """The system has taken his connection, and he may have sent his hello: nobody may reset him."""
    options = ("--max-handshakes-per-network", "0", "--workers", "2")
    with Proxy(script, library, upstream.address, *options) as proxy:
        address = ("127.0.0.1", proxy.port)
        with Stopped(proxy):
            socks = [socket.create_connection(address, TIMEOUT) for _ in range(300)]
            proxy.signal(signal.SIGTERM)
        for sock in socks:
            with (
                wrap(client_context(), sock, server_hostname="dom1.test") as client,
                upstream.accept() as server,
            ):
                server.sendall(b"answer")
                assert read_exactly(client, 6) == b"answer"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, TIMEOUT)
        assert proxy.exit_code() == 0
