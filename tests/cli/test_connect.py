"""The command connect, against Python's ssl."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.proxy import (
    TIMEOUT,
    Upstream,
    client_domain,
    pki,
    server_context,
    write_script,
)
from tests.support.tls_sockets import wrap


@contextlib.contextmanager
def serving(context: ssl.SSLContext) -> Iterator[str]:
    """Take one connection, and answer the client's close."""

    def serve() -> None:
        with (
            contextlib.suppress(OSError),
            upstream.accept() as sock,
            wrap(context, sock, server_side=True) as tls,
        ):
            while tls.recv(1000):
                pass

    with Upstream() as upstream:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{upstream.port}"
        finally:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", upstream.port), 0.2).close()
            thread.join(TIMEOUT)


def test_good(library: str, run: Run) -> None:
    with serving(server_context("dom1", alpn=["sip", "h2"])) as address:
        code, out, err = run(
            "connect", address, "--ca-file", pki("root.pem"), "--server-name", "dom1.test",
            "--alpn", "h2,sip", "--library", library,
        )  # fmt: skip
    assert (code, err) == (0, "")
    facts = dict(line.strip().split(None, 1) for line in out.splitlines()[1:])
    assert out.startswith(f"connected to {address}")
    assert facts["version"] == "TLSv1.3"
    assert facts["alpn"] == "sip"
    assert facts["verified"] == "yes"
    assert facts["subject"] == "/O=Oracle/CN=dom1"
    assert facts["names"] == "dom1.test"


def test_json_and_method(library: str, run: Run) -> None:
    with serving(server_context("dom1")) as address:
        code, out, _ = run(
            "connect", address, "--ca-file", pki("root.pem"), "--server-name", "dom1.test",
            "--tls-method", "TLSv1_2", "--library", library, "--json",
        )  # fmt: skip
    report = json.loads(out)
    assert code == 0
    assert report["ok"] is True
    assert report["version"] == "TLSv1.2"
    assert report["verified"] is True
    assert report["address"] == address
    assert report["cipher_bits"] >= 128
    assert report["chain"][0]["not_after"] == "2044-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "server_name", "reason"),
    [
        ("dom1", "dom2.test", "name_mismatch"),
        ("selfsigned", "dom1.test", None),
        ("expired", "dom1.test", None),
    ],
)
def test_bad_certificate(
    library: str, name: str, server_name: str, reason: str | None, run: Run
) -> None:
    with serving(server_context(name)) as address:
        code, out, _ = run(
            "connect", address, "--ca-file", pki("root.pem"), "--server-name", server_name,
            "--library", library, "--json",
        )  # fmt: skip
    report = json.loads(out)
    assert code == 1
    assert report["ok"] is False
    assert report["verified"] is False
    assert report["error"]
    assert report["reason"]
    if reason:
        assert report["reason"] == reason


def test_no_verification_is_said_out_loud(library: str, run: Run) -> None:
    with serving(server_context("selfsigned")) as address:
        code, out, _ = run("connect", address, "--danger-no-verify", "--library", library)
    assert code == 0
    assert "NO: nothing was verified" in out


def test_domain_of_a_script(library: str, tmp_path: Path, run: Run) -> None:
    context = server_context("dom1")
    context.load_verify_locations(pki("root.pem"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_mode = ssl.CERT_REQUIRED
    good = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
    script = write_script(tmp_path / "c", client_domain("bare"), client_domain("out", **good))
    for domain, expected in (("out", 0), ("bare", 1)):
        with serving(context) as address:
            code, out, _ = run(
                "connect", address, "--config", script, "--domain", domain,
                "--server-name", "dom1.test", "--library", library,
            )  # fmt: skip
        assert code == expected, out


def test_nobody_there(run: Run) -> None:
    with Upstream() as gone:
        port = gone.port
    code, out, _ = run("connect", f"127.0.0.1:{port}", "--danger-no-verify")
    assert code == 1
    assert "Connection refused" in out


def test_silent_server(run: Run) -> None:
    with Upstream() as silent:
        code, out, _ = run(
            "connect", f"127.0.0.1:{silent.port}", "--danger-no-verify", "--timeout", "0.3"
        )
    assert code == 1
    assert "within 0.3 seconds" in out


def test_no_tls_server(library: str, run: Run) -> None:
    with Upstream() as upstream:

        def serve() -> None:
            with upstream.accept() as sock:
                sock.sendall(b"220 mail.test ESMTP\r\n")
                sock.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        code, out, _ = run(
            "connect", f"127.0.0.1:{upstream.port}", "--danger-no-verify", "--library", library
        )
        thread.join(TIMEOUT)
    assert code == 1
    assert "no connection" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["localhost"],
        ["localhost:0"],
        ["localhost:1", "--config", "x"],
        ["localhost:1", "--ca-file", "a", "--danger-no-verify"],
        ["localhost:1", "--ca-file", "/no/such/file"],
        ["localhost:1", "--danger-no-verify", "--tls-method", "TLSv9"],
        ["localhost:1", "--danger-no-verify", "--timeout", "0"],
    ],
)
def test_usage(arguments: list[str], run: Run) -> None:
    code, out, err = run("connect", *arguments)
    assert (code, out) == (2, "")
    assert "error: " in err
