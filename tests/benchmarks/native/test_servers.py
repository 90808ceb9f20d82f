"""The servers in C: what they refuse, and how they end; the rest is in cohort/test_loopback.py."""

from __future__ import annotations

import signal
import socket
import subprocess
from typing import Any

import pytest

from benchmarks.cohort.loopback import free_port
from benchmarks.native.build import build
from benchmarks.native.worker import words_of
from tests.benchmarks.native.conftest import Files

TIMEOUT = 60
SERVERS = ("engine", "plain-relay")


def command(library: str, server: str, files: Files, **words: Any) -> list[str]:
    base: dict[str, Any] = {"port": free_port(), "upstream": 1, "tickets": True}
    base |= files.server()
    del base["ca"]  # of clients
    return [str(build(library, server)), *words_of(base | words)]


def refused(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"port": 65536}, "port"),
        ({"upstream": 0}, "upstream"),
        ({"backlog": 0}, "backlog"),
        ({"surprise": 1}, "surprise"),
        ({"version": "1.1"}, "version=1.1"),
        ({"mutual": True}, "mutual=yes needs"),
        ({"certificate": "/nowhere.pem"}, "server context|certificate"),
        ({"cipher": "NOTHING"}, "server context|cipher"),
    ],
)
def test_words_that_make_no_sense(
    library: str, server: str, files: Files, words: dict[str, Any], complaint: str
) -> None:
    said = refused(command(library, server, files, **words))
    assert any(part in said for part in complaint.split("|"))


@pytest.mark.parametrize("server", SERVERS)
def test_both_ports_are_wanted(library: str, server: str) -> None:
    program = str(build(library, server))
    assert refused([program]) == "port is missing\n"
    assert refused([program, "port=1"]) == "upstream is missing\n"


@pytest.mark.parametrize("server", SERVERS)
def test_a_port_that_is_taken(library: str, server: str, files: Files) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(command(library, server, files, port=taken.getsockname()[1]))
    assert "in use" in said


def test_the_engine_ends_in_order(library: str, files: Files) -> None:
    port = free_port()
    process = subprocess.Popen(command(library, "engine", files, port=port), stderr=subprocess.PIPE)
    try:
        client = _connect(process, port)
        process.terminate()
        _, said = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
        assert said == b""
        with client, pytest.raises(ConnectionError):  # whoever is there is reset
            assert client.recv(1) == b"x"
    finally:
        process.kill()
        process.wait()


def test_the_engine_sets_marks(library: str, files: Files) -> None:
    port = free_port()
    process = subprocess.Popen(command(library, "engine", files, port=port), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        with _connect(process, port):
            for _ in range(2):
                process.send_signal(signal.SIGUSR1)
                assert process.stdout.readline() == b"marked\n"
        process.terminate()
        said, _ = process.communicate(timeout=TIMEOUT)
        assert said == b""
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def _connect(process: subprocess.Popen[bytes], port: int) -> socket.socket:
    while process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), TIMEOUT)
        except ConnectionRefusedError:
            continue
    raise RuntimeError("the engine has ended")
