"""Our connections on sockets against ``openssl s_client`` and ``openssl s_server``."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import (
    NAMES,
    client_domain,
    manager_of,
    method_of,
    mutual_domain,
    pki,
    server_domain,
    session_of,
)
from tests.support.programs import SServer, needs, s_client, s_server, version_flag
from tests.support.sockets import (
    TIMEOUT,
    Server,
    close,
    do_handshake,
    receive,
    send,
)
from tlsmgm import AlertError, Connection, TLSManager, TruncatedError, VerificationError

pytestmark = needs("openssl")

CERTIFICATE = ("-cert", pki("good.pem"), "-key", pki("good.key"))
IGNORE_EOF = "-ign_eof"
#: Lengths of the records that `-msg` shows, when blanks are gone.
RECEIVED = re.compile(r"<<<[^\n]*RecordHeader[^\n]*\n\s*[0-9a-f]{6}([0-9a-f]{4})")


def servers(library: str, version: str, *, mutual: bool = False) -> TLSManager:
    make = mutual_domain if mutual else server_domain
    return manager_of(library, *(make(name, method=method_of(version)) for name in NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_server_is_chosen_by_name_and_serves(library: str, version: str, name: str) -> None:
    with Server(servers(library, version)) as server:
        host = f"{name}.test"
        options = ("-servername", host, "-verify_hostname", host, "-brief", IGNORE_EOF)
        done = s_client(server.port, *options, text=b"hello\nquit\n")
    assert done.returncode == 0, done.stdout
    assert f"Protocol version: {version}" in done.stdout
    assert "Verification: OK" in done.stdout
    assert "echo " in done.stdout
    [outcome] = server.outcomes
    assert (outcome.domain, outcome.version, outcome.server_name) == (name, version, host)
    assert outcome.data == b"hello\nquit\n"
    assert outcome.clean


def test_server_sees_its_client_close(library: str, version: str) -> None:
    """s_client ends with its input: it sends close_notify, and we answer."""
    with Server(servers(library, version)) as server:
        done = s_client(server.port, "-servername", "dom1.test", "-brief", text=b"no line")
    assert done.returncode == 0, done.stdout
    [outcome] = server.outcomes
    assert outcome.clean
    assert outcome.data == b"no line"


def test_server_resumes(library: str, version: str, tmp_path: Path) -> None:
    ticket = str(tmp_path / "session.pem")
    manager = servers(library, version)
    with Server(manager) as server:
        common = ("-servername", "dom1.test", IGNORE_EOF)
        first = s_client(server.port, *common, "-sess_out", ticket)
        again = s_client(server.port, *common, "-sess_in", ticket)
    assert [outcome.reused for outcome in server.outcomes] == [False, True]
    assert first.returncode == again.returncode == 0
    assert "New, " in first.stdout
    assert "Reused, " in again.stdout
    # The same ticket under another name is worth nothing.
    with Server(manager) as server:
        s_client(server.port, "-servername", "dom2.test", IGNORE_EOF, "-sess_in", ticket)
    [outcome] = server.outcomes
    assert (outcome.domain, outcome.reused, outcome.error) == ("dom2", False, None)


def test_server_takes_six_connections_of_a_reconnecting_client(library: str) -> None:
    with Server(servers(library, "TLSv1.2")) as server:
        done = s_client(
            server.port, "-servername", "dom1.test", "-reconnect", "-tls1_2", IGNORE_EOF
        )
    assert done.returncode == 0, done.stdout
    assert [outcome.reused for outcome in server.outcomes] == [False] + [True] * 5


def test_server_verifies_its_client(library: str, version: str) -> None:
    with Server(servers(library, version, mutual=True)) as server:
        common = ("-servername", "dom1.test", IGNORE_EOF)
        good = s_client(server.port, *common, *CERTIFICATE)
        none = s_client(server.port, *common)
        expired = ("-cert", pki("expired.pem"), "-key", pki("expired.key"))
        bad = s_client(server.port, *common, *expired)
    assert good.returncode == 0, good.stdout
    outcomes = server.outcomes
    assert outcomes[0].peer == "good client"
    for refused, reason, alert in ((1, "missing", 116), (2, "expired", 45)):
        error = outcomes[refused].error
        assert isinstance(error, VerificationError)
        assert error.reason == reason
        if (version, reason) == ("TLSv1.2", "missing"):
            alert = 40  # RFC 5246 section 7.4.6 knows handshake_failure only
        assert error.alert == alert
        assert f"SSL alert number {alert}" in (none, bad)[refused - 1].stdout


def test_server_refuses_an_unknown_name(library: str, version: str) -> None:
    with Server(servers(library, version)) as server:
        done = s_client(server.port, "-servername", "other.test", version_flag(version))
        nameless = s_client(server.port, "-noservername", version_flag(version))
        good = s_client(server.port, "-servername", "dom1.test", IGNORE_EOF)
    for refused in (done, nameless):
        assert refused.returncode != 0
        assert "SSL alert number 112" in refused.stdout
    assert good.returncode == 0
    assert [outcome.domain for outcome in server.outcomes] == [None, None, "dom1"]


def test_server_refuses_another_version(library: str, version: str) -> None:
    other = {"TLSv1.2": "-tls1_3", "TLSv1.3": "-tls1_2"}[version]
    with Server(servers(library, version)) as server:
        done = s_client(server.port, "-servername", "dom1.test", other)
    assert "SSL alert number 70" in done.stdout
    [outcome] = server.outcomes
    assert outcome.error is not None
    assert outcome.error.alert == 70


def test_server_refuses_renegotiation(library: str) -> None:
    """s_client asks for it with the line ``R``; the connection may end or go on, but not anew."""
    with Server(servers(library, "TLSv1.2")) as server:
        done = s_client(server.port, "-servername", "dom1.test", "-tls1_2", text=b"R\nquit\n")
    assert "RENEGOTIATING" in done.stdout
    assert "no renegotiation" in done.stdout or "alert" in done.stdout, done.stdout
    [outcome] = server.outcomes
    assert (outcome.domain, outcome.data) == ("dom1", b"")


def call(
    library: str, version: str, server: SServer, **options: Any
) -> tuple[Connection, socket.socket]:
    """Connect our client to s_server."""
    domain = client_domain(method=method_of(version), **options.pop("domain", {}))
    conn = manager_of(library, domain).client_connection(
        "client", server_name=options.pop("server_name", "dom1.test"), **options
    )
    sock = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
    return conn, sock


def test_client_talks_and_closes(library: str, version: str) -> None:
    with s_server("dom1", (version_flag(version), "-rev")) as server:
        conn, sock = call(library, version, server)
        with sock:
            do_handshake(conn, sock)
            assert (conn.version, conn.is_peer_verified()) == (version, 1)
            send(conn, sock, b"stressed\n")
            assert receive(conn, sock) == b"desserts\n"
            close(conn, sock)


def test_client_sees_the_server_close(library: str, version: str) -> None:
    with s_server("dom1", (version_flag(version), "-www")) as server:
        conn, sock = call(library, version, server)
        with sock:
            do_handshake(conn, sock)
            send(conn, sock, b"GET / HTTP/1.0\r\n\r\n")
            page = b""
            while data := receive(conn, sock):
                page += data
            assert page.startswith(b"HTTP/1.0 200")
            assert version.encode() in page


def test_client_tells_truncation_from_a_clean_end(library: str, version: str) -> None:
    """The command ``Q`` makes s_server close its socket without close_notify."""
    with s_server("dom1", (version_flag(version),)) as server:
        conn, sock = call(library, version, server)
        with sock:
            do_handshake(conn, sock)
            send(conn, sock, b"good bye\n")
            server.wait_for("good bye")
            server.write(b"Q\n")
            with pytest.raises(TruncatedError):
                receive(conn, sock)


def test_client_resumes(library: str, version: str) -> None:
    domain = client_domain(method=method_of(version))
    manager = manager_of(library, domain)
    session, reused = None, []
    with s_server("dom1", (version_flag(version), "-rev")) as server:
        for _ in range(2):
            conn = manager.client_connection("client", "dom1.test", session)
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as sock:
                do_handshake(conn, sock)
                send(conn, sock, b"ab\n")
                assert receive(conn, sock) == b"ba\n"
                reused.append(conn.session_reused)
                session = session_of(conn)
                close(conn, sock)
    assert reused == [False, True]


def test_client_shows_its_certificate(library: str, version: str) -> None:
    demand = ("-Verify", "3", "-CAfile", pki("root.pem"), "-verify_return_error")
    with s_server("dom1", (version_flag(version), *demand)) as server:
        shown = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
        conn, sock = call(library, version, server, domain=shown)
        with sock:
            do_handshake(conn, sock)
            send(conn, sock, b"hello\n")
            server.wait_for("hello")
        server.wait_for("subject=.*CN ?= ?good client")


def test_client_without_certificate_is_refused(library: str, version: str) -> None:
    demand = ("-Verify", "3", "-CAfile", pki("root.pem"), "-verify_return_error")
    with s_server("dom1", (version_flag(version), *demand)) as server:
        conn, sock = call(library, version, server)

        def talk() -> None:
            do_handshake(conn, sock)
            receive(conn, sock)

        with sock, pytest.raises(AlertError) as caught:
            talk()
        assert caught.value.alert == (40 if version == "TLSv1.2" else 116)


def test_client_refuses_another_name(library: str, version: str) -> None:
    with s_server("dom1", (version_flag(version),)) as server:
        conn, sock = call(library, version, server, server_name="dom2.test")
        with sock, pytest.raises(VerificationError) as caught:
            do_handshake(conn, sock)
        assert caught.value.reason == "name_mismatch"
        server.wait_for(r"SSL alert number \d+")


def test_client_chooses_the_server_by_name(library: str, version: str) -> None:
    second = ("-servername", "dom2.test", "-cert2", pki("dom2.pem"), "-key2", pki("dom2.key"))
    with s_server("dom1", (version_flag(version), "-rev", *second)) as server:
        for name in NAMES:
            conn, sock = call(library, version, server, server_name=f"{name}.test")
            with sock:
                do_handshake(conn, sock)
                assert conn.peer_certificate is not None
                assert conn.peer_certificate.subject_cn == name
                send(conn, sock, b"xy\n")
                assert receive(conn, sock) == b"yx\n"
                close(conn, sock)


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("size", [512, 1024, 2048, 4096])
def test_small_records_for_who_asks(library: str, version: str, size: int, mutual: bool) -> None:
    """Small devices have no room for others (RFC 6066 section 4)."""
    answer = b"x" * 20000 + b"\n"
    manager = servers(library, version, mutual=mutual)
    with Server(manager, lambda data: (answer, True) if data.endswith(b"\n") else None) as server:
        options = ("-servername", "dom1.test", version_flag(version), "-maxfraglen", str(size))
        shown = CERTIFICATE if mutual else ()
        done = s_client(server.port, *options, *shown, "-msg", IGNORE_EOF, text=b"hello\n")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("x") >= 20000
    [outcome] = server.outcomes
    assert outcome.clean
    sizes = [int(found, 16) for found in RECEIVED.findall(done.stdout.replace(" ", ""))]
    assert len(sizes) > 20000 // size
    assert max(sizes) <= size + 24  # of explicit nonce and tag, or of tag and type
