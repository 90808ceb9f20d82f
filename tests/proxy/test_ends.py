"""Ends that nobody has announced, as both neighbours see them on the wire."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.ends import End, TLSPeer, client_of, relayed
from tests.support.programs import needs
from tests.support.proxy import (
    TIMEOUT,
    Program,
    Proxy,
    Upstream,
    pki,
)
from tests.support.sanitizers import ENVIRONMENT
from tests.support.sipp import sipp_server

PART = b"x" * 1000
KINDS = ["tls-tcp", "tcp-tls", "tls-tls"]

Cut = Callable[[Proxy], None]


def is_idle(proxy: Proxy) -> None:
    """Do nothing: the proxy has little patience."""


def is_drained(proxy: Proxy) -> None:
    proxy.signal(signal.SIGTERM)


IDLE = pytest.param(("--idle-timeout", "0.4"), is_idle, "idle-timeout", id="idle")
DRAINED = pytest.param(("--drain-timeout", "0.1"), is_drained, "drained", id="drained")
CUTS = pytest.mark.parametrize(("options", "cut", "status"), [IDLE, DRAINED])


# What the proxy cuts.


@pytest.mark.parametrize("kind", KINDS)
@CUTS
def test_an_unfinished_exchange_that_is_cut(
    library: str,
    version: ssl.TLSVersion,
    kind: str,
    options: tuple[str, ...],
    cut: Cut,
    status: str,
    both: str,
) -> None:
    """Neither the half of an answer nor the half of a request looks like a whole one."""
    with relayed(kind, both, library, version, *options) as (proxy, client, server):
        server.send(PART)
        assert client.read(len(PART)) == PART
        client.send(PART)
        assert server.read(len(PART)) == PART
        cut(proxy)
        assert client.read_to_end() == (b"", End.RESET)
        assert server.read_to_end() == (b"", End.RESET)
        assert f"status={status}" in proxy.log_line()


@pytest.mark.parametrize("kind", ["tls-tcp", "tcp-tls"])
@CUTS
def test_a_plain_neighbour_may_be_spared_the_reset(
    library: str,
    version: ssl.TLSVersion,
    kind: str,
    options: tuple[str, ...],
    cut: Cut,
    status: str,
    both: str,
) -> None:
    """The other one speaks TLS, and is told the truth all the same."""
    chosen = (*options, "--unclean-end", "fin")
    with relayed(kind, both, library, version, *chosen) as (proxy, client, server):
        plain, tls = (server, client) if kind == "tls-tcp" else (client, server)
        plain.send(PART)
        assert tls.read(len(PART)) == PART
        cut(proxy)
        assert tls.read_to_end() == (b"", End.RESET)
        assert plain.read_to_end() == (b"", End.FIN)
        plain.close()
        assert f"status={status}" in proxy.log_line()


@CUTS
def test_what_the_client_has_announced_stays_clean(
    library: str,
    version: ssl.TLSVersion,
    options: tuple[str, ...],
    cut: Cut,
    status: str,
    both: str,
) -> None:
    """The request was whole and the answer is not."""
    with relayed("tls-tcp", both, library, version, *options) as (proxy, client, server):
        client.send(PART)
        client.announce_end()
        assert server.read_to_end() == (PART, End.FIN)
        server.send(b"half of an ans")
        assert client.read(14) == b"half of an ans"
        cut(proxy)
        assert client.read_to_end() == (b"", End.RESET)
        server.close()
        assert f"status={status}" in proxy.log_line()


@CUTS
def test_what_the_upstream_has_announced_stays_clean(
    library: str,
    version: ssl.TLSVersion,
    options: tuple[str, ...],
    cut: Cut,
    status: str,
    both: str,
) -> None:
    """The answer was whole and the request is not."""
    with relayed("tls-tcp", both, library, version, *options) as (proxy, client, server):
        client.send(b"half of a ques")
        assert server.read(14) == b"half of a ques"
        server.send(PART)
        server.announce_end()
        assert client.read_to_end() == (PART, End.CLOSE_NOTIFY)
        cut(proxy)
        assert server.read_to_end() == (b"", End.RESET)
        client.close()
        assert f"status={status}" in proxy.log_line()


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_is_killed(library: str, kind: str, both: str) -> None:
    """Then it is the system that ends the connections."""
    with relayed(kind, both, library, None) as (proxy, client, server):
        server.send(PART)
        assert client.read(len(PART)) == PART
        proxy.process.kill()
        for protocol, end in zip(kind.split("-"), (client, server), strict=True):
            seen = end.read_to_end()
            assert seen in [(b"", End.RESET), (b"", End.FIN)][: 2 if protocol == "tls" else 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_end_of_all_is_one(library: str, kind: str, both: str) -> None:
    """The counterpart of the tests here."""
    with relayed(kind, both, library, None) as (proxy, client, server):
        ends = [End.CLOSE_NOTIFY if isinstance(x, TLSPeer) else End.FIN for x in (client, server)]
        client.send(PART)
        client.announce_end()
        assert server.read_to_end() == (PART, ends[1])
        server.send(PART)
        server.announce_end()
        assert client.read_to_end() == (PART, ends[0])
        assert "status=ok" in proxy.log_line()


def test_a_clean_end_waits_for_a_slow_reader(library: str, both: str) -> None:
    """The proxy is done with the connection, and the system still has much of it to deliver."""
    size = 1_000_000
    with relayed("tls-tcp", both, library, None, receive_buffer=65536) as (proxy, client, server):
        server.announce_end()
        assert client.read_to_end() == (b"", End.CLOSE_NOTIFY)
        client.send(b"y" * size)
        client.announce_end()
        assert "status=ok" in proxy.log_line()
        assert server.read_to_end() == (b"y" * size, End.FIN)


# What a peer cuts short.


@pytest.mark.parametrize("choice", ["reset", "fin"])
def test_truncation_by_the_client(
    library: str, version: ssl.TLSVersion, choice: str, both: str
) -> None:
    options = ("--unclean-end", choice)
    with relayed("tls-tcp", both, library, version, *options) as (proxy, client, server):
        client.send(PART)
        assert server.read(len(PART)) == PART
        client.truncate()
        assert server.read_to_end() == (b"", End.FIN if choice == "fin" else End.RESET)
        assert client.read_to_end() == (b"", End.FIN)
        server.close()
        client.close()
        assert "status=client-closed" in proxy.log_line()


@pytest.mark.parametrize("choice", ["reset", "fin"])
def test_truncation_by_the_upstream(
    library: str, version: ssl.TLSVersion, choice: str, both: str
) -> None:
    options = ("--unclean-end", choice)
    with relayed("tcp-tls", both, library, version, *options) as (proxy, client, server):
        server.send(PART)
        assert client.read(len(PART)) == PART
        server.truncate()
        assert client.read_to_end() == (b"", End.FIN if choice == "fin" else End.RESET)
        assert server.read_to_end() == (b"", End.FIN)
        server.close()
        client.close()
        assert "status=upstream-closed" in proxy.log_line()


def test_truncation_between_two_tls_neighbours(
    library: str, version: ssl.TLSVersion, both: str
) -> None:
    with relayed("tls-tls", both, library, version) as (proxy, client, server):
        server.send(PART)
        assert client.read(len(PART)) == PART
        server.truncate()
        assert client.read_to_end() == (b"", End.RESET)
        assert "status=upstream-closed" in proxy.log_line()


def test_all_that_was_sent_arrives_before_a_spared_reset(library: str, both: str) -> None:
    """FIN comes behind the data, as much of it as there is."""
    size = 300_000
    options = ("--unclean-end", "fin")
    with relayed("tls-tcp", both, library, None, *options) as (proxy, client, server):
        client.send(b"y" * size)
        client.truncate()
        assert server.read_to_end() == (b"y" * size, End.FIN)
        server.close()
        assert re.search("status=client-(closed|truncated)", proxy.log_line())


def test_a_server_that_stays_open_after_the_fin_is_not_reset_either(
    library: str, both: str
) -> None:
    """It has taken everything; the proxy goes after a while, in silence."""
    options = ("--unclean-end", "fin")
    with relayed("tls-tcp", both, library, None, *options) as (proxy, client, server):
        client.send(PART)
        client.truncate()
        assert server.read_to_end() == (PART, End.FIN)
        assert re.search(
            "status=client-(closed|truncated)", proxy.log_line()
        )  # written once both are gone
        assert server.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


# An upstream that is not there.


@pytest.mark.parametrize("front", ["tls", "tcp"])
@pytest.mark.parametrize("choice", ["reset", "fin"])
def test_no_upstream_is_no_empty_answer(library: str, front: str, choice: str, both: str) -> None:
    with Upstream() as gone:
        address = f"tls:127.0.0.1:{gone.port}" if front == "tcp" else gone.address
    # One neighbour must be plain, or there is nothing to choose.
    options = ("--unclean-end", choice)
    with Proxy(both, library, address, *options, listen=[f"{front}:127.0.0.1:0"]) as proxy:
        spared = choice == "fin" and front == "tcp"
        assert what_comes_from(proxy, front) == (b"", End.FIN if spared else End.RESET)
        assert "status=upstream-failed" in proxy.log_line()


def what_comes_from(proxy: Proxy, front: str) -> tuple[bytes, End]:
    """Connect and read; a reset may come before the system has told of the connection."""
    try:
        with client_of(proxy, front) as client:
            return client.read_to_end()
    except ConnectionResetError:
        return b"", End.RESET


# The option.


def test_there_must_be_a_plain_neighbour_to_spare(library: str, both: str) -> None:
    with Program(
        "proxy", "--config", both, "--library", library, "--upstream", "tls:127.0.0.1:9",
        "--listen", "tls:127.0.0.1:0", "--unclean-end", "fin",
    ) as program:  # fmt: skip
        assert program.exit_code() == 2
        assert "--unclean-end" in program.lines[0]
        assert "of no use" in program.lines[0]


# Other people's programs.


@needs("openssl")
@pytest.mark.parametrize("flag", ["-tls1_2", "-tls1_3"])
def test_s_client_tells_an_answer_that_was_cut(
    library: str, flag: str, script: str, upstream: Upstream
) -> None:
    """It ends with 0 after close_notify, see test_s_client."""
    with Proxy(script, library, upstream.address, "--idle-timeout", "0.4") as proxy:
        client = subprocess.Popen(
            ["openssl", "s_client", "-quiet", flag, "-verify_return_error", "-CAfile",
             pki("root.pem"), "-servername", "dom1.test", "-connect", f"127.0.0.1:{proxy.port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=ENVIRONMENT,
        )  # fmt: skip
        with upstream.accept() as server:
            server.sendall(PART)
            assert client.stdout is not None
            assert client.stdout.read(len(PART)) == PART
            out, _ = client.communicate(timeout=TIMEOUT)
            assert out == b""
            assert client.returncode != 0


def invite(number: int) -> bytes:
    lines = [
        "INVITE sip:uas@dom1.test SIP/2.0",
        f"Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK-{number}",
        f"From: <sip:client@dom1.test>;tag={number}",
        "To: <sip:uas@dom1.test>",
        f"Call-ID: {number}@dom1.test",
        "CSeq: 1 INVITE",
        "Contact: <sip:client@127.0.0.1:9;transport=tls>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


@needs("sipp")
def test_sipp_outlives_clients_that_end_without_close_notify(
    library: str, version: ssl.TLSVersion, script: str, tmp_path: Path
) -> None:
    """At the first reset it would end itself."""
    with (
        sipp_server(tmp_path) as port,
        Proxy(script, library, f"tcp:127.0.0.1:{port}", "--unclean-end", "fin") as proxy,
    ):
        for number in range(1, 4):
            with client_of(proxy, "tls", version) as client:
                client.send(invite(number))
                assert client.read(11) == b"SIP/2.0 180"
                client.truncate()
            assert "status=client-" in proxy.log_line(number)
