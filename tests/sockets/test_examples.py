"""The examples that are made of blocking sockets: a mail server and a SIP server."""

from __future__ import annotations

import signal
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sockets.talk import other_context
from tests.support.libraries import LIBRARIES, installed
from tests.support.programs import needs
from tests.support.proxy import (
    ROOT,
    Program,
    Proxy,
    client_context,
    client_domain,
    connect,
    pki,
    server_domain,
    write_script,
)
from tests.support.scripts import Site
from tests.support.sipp import sipp_options
from tests.support.sockets import TIMEOUT
from tests.support.tls_sockets import wrap


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    """The server's; each program runs once for all tests."""
    return installed(request.param)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, library: str) -> str:
    """With two domains, of which the second asks for certificates."""
    site = Site(tmp_path_factory.mktemp("site"), library)
    demands: dict[str, str | int] = {"verify_cert": 1, "require_cert": 0}
    site.write(
        server_domain("dom1", match_sip_domain="dom1.test"),
        server_domain("dom2", match_sip_domain="dom2.test", ca_list=pki("root.pem"), **demands),
    )
    return str(site.script)


# --- STARTTLS ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mail(config: str) -> Iterator[tuple[Program, int]]:
    """The mail server, and its port."""
    with Program(
        config, "127.0.0.1", "0", file=ROOT / "examples" / "starttls_server.py"
    ) as program:
        yield program, int(program.wait_for(r"listening on 127\.0\.0\.1:(\d+)")[0][1])


