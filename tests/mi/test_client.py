"""The client, and the commands of the command line that use it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.proxy import Program, Proxy, Upstream, server_domain, write_script
from tests.support.tables import DomainTable, server_row
from tlsmgm._cli import main
from tlsmgm.errors import TLSError
from tlsmgm.mi._endpoints import HTTPEndpoint, UDPEndpoint, UnixEndpoint, parse_endpoint
from tlsmgm.mi._jsonrpc import RPCError
from tlsmgm.mi.client import call

TOKEN = "a.very-secret_token"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as found:
        yield found


@pytest.fixture
def script(tmp_path: Path) -> str:
    return write_script(tmp_path / "opensips.cfg", server_domain("dom1"))


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return str(path)


class Management:
    """A proxy with every kind of endpoint, HTTP with a token."""

    def __init__(self, proxy: Proxy, token_file: str) -> None:
        self.proxy = proxy
        found = proxy.wait_for(r"management interface on (\S+)$", 4)
        self.endpoints = {match[1].partition(":")[0]: match[1] for match in found}
        self._token_file = token_file

    def options(self, kind: str) -> list[str]:
        """How the command line reaches it."""
        token = ["--token-file", self._token_file] if kind == "http" else []
        return ["--mi", self.endpoints[kind], *token]


@pytest.fixture
def management(
    script: str, upstream: Upstream, tmp_path: Path, token_file: str
) -> Iterator[Management]:
    options = ["--mi-token-file", token_file]
    for text in (
        f"fifo:{tmp_path}/fifo,reply_dir={tmp_path}",
        f"unix:{tmp_path}/socket",
        "udp:127.0.0.1:0",
        "http:127.0.0.1:0",
    ):
        options += ["--mi", text]
    with Proxy(script, "openssl", upstream.address, *options) as proxy:
        yield Management(proxy, token_file)
        assert TOKEN not in "\n".join(proxy.lines)


KINDS = pytest.mark.parametrize("kind", ["fifo", "unix", "udp", "http"])


@KINDS
def test_list(kind: str, management: Management, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *management.options(kind)]) == 0
    assert "dom1" in capsys.readouterr().out
    assert main(["list", "--json", *management.options(kind)]) == 0
    assert json.loads(capsys.readouterr().out)["Domains"][0]["name"] == "dom1"


@KINDS
def test_reload(
    kind: str, management: Management, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_script(tmp_path / "opensips.cfg", server_domain("dom2"))
    assert main(["reload", *management.options(kind)]) == 0
    expected = "reloaded: 1 added (dom2), 0 changed, 1 removed (dom1), 0 failed, 0 kept\n"
    assert capsys.readouterr().out == expected
    assert main(["reload", "--json", *management.options(kind)]) == 0
    nothing: dict[str, list[str]] = {
        "added": [],
        "changed": [],
        "removed": [],
        "failed": [],
        "kept": [],
        "warnings": [],
    }
    assert json.loads(capsys.readouterr().out) == nothing
    assert [path for path in os.listdir(tmp_path) if "reply" in path] == []


@KINDS
def test_what_the_server_refuses(
    kind: str, management: Management, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = management.options(kind)
    assert main(["reload", "--database-only", *options]) == 1
    out, err = capsys.readouterr()
    assert (out, "DB url not set (code 500)" in err) == ("", True)
    write_script(tmp_path / "opensips.cfg", server_domain("dom1", certificate="/no/such/file"))
    assert main(["reload", *options]) == 1
    assert "/no/such/file" in capsys.readouterr().err
    assert main(["reload", "--json", *options]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"]) == (500, "Failed to reload")


def test_reload_of_a_database_only(
    script: str, upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = DomainTable(f"sqlite:///{tmp_path}/tls.db")
    db_url = [f'modparam("tls_mgm", "db_url", "sqlite://{tmp_path}/tls.db")']
    write_script(Path(script), db_url, server_domain("dom1"))
    endpoint = f"unix:{tmp_path}/socket"
    with Proxy(script, "openssl", upstream.address, "--mi", endpoint):
        database.insert(server_row("dom2"))
        assert main(["reload", "--database-only", "--mi", endpoint]) == 0
        assert capsys.readouterr().out == "reloaded\n"
        assert main(["list", "--mi", endpoint]) == 0
        assert "dom2" in capsys.readouterr().out


def test_a_wrong_token(
    management: Management, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = management.endpoints["http"]
    assert main(["list", "--mi", endpoint]) == 2
    assert "401" in capsys.readouterr().err
    other = tmp_path / "other"
    other.write_text("s3cret")
    other.chmod(0o600)
    assert main(["list", "--mi", endpoint, "--token-file", str(other)]) == 2
    err = capsys.readouterr().err
    assert "401" in err
    assert "s3cret" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        "list", "list --mi nonsense", "list --mi udp:127.0.0.1", "reload", "reload --mi x:y",
        "list --mi unix:/x --config y", "reload --mi unix:/x --token-file y",
        "reload --mi http:127.0.0.1:1 --token-file /no/such/file",
        "reload --mi unix:/x --timeout 0",
    ],
)  # fmt: skip
def test_usage(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(arguments.split())
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    assert capsys.readouterr().err


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_nobody_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    for endpoint in (
        f"fifo:{tmp_path}/missing",
        f"fifo:{tmp_path}/fifo",
        f"fifo:{tmp_path}/file",
        f"fifo:{tmp_path}/fifo,reply_dir=/no/such/dir",
        f"unix:{tmp_path}/missing",
        f"unix:{tmp_path}/file",
        f"udp:127.0.0.1:{_free_port(socket.SOCK_DGRAM)}",
        f"http:127.0.0.1:{_free_port(socket.SOCK_STREAM)}",
        "http:no-such-host.invalid:5",
        "udp:no-such-host.invalid:5",
    ):
        assert main(["list", "--mi", endpoint]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"tlsmgm: error: {endpoint}: ")
        assert len(err.splitlines()) == 1
    assert sorted(os.listdir(tmp_path)) == ["fifo", "file"]
    assert (tmp_path / "file").read_text() == ""


def test_no_answer(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix,
        socket.create_server(("127.0.0.1", 0)) as http,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(tmp_path / "socket"))
        os.mkfifo(tmp_path / "fifo")
        fifo = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        for endpoint in (
            UDPEndpoint("127.0.0.1", udp.getsockname()[1]),
            UnixEndpoint(str(tmp_path / "socket")),
            HTTPEndpoint("127.0.0.1", http.getsockname()[1]),
            parse_endpoint(f"fifo:{tmp_path}/fifo,reply_dir={tmp_path}"),
        ):
            with pytest.raises(TLSError, match=r"no answer within 0\.1 seconds"):
                call(endpoint, "which", timeout=0.1)
        os.close(fifo)
    assert sorted(os.listdir(tmp_path)) == ["fifo", "socket"]


@pytest.mark.parametrize("ending", [b"", b"\n"])
@pytest.mark.parametrize("size", [2, 300_000])
def test_answer_of_a_fifo_ends_with_a_line_or_with_its_writer(
    tmp_path: Path, ending: bytes, size: int
) -> None:
    """OpenSIPS writes no line end; what is longer than a pipe comes in pieces."""
    os.mkfifo(tmp_path / "fifo")
    requests = os.open(tmp_path / "fifo", os.O_RDWR)

    def serve() -> None:
        _, name, request = os.read(requests, 65536).split(b":", 2)
        reply = {"jsonrpc": "2.0", "id": json.loads(request)["id"], "result": "x" * size}
        with (tmp_path / os.fsdecode(name)).open("wb") as file:
            file.write(json.dumps(reply).encode() + ending)

    thread = threading.Thread(target=serve)
    thread.start()
    endpoint = parse_endpoint(f"fifo:{tmp_path}/fifo,reply_dir={tmp_path}")
    try:
        assert call(endpoint, "which") == "x" * size
    finally:
        thread.join()
        os.close(requests)
    assert os.listdir(tmp_path) == ["fifo"]


def test_answer_of_a_fifo_that_breaks_off(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    requests = os.open(tmp_path / "fifo", os.O_RDWR)

    def serve() -> None:
        name = os.read(requests, 65536).split(b":", 2)[1]
        (tmp_path / os.fsdecode(name)).write_bytes(b'{"jsonrpc": "2.0", "resu')

    thread = threading.Thread(target=serve)
    thread.start()
    endpoint = parse_endpoint(f"fifo:{tmp_path}/fifo,reply_dir={tmp_path}")
    try:
        with pytest.raises(TLSError, match="is no JSON-RPC reply"):
            call(endpoint, "which")
    finally:
        thread.join()
        os.close(requests)


def _answer_with(reply: bytes) -> tuple[UDPEndpoint, threading.Thread]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve() -> None:
        with sock:
            data, address = sock.recvfrom(65536)
            request_id = json.dumps(json.loads(data)["id"]).encode()
            sock.sendto(reply.replace(b"ID", request_id), address)

    thread = threading.Thread(target=serve)
    thread.start()
    return UDPEndpoint("127.0.0.1", sock.getsockname()[1]), thread


@pytest.mark.parametrize(
    "reply",
    [
        b"", b"garbage", b"5", b"[]", b"{}", b"null", b"\xff", b'{"id":ID}', b'{"result":1}',
        b'{"id":"other","result":1}', b'{"id":ID,"error":5}', b'{"id":ID,"error":{"code":"x"}}',
        b"[" * 60_000,
    ],
)  # fmt: skip
def test_bad_answers(reply: bytes) -> None:
    endpoint, thread = _answer_with(reply)
    with pytest.raises(TLSError, match="no JSON-RPC reply"):
        call(endpoint, "which")
    thread.join()


def test_an_answer_and_an_error() -> None:
    endpoint, thread = _answer_with(b'{"jsonrpc":"2.0","id":ID,"result":[1]}')
    assert call(endpoint, "which") == [1]
    thread.join()
    endpoint, thread = _answer_with(b'{"id":ID,"error":{"code":500,"message":"no","data":[1]}}')
    with pytest.raises(RPCError) as caught:
        call(endpoint, "which")
    thread.join()
    assert (caught.value.code, caught.value.message, caught.value.data) == (500, "no", [1])


def test_a_list_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    for result in (b"5", b"[]", b"{}", b'{"Domains":5}', b'{"Domains":[5]}', b'{"Domains":[{}]}'):
        endpoint, thread = _answer_with(b'{"id":ID,"result":%s}' % result)
        assert main(["list", "--mi", str(endpoint)]) == 2
        thread.join()
        assert "no list of domains" in capsys.readouterr().err


# The options of the proxy.


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--mi", "nonsense"], "bad management endpoint 'nonsense'"),
        (["--mi", "http:0.0.0.0:0"], "there is no token"),
        (["--mi", "udp:0.0.0.0:0"], "loopback"),
        (["--mi", "unix:/no/such/dir/x"], "cannot serve unix:/no/such/dir/x"),
        (["--mi-token-file", "/no/such/file"], "cannot be read"),
        (["--mi-token-file", "/dev/null"], "the token is empty"),
    ],
)
def test_bad_options(
    arguments: list[str], expected: str, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--upstream", "tcp:127.0.0.1:1", "--library", "openssl", "--listen", "tls:127.0.0.1:0"]
    with Program("proxy", "--config", script, *more, *arguments) as program:
        assert program.exit_code() == 2
    assert expected in program.lines[-1]


def test_a_token_that_others_can_read_is_warned_about(
    script: str, upstream: Upstream, token_file: str
) -> None:
    Path(token_file).chmod(0o644)
    options = ["--mi", "http:0.0.0.0:0", "--mi-token-file", token_file]
    with Proxy(script, "openssl", upstream.address, *options) as proxy:
        proxy.wait_for("others can read or write this file")
        proxy.wait_for("not encrypted")
        assert TOKEN not in "\n".join(proxy.lines)


def test_the_interface_is_there_before_the_proxy_and_gone_after_it(
    management: Management, tmp_path: Path
) -> None:
    # The keys of the recorded cases are open to all, of which there is a warning.
    lines = [line for line in management.proxy.lines if "chmod" not in line]
    kinds = [line.partition(" on ")[0].rpartition("INFO ")[2] for line in lines]
    assert kinds == 4 * ["management interface"] + ["listening"]
    management.proxy.signal(signal.SIGTERM)
    assert management.proxy.exit_code() == 0
    assert sorted(os.listdir(tmp_path)) == ["opensips.cfg", "token"]
