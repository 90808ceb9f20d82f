"""Deadlines, signals, hostile clients, and what happens at the start."""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import signal
import socket
import ssl
import struct
import sys
from pathlib import Path

import pytest

from tests.support.pki import Authority, write_ca_dir
from tests.support.ports import free_ports, is_listening
from tests.support.proxy import (
    ROOT,
    TIMEOUT,
    Program,
    Proxy,
    Upstream,
    client_context,
    client_domain,
    connect,
    ends_uncleanly,
    linked,
    pki,
    read_exactly,
    read_to_end,
    reset,
    server_domain,
    write_script,
)
from tests.support.tls_sockets import wrap

ALERT = 21


def talk(port: int, data: bytes) -> bytes:
    """Send bytes that are no TLS, and read what comes back."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        sock.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            return read_to_end(sock)
    return b""


def works(proxy: Proxy, upstream: Upstream, name: str | None = "dom1.test") -> None:
    with connect(proxy.port, name) as client, upstream.accept() as server:
        client.sendall(b"ping")
        assert read_exactly(server, 4) == b"ping"


# Deadlines.


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"])
def test_handshake_deadline(library: str, sent: bytes, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address, "--handshake-timeout", "0.3") as proxy:
        assert talk(proxy.port, sent) == b""
        assert "status=handshake-timeout" in proxy.log_line()
        works(proxy, upstream)


def test_idle_deadline(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address, "--idle-timeout", "0.4") as proxy,
        linked(proxy, upstream) as (client, server),
    ):
        client.sendall(b"x")
        assert read_exactly(server, 1) == b"x"
        assert ends_uncleanly(client)
        assert ends_uncleanly(server)
        assert "status=idle-timeout" in proxy.log_line()


def test_connect_deadline(library: str, script: str) -> None:
    """An upstream that takes connections and never shakes hands."""
    with Upstream() as upstream:
        lines = Path(script).read_text(encoding="utf-8").splitlines() + client_domain("out")
        Path(script).write_text("\n".join(lines), encoding="utf-8")
        target = f"tls:127.0.0.1:{upstream.port}"
        with Proxy(script, library, target, "--connect-timeout", "0.3") as proxy:
            with connect(proxy.port) as client:
                assert ends_uncleanly(client)
            assert "status=upstream-timeout" in proxy.log_line()


# Signals.


def test_sigterm_drains(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (client, server),
    ):
        client.sendall(b"before")
        assert read_exactly(server, 6) == b"before"
        proxy.signal(signal.SIGTERM)
        proxy.wait_for("1 connections are open")
        assert not is_listening(proxy.port)
        client.sendall(b"after")
        assert read_exactly(server, 5) == b"after"
        server.sendall(b"answer")
        server.close()
        assert read_exactly(client, 6) == b"answer"
        client.unwrap()
        assert proxy.exit_code() == 0
        assert "status=ok" in proxy.log_line()


@pytest.mark.parametrize("second_signal", [False, True])
def test_sigterm_closes_what_does_not_end(
    library: str, second_signal: bool, script: str, upstream: Upstream
) -> None:
    patience = "60" if second_signal else "0.2"
    with (
        Proxy(script, library, upstream.address, "--drain-timeout", patience) as proxy,
        linked(proxy, upstream) as (client, server),
    ):
        proxy.signal(signal.SIGTERM)
        proxy.wait_for("1 connections are open")
        if second_signal:
            proxy.signal(signal.SIGINT)
        assert ends_uncleanly(client)
        assert ends_uncleanly(server)
        assert proxy.exit_code() == 0
        assert "status=drained" in proxy.log_line()


def test_sigterm_with_a_silent_client(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address, "--drain-timeout", "0") as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as silent,
    ):
        works(proxy, upstream)
        proxy.signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionResetError):
            assert silent.recv(10) == b""
        assert proxy.exit_code() == 0


def test_reload(library: str, tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "opensips.cfg"
    write_script(path, server_domain("dom1"))
    with Proxy(str(path), library, upstream.address) as proxy:
        with linked(proxy, upstream) as (client, server):
            # Good: new connections get the new domain, old ones go on.
            write_script(path, server_domain("dom2"), server_domain("dom3", match_sip_domain="x"))
            proxy.signal(signal.SIGHUP)
            report = proxy.wait_for(r"reloaded: (.*)")[0][1]
            assert "dom2" in report
            works(proxy, upstream, "dom2.test")
            client.sendall(b"still here")
            assert read_exactly(server, 10) == b"still here"
        # Bad: nothing changes.
        write_script(path, server_domain("dom1", certificate="/no/such/file"))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for(r"reload failed, nothing was changed: .*dom1.*certificate")
        works(proxy, upstream, "dom2.test")
        path.write_text('modparam("tls_mgm", "server_domain", ""', encoding="utf-8")
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reload failed, nothing was changed", 2)
        works(proxy, upstream, "dom2.test")
        # Sockets stay as they are, and that is said.
        write_script(path, server_domain("dom2"), ["socket=tls:127.0.0.1:5061"])
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("sockets of the script have changed")
        works(proxy, upstream, "dom2.test")


class Pipe:
    """A pipe that is full and whose writer sleeps: whoever reads it to its end waits."""

    def __init__(self) -> None:
        self.here, self.there = os.pipe()
        os.set_blocking(self.there, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.there, bytes(4096))

    @property
    def path(self) -> str:
        return f"/dev/fd/{self.here}"

    def wait_for_reader(self) -> None:
        """Wait until somebody has begun to read."""
        assert select.select([], [self.there], [], TIMEOUT)[1]

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.here)
        os.close(self.there)


@pytest.mark.parametrize("by", ["signal", "management"])
def test_sigterm_in_a_reload_that_stalls(
    library: str, tmp_path: Path, upstream: Upstream, by: str
) -> None:
    """A file that does not answer costs the reload, never the service and never its end."""
    path = tmp_path / "opensips.cfg"
    write_script(path, server_domain("dom1"))
    with (
        contextlib.ExitStack() as stack,
        Pipe() as pipe,
        Proxy(
            *(str(path), library, upstream.address, "--mi", f"unix:{tmp_path}/mi"),
            descriptors=[pipe.here],
        ) as proxy,
    ):
        write_script(path, server_domain("dom1", ca_list=pipe.path), server_domain("dom2"))
        asking: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if by == "signal":
            proxy.signal(signal.SIGHUP)
        else:
            asking = Program("reload", "--mi", f"unix:{tmp_path}/mi")
        stack.enter_context(asking)
        pipe.wait_for_reader()
        works(proxy, upstream)
        proxy.signal(signal.SIGHUP)  # a second one waits for the first
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
        proxy.wait_for("reload failed, nothing was changed: .*the program ends")
        assert not any("does not answer" in line for line in proxy.lines)


def test_a_fifo_in_the_script(library: str, tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "opensips.cfg"
    write_script(path, server_domain("dom1"))
    os.mkfifo(tmp_path / "fifo")
    with Proxy(str(path), library, upstream.address) as proxy:
        write_script(path, server_domain("dom1", private_key=str(tmp_path / "fifo")))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reload failed, nothing was changed: .*dom1.*private_key.*FIFO")
        works(proxy, upstream)
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0


def test_what_is_passed_over_is_logged(library: str, tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "opensips.cfg"
    folder = Path(write_ca_dir(tmp_path / "cas", Authority()))
    (folder / "01234567.0").symlink_to("gone")
    write_script(path, server_domain("dom1"))
    with Proxy(str(path), library, upstream.address) as proxy:
        write_script(path, server_domain("dom1", ca_dir=str(folder)))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for(r"WARNING domain 'dom1': parameter 'ca_dir': passed over: .*01234567\.0: ")
    with Proxy(str(path), library, upstream.address) as proxy:
        proxy.wait_for(r"WARNING domain 'dom1': parameter 'ca_dir': passed over: .*01234567\.0: ")


# Hostile clients.


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x00" * 5000,
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff" + b"\xff" * 100,
        b"\x16\x03\x01\xff\xff" + b"\x01" * 3000,
        b"\x80\x2e\x01\x03\x01" + bytes(60),
    ],
)
def test_garbage_gets_an_alert(library: str, data: bytes, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address) as proxy:
        answer = talk(proxy.port, data)
        assert len(answer) == 7
        assert answer[0] == ALERT
        assert answer[5] == 2
        assert "status=handshake-failed" in proxy.log_line()
        works(proxy, upstream)


def test_unknown_name_gets_alert_112(library: str, tmp_path: Path, upstream: Upstream) -> None:
    script = write_script(tmp_path / "c", server_domain("dom1", match_sip_domain="dom1.test"))
    with Proxy(script, library, upstream.address) as proxy:
        for name in ("dom9.test", None):
            with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized[_ ]name"):
                connect(proxy.port, name)
        assert "status=no-domain" in proxy.log_line(1)
        assert "sni=dom9.test" in proxy.log_line(1)
        works(proxy, upstream)


def test_client_without_certificate_is_refused(
    library: str, tmp_path: Path, upstream: Upstream
) -> None:
    domain = server_domain("dom1", verify_cert=1, require_cert=1, ca_list=pki("root.pem"))
    script = write_script(tmp_path / "c", domain)
    with Proxy(script, library, upstream.address) as proxy:
        with pytest.raises(ssl.SSLError), connect(proxy.port) as client:
            client.recv(10)
        assert "status=handshake-failed" in proxy.log_line()
        with connect(proxy.port, certificate=(pki("good.pem"), pki("good.key"))) as client:
            with upstream.accept() as server:
                client.sendall(b"ok")
                assert read_exactly(server, 2) == b"ok"
            client.close()
        line = proxy.log_line(2)
        assert 'peer="good client" verified=1' in line


def test_tampered_record(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream) as (client, server),
        socket.socket(fileno=client.detach()) as raw,
    ):
        raw.sendall(struct.pack("!BHH", 23, 0x0303, 100) + bytes(100))
        with pytest.raises(ConnectionResetError):
            read_to_end(server)
        raw.close()
        assert "status=client-error" in proxy.log_line()


def test_too_many_connections(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address, "--max-connections", "1") as proxy,
        linked(proxy, upstream) as (client, server),
    ):
        with pytest.raises((ConnectionError, ssl.SSLError)):
            connect(proxy.port)
        proxy.wait_for("more are turned away")
        client.sendall(b"x")
        assert read_exactly(server, 1) == b"x"


def test_crowd_of_hostile_clients(library: str, script: str, upstream: Upstream) -> None:
    """Whatever they do, nothing is left of them in the end."""
    draw = random.Random(library)
    # Whom a limit turns away gets no line of his own in the log.
    options = ("--handshake-timeout", "1", "--max-handshakes-per-network", "1000")
    with Proxy(script, library, upstream.address, *options) as proxy:
        works(proxy, upstream)
        for number in range(200):
            with socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as sock:
                if number % 3 == 0:
                    sock.sendall(draw.randbytes(draw.randrange(1, 3000)))
                elif number % 3 == 1:
                    sock.sendall(mutated_hello(draw))
                if number % 2 == 0:
                    reset(sock)
        proxy.log_line(201)
        works(proxy, upstream)
        proxy.log_line(202)
        assert len(os.listdir(f"/proc/{proxy.process.pid}/fd")) < 20
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0


def mutated_hello(draw: random.Random) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing, server_hostname="dom1.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = bytearray(outgoing.read())
    for _ in range(draw.randrange(1, 5)):
        hello[draw.randrange(len(hello))] = draw.randrange(256)
    return bytes(hello[: draw.randrange(len(hello))] if draw.random() < 0.3 else hello)


# The start.


def refused(*arguments: str) -> str:
    """Start a proxy that must not start; return what it says."""
    with Program("proxy", *arguments) as program:
        assert program.exit_code() == 2
        return "\n".join(program.lines)


def test_sockets_of_the_script(library: str, tmp_path: Path, upstream: Upstream) -> None:
    ports = free_ports(2)
    script = write_script(
        tmp_path / "c",
        [f"socket=tls:127.0.0.1:{ports[0]}", f"socket=udp:127.0.0.1:{ports[0]}"],
        [f"socket=tls:127.0.0.1:{ports[1]}"],
        server_domain("dom1", match_ip_address=f"127.0.0.1:{ports[0]}"),
        server_domain("dom2", match_ip_address=f"127.0.0.1:{ports[1]}"),
    )
    arguments = ["--config", script, "--library", library, "--upstream", upstream.address]
    with Program("proxy", *arguments) as program:
        program.wait_for(r"listening on tls:", 2)
        for port, name in zip(ports, ("dom1.test", "dom2.test"), strict=True):
            with connect(port, name) as client, upstream.accept() as server:
                server.sendall(b"x")
                assert read_exactly(client, 1) == b"x"


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="addresses come from Linux")
def test_ports_of_an_interface(library: str, tmp_path: Path, upstream: Upstream) -> None:
    """A script may name the interface and a range; IPv4 and IPv6 are served."""
    port = next(port for port in free_ports(50) if can_listen(port + 1))
    script = write_script(
        tmp_path / "c", [f"socket=tls:lo:{port}-{port + 1}"], server_domain("dom1")
    )
    arguments = ["--config", script, "--library", library, "--upstream", upstream.address]
    addresses = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
    with Program("proxy", *arguments) as program:
        program.wait_for(r"listening on tls:", 2 * len(addresses))
        for address in addresses:
            for number in (port, port + 1):
                sock = socket.create_connection((address, number), TIMEOUT)
                with (
                    wrap(client_context(), sock, server_hostname="dom1.test") as client,
                    upstream.accept() as server,
                ):
                    server.sendall(b"x")
                    assert read_exactly(client, 1) == b"x"


def can_listen(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("", port)):
        return True
    return False


@pytest.mark.parametrize("host", ["[::1]", "*", "* by IPv6", "localhost"])
def test_other_addresses(library: str, host: str, tmp_path: Path, upstream: Upstream) -> None:
    """The domain is that of the address that the client has connected to."""
    by_ipv6 = host == "[::1]" or host.endswith("IPv6")
    if by_ipv6 and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    host = host.partition(" ")[0]
    (port,) = free_ports(1)
    script = write_script(
        tmp_path / "c",
        server_domain("dom1", match_ip_address=f"127.0.0.1:{port}, [::1]:{port}"),
        server_domain("dom2"),
    )
    arguments = ["--config", script, "--library", library, "--upstream", upstream.address]
    with Program("proxy", *arguments, "--listen", f"tls:{host}:{port}") as program:
        program.wait_for(r"listening on tls:")
        context = client_context()
        address = "::1" if by_ipv6 else "127.0.0.1"
        sock = socket.create_connection((address, port), TIMEOUT)
        with (
            wrap(context, sock, server_hostname="dom1.test") as client,
            upstream.accept() as server,
        ):
            server.sendall(b"x")
            assert read_exactly(client, 1) == b"x"


def test_third_socket_is_taken(library: str, script: str) -> None:
    first, second = free_ports(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        third = taken.getsockname()[1]
        listens = [
            word
            for port in (first, second, third)
            for word in ("--listen", f"tls:127.0.0.1:{port}")
        ]
        text = refused(
            "--config", script, "--library", library, "--upstream", "tcp:127.0.0.1:9", *listens
        )
    assert f"cannot listen on tls:127.0.0.1:{third}: Address already in use" in text
    assert "Traceback" not in text
    assert "listening on" not in text


def test_bad_certificate_file(library: str, tmp_path: Path) -> None:
    script = write_script(tmp_path / "c", server_domain("dom1", certificate="/no/such/file"))
    text = refused(
        "--config", script, "--library", library, "--upstream", "tcp:127.0.0.1:9",
        "--listen", "tls:127.0.0.1:0",
    )  # fmt: skip
    assert re.search(r"c:\d+: domain 'dom1': parameter 'certificate': .*/no/such/file", text)
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--upstream", "udp:127.0.0.1:9"], "bad address 'udp:127.0.0.1:9'"),
        (["--upstream", "tcp:127.0.0.1:0"], "cannot connect"),
        (["--upstream", "tcp:127.0.0.1"], "bad address"),
        (["--upstream", "tcp:127.0.0.1:9", "--listen", "tcp:127.0.0.1:0"], "neither"),
        (["--upstream", "tcp:127.0.0.1:9", "--listen", "tls:nowhere:0"], "cannot listen"),
        (["--upstream", "tcp:127.0.0.1:9"], "no TLS socket"),
        (["--upstream", "tls:127.0.0.1:9", "--listen", "tls:127.0.0.1:0"], "no client domain"),
        (
            ["--upstream", "tls:h:9", "--listen", "tls:127.0.0.1:0", "--upstream-domain", "x"],
            "no client domain 'x'",
        ),
        (
            ["--upstream", "tls:h:9", "--listen", "tls:127.0.0.1:0", "--sip-domain", "x"],
            "client_sip_domain_avp",
        ),
        (["--upstream", "tcp:h:9", "--server-name", "x"], "of no use"),
        (["--upstream", "tcp:h:9", "--idle-timeout", "nan"], "idle-timeout"),
        (["--upstream", "tcp:h:9", "--idle-timeout", "-1"], "idle-timeout"),
        (["--upstream", "tcp:h:9", "--library", "nss"], "nss"),
        (["--upstream", "tcp:h:9", "--library", "none", "--listen", "tls:[::1]:0"], "library"),
        (
            ["--upstream", "tcp:h:9", "--listen", "tls:[::1]:0", "--access-log-format", "$nope"],
            "unknown name '$nope'",
        ),
        (
            ["--upstream", "tcp:h:9", "--listen", "tls:[::1]:0", "--access-log", "/no/dir/f"],
            "cannot write '/no/dir/f'",
        ),
    ],
)
def test_bad_arguments(arguments: list[str], expected: str, script: str) -> None:
    library = [] if "--library" in arguments else ["--library", "auto"]
    text = refused("--config", script, *arguments, *library)
    assert expected in text
    assert "Traceback" not in text
    assert "listening on" not in text


def test_missing_script() -> None:
    text = refused("--config", f"{ROOT}/no-such-file", "--upstream", "tcp:127.0.0.1:9")
    assert "no-such-file" in text
    assert "Traceback" not in text