class Client(smtplib.SMTP):
    """Python's own client, which sends another name than it connects to."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT)
        self._host = name


@pytest.mark.parametrize("name", ["dom1.test", "dom2.test"])
def test_a_mail(mail: tuple[Program, int], version: str, name: str) -> None:
    program, port = mail
    context = client_context(version=other_context(version).minimum_version)
    with Client(port, name) as client:
        assert client.ehlo()[0] == 250
        assert client.has_extn("starttls")
        assert client.mail("me@dom1.test")[0] == 530
        assert client.starttls(context=context)[0] == 220
        assert client.ehlo()[0] == 250
        assert not client.has_extn("starttls")
        text = "Subject: hello\r\n\r\n" + ".dots\r\n" * 10_000
        assert client.sendmail("me@dom1.test", ["a@dom1.test", "b@dom1.test"], text) == {}
    program.wait_for(rf"127\.0\.0\.1: {version}, .*, peer <null>")
    program.wait_for(r"\d{5} bytes from '<me@dom1\.test>'.*b@dom1\.test")


def test_nothing_may_follow_starttls(mail: tuple[Program, int]) -> None:
    """What is injected in the clear is not obeyed, and there is no TLS for who sends it."""
    program, port = mail
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        file = sock.makefile("rb")
        assert file.readline().startswith(b"220 ")
        sock.sendall(b"EHLO me\r\nSTARTTLS\r\nRSET\r\n")
        replies = file.read()
    assert replies.splitlines()[-1].startswith(b"501 ")
    assert b"\n220" not in replies
    program.wait_for("has sent data behind STARTTLS")


def test_what_was_said_in_the_clear_is_forgotten(mail: tuple[Program, int]) -> None:
    _, port = mail
    with Client(port, "dom1.test") as client:
        client.ehlo()
        client.starttls(context=client_context())
        assert client.docmd("DATA")[0] == 503
        assert client.docmd("STARTTLS")[0] == 503


def test_tls_must_begin_as_it_should(mail: tuple[Program, int]) -> None:
    program, port = mail
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        file = sock.makefile("rb")
        sock.sendall(b"STARTTLS\r\n")
        assert [file.readline()[:3] for _ in range(2)] == [b"220", b"220"]
        sock.sendall(b"RSET\r\n")
        file.read()
    program.wait_for("ProtocolError")


def test_nobody_has_this_name(mail: tuple[Program, int]) -> None:
    program, port = mail
    client = Client(port, "other.test")
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized"):
        client.starttls(context=client_context())
    client.close()
    program.wait_for("NoDomainError")


# --- SIP -----------------------------------------------------------------------------------

OPTIONS = (
    "OPTIONS sip:dom1.test SIP/2.0\r\nv: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1\r\n"
    "Via: SIP/2.0/TCP far.test;branch=z9hG4bK0\r\nf: <sip:me@dom1.test>;tag=1\r\n"
    "t: <sip:dom1.test>\r\ni: call-{number}\r\nCSeq: 1 OPTIONS\r\nSubject: it\r\n goes on\r\n"
    "Content-Length: {size}\r\n\r\n"
)


@pytest.fixture(scope="module")
def sip(config: str) -> Iterator[tuple[Program, int]]:
    """The SIP server, and its port."""
    example = ROOT / "examples" / "sip_responder.py"
    with Program(config, "tls:127.0.0.1:0", file=example) as program:
        yield program, int(program.wait_for(r"listening on tls:127\.0\.0\.1:(\d+)")[0][1])
        program.signal(signal.SIGTERM)
        assert program.exit_code() == 0


def options(number: int, size: int = 0) -> bytes:
    """Return a request with a body."""
    return OPTIONS.format(number=number, size=size).encode() + b"x" * size


def test_options(sip: tuple[Program, int]) -> None:
    """Bodies, empty lines in between, and requests that come in pieces, or several at once."""
    program, port = sip
    identity = (pki("good.pem"), pki("good.key"))
    with connect(port, "dom2.test", certificate=identity) as client, client.makefile("rb") as file:
        client.sendall(options(1, 100) + b"\r\n\r\n" + options(2) + options(3)[:50])
        client.sendall(options(3)[50:])
        for number in range(1, 4):
            lines = list(iter(file.readline, b"\r\n"))
            assert lines[0] == b"SIP/2.0 200 OK\r\n"
            assert lines[1:3] == [
                b"Via: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1\r\n",
                b"Via: SIP/2.0/TCP far.test;branch=z9hG4bK0\r\n",
            ]
            assert b"Call-Id: call-%d\r\n" % number in lines
            assert any(line.startswith(b"To: <sip:dom1.test>;tag=") for line in lines)
            assert lines[-1] == b"Content-Length: 0\r\n"
        client.sendall(options(4).replace(b"OPTIONS", b"INVITE"))
        assert file.readline() == b"SIP/2.0 405 Method Not Allowed\r\n"
    program.wait_for(r"OPTIONS 200 OK \('TLSv1\.3 256 bits, peer good.*, verified 1'\)", 3)


@pytest.mark.parametrize(
    "request_",
    [
        options(1).replace(b"Content-Length", b"Content-Size"),
        options(1).replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 5"),
        options(1).replace(b"Content-Length: 0", b"Content-Length: +5"),
        options(1).replace(b"Content-Length: 0", b"Content-Length: 99999999"),
        options(1).replace(b"Subject: it", b"Subject: " + b"x" * 9000),
        options(1).replace(b"Subject: it", b"Subject: it\r\nA: b" * 10_000),
        options(1).replace(b"t: <sip", b"t: \x07<sip"),
        options(1).replace(b"Subject: it", b"no header"),
        options(1).replace(b"SIP/2.0\r\nv", b"SIP/9.0\r\nv"),
        b"GET / HTTP/1.1\r\nHost: dom1.test\r\n\r\n",
    ],
    ids=["no size", "two sizes", "no number", "large", "long", "head", "control", "name", "version",
         "http"],
)  # fmt: skip
def test_what_cannot_be_read(sip: tuple[Program, int], request_: bytes) -> None:
    """It is told once, and that is the end."""
    _, port = sip
    with connect(port) as client:
        client.sendall(request_)
        with client.makefile("rb") as file:
            assert file.readline() == b"SIP/2.0 400 Bad Request\r\n"
            assert file.read() == b"Allow: OPTIONS\r\nContent-Length: 0\r\n\r\n"


def test_many_clients(sip: tuple[Program, int]) -> None:
    program, port = sip
    clients = [connect(port) for _ in range(50)]
    for client in clients:
        client.sendall(options(1))
    for client in clients:
        with client:
            assert client.recv(14) == b"SIP/2.0 200 OK"
    program.wait_for("OPTIONS 200 OK", 50)


@needs("sipp")
def test_sipp(sip: tuple[Program, int], library: str, tmp_path: Path) -> None:
    """It speaks no TLS here, so our proxy does."""
    program, port = sip
    (tmp_path / "proxy").mkdir()
    script = write_script(
        tmp_path / "proxy" / "opensips.cfg", client_domain("out", ca_list=pki("root.pem"))
    )
    upstream = f"tls:127.0.0.1:{port}"
    more = ("--server-name", "dom1.test")
    with Proxy(script, library, upstream, *more, listen=["tcp:127.0.0.1:0"]) as proxy:
        done = sipp_options(proxy.port, 20, tmp_path)
        assert done.returncode == 0, done.stdout
    program.wait_for("OPTIONS 200 OK", 20)


def test_openssl_asks(sip: tuple[Program, int]) -> None:
    _, port = sip
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "dom1.test",
         "-quiet", "-no_ign_eof"],
        input=options(1), capture_output=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0


def test_wrapping_python(sip: tuple[Program, int], version: str) -> None:
    """Each version."""
    _, port = sip
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    with wrap(other_context(version), sock, server_hostname="dom1.test") as client:
        client.sendall(options(1))
        assert client.recv(14) == b"SIP/2.0 200 OK"
