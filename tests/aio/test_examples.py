"""The examples with aiohttp and uvicorn: two names, two certificates, and new ones by a signal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.managers import pki
from tests.support.proxy import TIMEOUT, client_context
from tests.support.tls_sockets import wrap

ROOT = Path(__file__).resolve().parents[2]

DOMAIN = """
[server.{name}]
match_sip_domain = ["{name}.test"]
certificate = "{name}.pem"
private_key = "{name}.key"
verify_cert = false
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The domains ``dom1`` and ``dom2``, with their files beside them."""
    for name in ("dom1", "dom2"):
        for ending in ("pem", "key"):
            shutil.copy(pki(f"{name}.{ending}"), tmp_path)
    (tmp_path / "domains.toml").write_text("".join(DOMAIN.format(name=n) for n in ("dom1", "dom2")))
    return tmp_path


@contextlib.contextmanager
def running(
    framework: str, folder: Path, library: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    pytest.importorskip(framework)
    config = folder / "domains.toml"
    program = str(ROOT / "examples" / f"{framework}_two_certificates.py")
    process = subprocess.Popen(
        [sys.executable, program, str(config), "127.0.0.1", "0", "--library", library],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            match = re.fullmatch(r"listening on \S+:(\d+)\n", process.stdout.readline())
            assert match
            yield process, int(match[1])
        finally:
            process.terminate()


def ask(port: int, name: str) -> tuple[str, bytes]:
    """Return the answer, and the certificate that was shown."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    context = client_context()
    context.check_hostname = False  # which certificate comes is looked at below
    with wrap(context, sock, server_hostname=name) as secure:
        secure.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := secure.recv(65536):
            answer += data
        certificate = secure.getpeercert(binary_form=True)
    assert certificate is not None
    return answer.decode().rpartition("\r\n\r\n")[2], certificate


@pytest.mark.parametrize(
    ("framework", "words"),
    [
        ("aiohttp", "{0}.test is served by the domain {0}\n"),
        ("uvicorn", "{0}.test is served by uvicorn\n"),
    ],
)
def test_two_certificates_and_new_ones(
    framework: str, words: str, folder: Path, library: str
) -> None:
    with running(framework, folder, library) as (process, port):
        shown = {}
        for name in ("dom1", "dom2"):
            answer, shown[name] = ask(port, f"{name}.test")
            assert answer == words.format(name)
        assert shown["dom1"] != shown["dom2"]
        for ending in ("pem", "key"):
            shutil.copy(pki(f"dom2.{ending}"), folder / f"dom1.{ending}")
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert process.stdout.readline() == "renewed: dom1\n"
        assert ask(port, "dom1.test")[1] == shown["dom2"]
        (folder / "dom1.key").write_text("no key\n")
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline().startswith("nothing was changed: ")
        assert ask(port, "dom2.test")[0] == words.format("dom2")
