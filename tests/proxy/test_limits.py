"""Every limit of the proxy, as an attacker meets it; and others, who are served meanwhile."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.ends import End, client_of
from tests.support.hello import extension, message, real_hello, records
from tests.support.limits import (
    ALERT,
    EchoUpstream,
    WatchedProxy,
    ending,
    is_served,
    is_turned_away,
    raw_client,
)
from tests.support.programs import needs
from tests.support.proxy import (
    TIMEOUT,
    Program,
    Upstream,
    client_context,
    connect,
    linked,
    pki,
    read_exactly,
    reset,
    send_until_stuck,
    server_domain,
    write_script,
)
from tests.support.sanitizers import ENVIRONMENT
from tests.support.tls_sockets import wrap

Start = Callable[..., WatchedProxy]
HELLO = real_hello("dom1.test")
ILLEGAL_PARAMETER = 47


@pytest.fixture
def echo() -> Iterator[EchoUpstream]:
    with EchoUpstream() as found:
        yield found


@pytest.fixture
def start(library: str, script: str, tmp_path: Path, echo: EchoUpstream) -> Iterator[Start]:
    """Starts a proxy with options, in front of an echo or of another upstream."""
    with contextlib.ExitStack() as stack:

        def start_one(*options: str, upstream: str | None = None) -> WatchedProxy:
            address = upstream or echo.address
            return stack.enter_context(WatchedProxy(tmp_path, script, library, address, *options))

        yield start_one


def is_reset(sock: socket.socket) -> bool:
    return ending(sock) is None


# Times.


def test_silent_client(start: Start) -> None:
    proxy = start("--first-byte-timeout", "0.3")
    with raw_client(proxy.port) as silent:
        assert is_served(proxy.port)
        assert is_reset(silent)
    assert "status=first-byte-timeout" in proxy.log_line(2)
    now = proxy.wait_for_counts(handshakes_open=0, connections_open=0)
    assert now["limit_first_byte_timeout_total"] == 1
    assert now["handshakes_failed_first_byte_timeout_total"] == 1
    assert now["limit_handshake_timeout_total"] == 0
    assert now["handshakes_completed_total"] == 1


@pytest.mark.parametrize("first_byte_timeout", ["0", "0.2", "60"])
def test_one_byte_is_not_enough(start: Start, first_byte_timeout: str) -> None:
    """The first byte moves no deadline but its own."""
    proxy = start("--first-byte-timeout", first_byte_timeout, "--handshake-timeout", "0.5")
    with raw_client(proxy.port) as slow:
        slow.sendall(HELLO[:1])
        assert is_reset(slow)
    assert "status=handshake-timeout" in proxy.log_line()
    now = proxy.statistics()
    assert now["limit_handshake_timeout_total"] == 1
    assert now["limit_first_byte_timeout_total"] == 0


def test_silent_client_without_a_deadline_of_its_own(start: Start) -> None:
    proxy = start("--first-byte-timeout", "0", "--handshake-timeout", "0.3")
    with raw_client(proxy.port) as silent:
        assert is_reset(silent)
    assert "status=handshake-timeout" in proxy.log_line()


def drip(sock: socket.socket, data: bytes, pause: float) -> int | None:
    """Send byte after byte; return how many went out before a reset, None if all did."""
    sock.settimeout(pause)
    for sent, byte in enumerate(data):
        try:
            sock.sendall(bytes([byte]))
            assert sock.recv(1)  # or time runs out, which is the pause
        except TimeoutError:
            continue
        except ConnectionError:
            return sent
        return None
    return None


def test_hello_byte_by_byte(start: Start) -> None:
    """However steadily they come: the deadline counts from accept."""
    proxy = start("--first-byte-timeout", "0.5", "--handshake-timeout", "0.8")
    with raw_client(proxy.port) as slow:
        assert is_served(proxy.port)
        sent = drip(slow, HELLO, 0.05)
    assert sent is not None
    assert 2 < sent < len(HELLO)
    assert "status=handshake-timeout" in proxy.log_line(2)


def test_client_that_never_answers_the_server(start: Start, version: ssl.TLSVersion) -> None:
    """A whole hello, and then nothing."""
    proxy = start("--handshake-timeout", "0.5")
    with raw_client(proxy.port) as lazy:
        lazy.sendall(real_hello("dom1.test", highest=version))
        assert is_served(proxy.port)
        with contextlib.suppress(ConnectionResetError):
            while lazy.recv(65536):
                pass
    assert "status=handshake-timeout" in proxy.log_line(2)


def test_half_closed_in_the_hello(start: Start) -> None:
    proxy = start()
    for sent in (b"", HELLO[:1], HELLO[:100]):
        with raw_client(proxy.port) as half:
            half.sendall(sent)
            half.shutdown(socket.SHUT_WR)
            assert ending(half) == b""
    now = proxy.wait_for_counts(connections_open=0)
    assert now["handshakes_failed_lost_total"] == 3
    assert is_served(proxy.port)


def test_half_closed_and_then_idle(
    start: Start, upstream: Upstream, version: ssl.TLSVersion
) -> None:
    """A client that has said all it had to say waits for an answer; not for ever."""
    proxy = start("--idle-timeout", "0.4", upstream=upstream.address)
    with client_of(proxy, "tls", version) as client, upstream.accept() as server:
        client.announce_end()
        assert server.recv(10) == b""
        assert client.read_to_end() == (b"", End.RESET)  # no answer is not an empty one
    assert "status=idle-timeout" in proxy.log_line()
    assert proxy.statistics()["limit_idle_timeout_total"] == 1


@pytest.mark.parametrize("lazy", ["client", "upstream"])
def test_never_reading(
    start: Start, upstream: Upstream, lazy: str, version: ssl.TLSVersion
) -> None:
    """Even if it goes on sending, so that the connection is not idle."""
    options = ("--send-timeout", "0.5", "--idle-timeout", "60")
    proxy = start(*options, upstream=upstream.address)
    with linked(proxy, upstream, version=version) as (client, server):
        eager, silent = (server, client) if lazy == "client" else (client, server)
        stop = pytest.raises((ConnectionError, ssl.SSLError, TimeoutError))
        with stop:
            send_until_stuck(eager, 96 << 20, patience=0.2)
            deadline = time.monotonic() + TIMEOUT
            while time.monotonic() < deadline:
                silent.sendall(b"x")
                read_exactly(eager, 1)
    line = proxy.log_line()
    assert "status=send-timeout" in line
    assert f"the {lazy} takes nothing" in line
    now = proxy.wait_for_counts(connections_open=0)
    assert now["limit_send_timeout_total"] == 1
    assert now["limit_buffered_bytes_total"] > 0


def test_slow_reading_is_no_crime(start: Start, upstream: Upstream) -> None:
    """Whoever takes a little now and then is not cut, however much waits."""
    options = ("--send-timeout", "1.5", "--buffered-bytes", "16384")
    proxy = start(*options, upstream=upstream.address)
    with linked(proxy, upstream, receive_buffer=65536) as (client, server):
        sent = send_until_stuck(server, 96 << 20, patience=0.2)
        server.settimeout(0.2)
        for _ in range(12):
            read_exactly(client, 256 << 10)
            with contextlib.suppress(TimeoutError):
                server.recv(1)  # nothing comes: a pause
        assert sent
        server.settimeout(TIMEOUT)
        client.sendall(b"still here")
        assert read_exactly(server, 10) == b"still here"
    assert proxy.statistics()["limit_send_timeout_total"] == 0


# Sizes.


def test_large_hello(start: Start) -> None:
    # More than a hello with a share of X25519MLKEM768, which OpenSSL sends from 3.5 on.
    proxy = start("--hello-size", "2000")
    large = records(message(extension(21, bytes(3000))))
    with raw_client(proxy.port) as client:
        client.sendall(large[:9])  # the header is enough
        answer = ending(client)
    assert answer is not None
    assert (answer[0], answer[6]) == (ALERT, ILLEGAL_PARAMETER)
    line = proxy.log_line()
    assert "status=hello-too-large" in line
    assert "more than the limit of 2000" in line
    now = proxy.wait_for_counts(connections_open=0)
    assert now["limit_hello_size_total"] == now["handshakes_failed_hello_too_large_total"] == 1
    assert is_served(proxy.port)


def test_a_reload_keeps_the_size(start: Start) -> None:
    proxy = start("--hello-size", "1000")
    proxy.signal(signal.SIGHUP)
    proxy.wait_for("reloaded: ")
    with raw_client(proxy.port) as client:
        client.sendall(records(message(extension(21, bytes(2000)))))
        ending(client)
    assert "status=hello-too-large" in proxy.log_line()


# Numbers.


def test_handshakes_in_total(start: Start) -> None:
    proxy = start("--max-handshakes", "3", "--max-handshakes-per-network", "0")
    with contextlib.ExitStack() as stack:
        settled = [stack.enter_context(connect(proxy.port)) for _ in range(5)]
        silent = [stack.enter_context(raw_client(proxy.port, f"127.0.0.{n}")) for n in (2, 3, 4)]
        proxy.wait_for_counts(handshakes_open=3, connections_open=8)
        for _ in range(4):
            assert is_turned_away(proxy.port, "127.0.0.9")
        proxy.wait_for("max_handshakes is 3; more are turned away, such as 127.0.0.9")
        for client in settled:  # who is in is served as before
            client.sendall(b"ping")
            assert read_exactly(client, 4) == b"ping"
        now = proxy.statistics()
        assert now["limit_max_handshakes_total"] == now["connections_refused_total"] == 4
        silent[0].close()
        proxy.wait_for_counts(handshakes_open=2)
        assert is_served(proxy.port)
    assert len([line for line in proxy.lines if "turned away" in line]) == 1


@pytest.mark.parametrize("prefix", ["32", "8"])
def test_handshakes_of_one_network(start: Start, prefix: str) -> None:
    proxy = start("--max-handshakes-per-network", "2", "--ipv4-prefix", prefix)
    with raw_client(proxy.port) as first, raw_client(proxy.port) as second:
        proxy.wait_for_counts(handshakes_open=2)
        assert is_turned_away(proxy.port)
        # Others are served, unless they are of the same network.
        assert is_served(proxy.port, source="127.0.0.2") is (prefix == "32")
        now = proxy.statistics()
        assert now["limit_max_handshakes_per_network_total"] == (1 if prefix == "32" else 2)
        assert now["limit_max_handshakes_total"] == 0
        first.close()
        second.close()
        proxy.wait_for_counts(handshakes_open=0)
        assert is_served(proxy.port)


def test_connections(start: Start) -> None:
    proxy = start("--max-connections", "2")
    with connect(proxy.port) as client, raw_client(proxy.port):
        proxy.wait_for_counts(connections_open=2)
        assert is_turned_away(proxy.port)
        client.sendall(b"ping")
        assert read_exactly(client, 4) == b"ping"
    now = proxy.wait_for_counts(connections_open=0)
    assert now["limit_max_connections_total"] == 1
    assert is_served(proxy.port)


def test_many_are_turned_away_and_nothing_is_left(start: Start) -> None:
    proxy = start("--max-handshakes-per-network", "1")
    before = proxy.descriptors()
    with raw_client(proxy.port):
        proxy.wait_for_counts(handshakes_open=1)
        for number in range(500):
            assert is_turned_away(proxy.port, data=HELLO if number % 2 else b"")
        assert is_served(proxy.port, source="127.0.0.2")
        now = proxy.wait_until(lambda now: now["connections_refused_total"] == 500)
        assert now["handshakes_started_total"] == 2
    proxy.wait_for_counts(connections_open=0)
    assert proxy.descriptors() == before


# Every way out gives the place back.


def get_alert_112(port: int) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized[_ ]name"):
        connect(port, "nobody.test")


def refuse_certificate(port: int) -> None:
    context = ssl.create_default_context()
    # In TLS 1.3 OpenSSL sends this alert in the clear, in which wolfSSL sees none.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with raw_client(port) as sock, pytest.raises(ssl.SSLError, match=r"(?i)certificate"):
        wrap(context, sock, server_hostname="dom1.test")


def send(data: bytes, *, then: Callable[[socket.socket], object]) -> Callable[[int], None]:
    def client(port: int) -> None:
        with raw_client(port) as sock:
            sock.sendall(data)
            then(sock)

    return client


def hang_up(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)
    ending(sock)


def break_the_second_flight(sock: socket.socket) -> None:
    sock.recv(65536)
    sock.sendall(b"\x16\x03\x03\x00\x04\x10\x00\x00\x00" + b"\x14\x03\x03\x00\x01\x01" * 5)
    ending(sock)


def be_served(port: int) -> None:
    assert is_served(port)


#: What a client does, and what is counted then.
ENDINGS: dict[str, tuple[Callable[[int], None], str]] = {
    "good": (be_served, "handshakes_completed_total"),
    "reset at once": (send(b"", then=reset), "handshakes_failed_lost_total"),
    "closed at once": (send(b"", then=hang_up), "handshakes_failed_lost_total"),
    "half a hello, reset": (send(HELLO[:99], then=reset), "handshakes_failed_lost_total"),
    "half a hello, closed": (send(HELLO[:99], then=hang_up), "handshakes_failed_lost_total"),
    "hello, reset": (send(HELLO, then=reset), "handshakes_failed_lost_total"),
    "hello, closed": (send(HELLO, then=hang_up), "handshakes_failed_lost_total"),
    "silent": (send(b"", then=ending), "handshakes_failed_first_byte_timeout_total"),
    "slow": (send(HELLO[:9], then=ending), "handshakes_failed_handshake_timeout_total"),
    "garbage": (send(b"GET / HTTP/1.0\r\n", then=ending), "handshakes_failed_protocol_total"),
    "bad flight": (send(HELLO, then=break_the_second_flight), "handshakes_failed_protocol_total"),
    "no domain": (get_alert_112, "handshakes_failed_no_domain_total"),
    "refuses us": (refuse_certificate, "handshakes_failed_alert_total"),
}


@pytest.mark.parametrize(("client", "counter"), ENDINGS.values(), ids=ENDINGS)
def test_every_way_out(
    library: str,
    tmp_path: Path,
    echo: EchoUpstream,
    client: Callable[[int], None],
    counter: str,
) -> None:
    script = write_script(tmp_path / "c", server_domain("dom1", match_sip_domain="dom1.test"))
    options = ("--max-handshakes", "1", "--first-byte-timeout", "0.5", "--handshake-timeout", "1")
    with WatchedProxy(tmp_path, script, library, echo.address, *options) as proxy:
        for number in (1, 2):
            client(proxy.port)
            proxy.wait_for_counts(**{counter: number}, handshakes_open=0, connections_open=0)
        assert is_served(proxy.port)
        now = proxy.wait_for_counts(connections_open=0)
    assert_adds_up(now)


def assert_adds_up(now: dict[str, int]) -> None:
    """Prove that nobody got lost between two counters, once nothing is open."""

    def total(prefix: str) -> int:
        return sum(value for name, value in now.items() if name.startswith(prefix))

    assert now["connections_open"] == now["handshakes_open"] == 0
    accepted = now["connections_accepted_total"]
    assert accepted == now["connections_refused_total"] + now["connections_ended_total"]
    done = now["handshakes_completed_total"] + now["handshakes_failed_total"]
    assert now["handshakes_started_total"] == done == now["connections_ended_total"]
    assert total("handshakes_failed_") == 2 * now["handshakes_failed_total"]
    assert total("connections_ended_") == 2 * now["connections_ended_total"]


def test_certificate_of_the_client(library: str, tmp_path: Path, echo: EchoUpstream) -> None:
    domain = server_domain("dom1", verify_cert=1, require_cert=1, ca_list=pki("root.pem"))
    script = write_script(tmp_path / "c", domain)
    with WatchedProxy(tmp_path, script, library, echo.address, "--max-handshakes", "1") as proxy:
        assert not is_served(proxy.port)
        proxy.wait_for_counts(handshakes_failed_certificate_total=1, handshakes_open=0)
        assert is_served(proxy.port, certificate=(pki("good.pem"), pki("good.key")))
        now = proxy.wait_for_counts(connections_open=0)
    assert_adds_up(now)


def test_the_stop_gives_places_back(start: Start) -> None:
    proxy = start("--drain-timeout", "0")
    with raw_client(proxy.port), connect(proxy.port) as client:
        client.sendall(b"ping")
        assert read_exactly(client, 4) == b"ping"
        proxy.signal(signal.SIGUSR1)
        line = proxy.wait_for("statistics: .*")[0][0]
        assert "connections_open=2 handshakes_open=1" in line
        proxy.signal(signal.SIGTERM)
        proxy.wait_for("closing 2 connections")
        client.close()
        assert proxy.exit_code() == 0
    line = proxy.wait_for("statistics: .*", 2)[1][0]
    assert "_open" not in line
    assert "handshakes_failed_drained_total=1" in line
    assert "connections_ended_drained_total=2" in line


def test_resumption_and_bytes_are_counted(start: Start) -> None:
    proxy = start()
    context = client_context(version=ssl.TLSVersion.TLSv1_2)
    session = None
    for _ in range(2):
        with wrap(
            context, raw_client(proxy.port), server_hostname="dom1.test", session=session
        ) as client:
            client.sendall(b"hello")
            assert read_exactly(client, 5) == b"hello"
            session = client.session
            client.unwrap()
    now = proxy.wait_for_counts(connections_open=0)
    assert (now["handshakes_completed_total"], now["handshakes_resumed_total"]) == (2, 1)
    assert (now["bytes_from_clients_total"], now["bytes_to_clients_total"]) == (10, 10)
    assert now["connections_ended_ok_total"] == 2
    assert_adds_up(now)


# Renegotiation.


@needs("openssl")
def test_renegotiation_by_s_client(start: Start) -> None:
    """Refused: with a warning, after which the connection goes on, or with its end."""
    proxy = start()
    client = subprocess.Popen(
        ["openssl", "s_client", "-tls1_2", "-CAfile", pki("root.pem"), "-servername", "dom1.test",
         "-connect", f"127.0.0.1:{proxy.port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT,
    )  # fmt: skip
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(b"before\n")
    client.stdin.flush()
    heard = b""
    while b"before\n" not in heard:
        heard += client.stdout.read1()  # type: ignore[attr-defined]
    client.stdin.write(b"R\n")  # a command of its own
    client.stdin.flush()
    heard, _ = client.communicate(b"after\n", timeout=TIMEOUT)
    assert b"RENEGOTIATING" in heard
    assert heard.count(b"verify return:") == 0, "there was a second handshake"
    assert is_served(proxy.port)
    now = proxy.wait_for_counts(connections_open=0)
    assert now["handshakes_completed_total"] == 2


# What makes no sense.


@pytest.mark.parametrize(
    "arguments",
    [
        ("--first-byte-timeout", "-1"), ("--handshake-timeout", "0"), ("--hello-size", "0"),
        ("--hello-size", "131401"), ("--max-handshakes", "-1"), ("--max-handshakes", "many"),
        ("--max-handshakes", "1e3"), ("--ipv4-prefix", "33"), ("--ipv6-prefix", "129"),
        ("--send-timeout", "0"), ("--buffered-bytes", "100"), ("--max-connections", "\u0663"),
    ],
)  # fmt: skip
def test_bad_options(script: str, arguments: tuple[str, str]) -> None:
    given = ["--config", script, "--upstream", "tcp:127.0.0.1:9", f"{arguments[0]}={arguments[1]}"]
    with Program("proxy", *given) as program:
        assert program.exit_code() == 2
        assert any(arguments[0] in line for line in program.lines)
