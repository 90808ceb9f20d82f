"""Endpoints as text, the token, and the server that has them all."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.support.management import FakeManager, open_descriptors, run
from tlsmgm.errors import ConfigError, UnsupportedError
from tlsmgm.mi import (
    Endpoint,
    FIFOEndpoint,
    HTTPEndpoint,
    MIServer,
    UDPEndpoint,
    UnixEndpoint,
    parse_endpoint,
)
from tlsmgm.mi import _paths as paths
from tlsmgm.mi._endpoints import is_loopback
from tlsmgm.mi._token import check_token, read_token
from tlsmgm.mi.client import call

# Endpoints.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fifo:/run/x/fifo", FIFOEndpoint("/run/x/fifo", "/tmp")),
        ("fifo:relative", FIFOEndpoint("relative", "/tmp")),
        ("fifo:/a,b,reply_dir=/r", FIFOEndpoint("/a,b", "/r")),
        ("unix:/run/x", UnixEndpoint("/run/x")),
        ("udp:127.0.0.1:8080", UDPEndpoint("127.0.0.1", 8080)),
        ("udp:[::1]:0", UDPEndpoint("::1", 0)),
        ("http:localhost:8888", HTTPEndpoint("localhost", 8888, "/mi")),
        ("http:[::1]:8888/x/y", HTTPEndpoint("::1", 8888, "/x/y")),
        ("http:*:1/mi", HTTPEndpoint("*", 1, "/mi")),
    ],
)
def test_endpoints(text: str, expected: Endpoint) -> None:
    found = parse_endpoint(text)
    assert found == expected
    assert parse_endpoint(str(found)) == found


@pytest.mark.parametrize(
    "text",
    ["", "fifo", "fifo:", "fifo:,reply_dir=/x", "fifo:/x,reply_dir=", "unix:", "unix:\0", "udp:1",
     "udp:127.0.0.1", "udp:127.0.0.1:70000", "udp:::1:5", "udp::5", "tcp:127.0.0.1:5",
     "http:127.0.0.1", "http:127.0.0.1:x", "http:127.0.0.1:5/a b", "http://127.0.0.1:5/mi",
     "udp:a b:5", "udp:127.0.0.1:-1", "http:127.0.0.1:5/?x"],
)  # fmt: skip
def test_bad_endpoints(text: str) -> None:
    with pytest.raises(ConfigError, match="fifo:PATH"):
        parse_endpoint(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "x.test", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


# The token.


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_token_of_a_file(end: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    path.write_text("secret==" + end, newline="")
    path.chmod(0o600)
    assert read_token(str(path)) == "secret=="
    assert caplog.records == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_token_that_others_can_read(
    mode: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    path.chmod(mode)
    assert read_token(str(path)) == "secret"
    assert "chmod 600" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "text", ["", "\n", "two\nlines\n", "a b", "é", "\0", "x" * 5000, "s3cret!"], ids=range(8)
)
def test_bad_tokens(text: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        read_token(str(path))
    assert str(path) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_no_token_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(str(tmp_path / "missing"))


def test_an_empty_token_is_an_error() -> None:
    with pytest.raises(ConfigError, match="empty"):
        check_token("")


# The server.


def all_endpoints(folder: Path) -> list[str]:
    return [
        f"fifo:{folder}/fifo,reply_dir={folder}",
        f"unix:{folder}/socket",
        "udp:127.0.0.1:0",
        "http:127.0.0.1:0",
    ]


def test_all_endpoints_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def work() -> None:
        before = open_descriptors()
        server = MIServer(FakeManager(), all_endpoints(tmp_path), "token")
        assert server.endpoints == ()
        async with server:
            assert len(server.endpoints) == 4
            for endpoint in server.endpoints:
                assert str(endpoint) in caplog.text
                token = "token" if isinstance(endpoint, HTTPEndpoint) else None
                names = await asyncio.to_thread(call, endpoint, "which", token=token)
                assert "tls_list" in names
            with pytest.raises(RuntimeError):
                await server.start()
        assert server.endpoints == ()
        assert os.listdir(tmp_path) == []
        assert open_descriptors() == before
        # It can be started anew.
        async with server:
            assert len(server.endpoints) == 4
        await server.stop()

    run(work())


def test_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("precious")
    before = open_descriptors()
    server = MIServer(FakeManager(), [*all_endpoints(tmp_path), f"unix:{tmp_path}/taken"])
    with pytest.raises(ConfigError, match=r"cannot serve unix:.*taken: there is a file of another"):
        run(server.start())
    assert os.listdir(tmp_path) == ["taken"]
    assert server.endpoints == ()
    assert open_descriptors() == before


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("fifo:/no/such/dir/fifo", "No such file"),
        ("fifo:fifo,reply_dir=/no/such/dir", "No such file"),
        ("unix:/no/such/dir/socket", "No such file"),
        ("udp:no-such-host.invalid:5", ""),
        ("http:no-such-host.invalid:5", ""),
        ("http:0.0.0.0:0", "no token"),
        ("udp:0.0.0.0:0", "loopback"),
    ],
)
def test_errors_name_the_endpoint(endpoint: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run(MIServer(FakeManager(), [endpoint]).start())
    assert f"cannot serve {endpoint}: " in str(caught.value)
    assert reason in str(caught.value)


def test_the_same_endpoint_twice(tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path}/socket"
    with pytest.raises(ConfigError, match="in use by another program"):
        run(MIServer(FakeManager(), [endpoint, endpoint]).start())


def test_a_token_needs_http(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="http: endpoint only"):
        MIServer(FakeManager(), [f"unix:{tmp_path}/socket"], "token")


def test_without_aiohttp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "tlsmgm.mi._http", raising=False)

    async def work() -> None:
        with pytest.raises(UnsupportedError, match=r"pip install 'tlsmgm\[mi\]'"):
            await MIServer(FakeManager(), ["http:127.0.0.1:0"]).start()
        async with MIServer(FakeManager(), all_endpoints(tmp_path)[:3]) as server:
            assert len(server.endpoints) == 3

    run(work())


def test_unix_socket_and_fifo_are_private(tmp_path: Path) -> None:
    async def work() -> None:
        async with MIServer(FakeManager(), all_endpoints(tmp_path)):
            for name in ("fifo", "socket"):
                assert stat.S_IMODE(os.lstat(tmp_path / name).st_mode) == 0o600

    run(work())


def test_a_fifo_of_somebody_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not be opened may be in use."""
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(ConfigError, match="in use by another program"):
            paths.clear_stale_fifo(str(path))
    assert path.exists()
    paths.clear_stale_fifo(str(path))
    assert not path.exists()
