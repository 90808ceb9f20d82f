"""The FIFO transport, with clients that are good, slow, hostile and gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.management import (
    FakeManager,
    dispatcher,
    open_descriptors,
    request,
    run,
    until,
)
from tlsmgm.errors import ConfigError
from tlsmgm.mi import _fifo as fifo
from tlsmgm.mi._endpoints import FIFOEndpoint
from tlsmgm.mi._fifo import FIFOListener
from tlsmgm.mi._jsonrpc import MAX_REQUEST
from tlsmgm.mi._workers import WORKERS

WHICH = request("which")


@pytest.fixture
def endpoint(tmp_path: Path) -> FIFOEndpoint:
    (tmp_path / "replies").mkdir()
    return FIFOEndpoint(str(tmp_path / "fifo"), str(tmp_path / "replies"))


@contextlib.asynccontextmanager
async def serving(
    endpoint: FIFOEndpoint, manager: FakeManager | None = None
) -> AsyncIterator[FIFOListener]:
    listener = FIFOListener(endpoint, dispatcher(manager))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


def write(endpoint: FIFOEndpoint, data: bytes) -> None:
    """As a client does: open, write, close."""
    descriptor = os.open(endpoint.path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        assert os.write(descriptor, data) == len(data)
    finally:
        os.close(descriptor)


class Reply:
    """A reply FIFO and its reader."""

    def __init__(self, endpoint: FIFOEndpoint, name: str, *, is_open: bool = True) -> None:
        self.name = name
        self.path = os.path.join(endpoint.reply_dir, name)
        os.mkfifo(self.path)
        self.descriptor = -1
        if is_open:
            self.open()

    def open(self) -> None:
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        os.unlink(self.path)

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, body: bytes) -> bytes:
        return f":{self.name}:".encode() + body

    async def line(self) -> Any:
        """Wait for the reply."""
        line = bytearray()

        def has_line() -> bool:
            with contextlib.suppress(BlockingIOError):
                line.extend(os.read(self.descriptor, 65536))
            return line.endswith(b"\n")

        await until(has_line)
        assert line.count(b"\n") == 1
        return json.loads(line)


async def is_alive(endpoint: FIFOEndpoint) -> None:
    with Reply(endpoint, "alive") as reply:
        write(endpoint, reply.request(WHICH))
        assert "tls_list" in (await reply.line())["result"]


def test_request_and_reply(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            found = os.lstat(endpoint.path)
            assert stat.S_ISFIFO(found.st_mode)
            assert stat.S_IMODE(found.st_mode) == 0o600
            await is_alive(endpoint)
        assert not os.path.exists(endpoint.path)

    run(work())


def test_the_mode_does_not_depend_on_the_umask(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            assert stat.S_IMODE(os.lstat(endpoint.path).st_mode) == 0o600

    before = os.umask(0o400)
    try:
        run(work())
    finally:
        os.umask(before)


def test_probes_do_no_harm(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            for _ in range(50):
                write(endpoint, b"")
            await is_alive(endpoint)

    run(work())


def test_many_requests_in_one_write(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            with Reply(endpoint, "a") as one, Reply(endpoint, "b") as two:
                write(endpoint, one.request(request(request_id=1)) + two.request(request()) + b"\n")
                assert (await one.line())["id"] == 1
                assert (await two.line())["id"] == "1"

    run(work())


def test_a_request_in_pieces(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint) as listener:
            with Reply(endpoint, "a") as reply:
                for byte in reply.request(WHICH):
                    write(endpoint, bytes([byte]))
                    await asyncio.sleep(0)
                assert "result" in await reply.line()
            assert listener._timer is None

    run(work())


def test_a_broken_request_gets_an_error_and_does_not_block_others(
    endpoint: FIFOEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fifo, "_REQUEST_TIMEOUT", 0.05)

    async def work() -> None:
        async with serving(endpoint):
            with Reply(endpoint, "a") as broken, Reply(endpoint, "b") as good:
                # The open string hides the second request, until time is up.
                write(endpoint, broken.request(b'{"id":"1') + good.request(WHICH))
                assert (await broken.line())["error"]["code"] == -32700
                assert "result" in await good.line()

    run(work())


def test_garbage(endpoint: FIFOEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fifo, "_REQUEST_TIMEOUT", 0.05)

    async def work() -> None:
        async with serving(endpoint):
            for garbage in (b"\0" * 4000, b"::::", b"{}[]", b':x:{"', os.urandom(4000)):
                write(endpoint, garbage + b"\n")
            await is_alive(endpoint)

    run(work())


def test_a_huge_request_gets_an_error(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            with Reply(endpoint, "a") as reply:
                write(endpoint, reply.request(b"["))
                sent = 0
                while sent <= MAX_REQUEST:
                    write(endpoint, b"1," * 2000)
                    sent += 4000
                    await asyncio.sleep(0)
                answer = await reply.line()
                assert answer["error"]["code"] == -32600
                assert str(MAX_REQUEST) in answer["error"]["message"]
            write(endpoint, b"\n")
            await is_alive(endpoint)

    run(work())


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../escaped", "a/b", "a.b", "a\\b", "x" * 201, "\0"]
)
def test_bad_reply_names_are_refused(
    name: str, endpoint: FIFOEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    manager = FakeManager()

    async def work() -> None:
        async with serving(endpoint, manager):
            write(endpoint, f":{name}:".encode() + request("tls_reload") + b"\n")
            await is_alive(endpoint)

    run(work())
    assert manager.calls == []
    assert "refused a management request with the reply name" in caplog.text


def _make_link(path: Path, target: Path) -> None:
    os.mkfifo(target)
    path.symlink_to(target)


def _make_file(path: Path, target: Path) -> None:
    path.write_text("precious")


def _make_directory(path: Path, target: Path) -> None:
    path.mkdir()


def _make_nothing(path: Path, target: Path) -> None:
    return


@pytest.mark.parametrize("make", [_make_link, _make_file, _make_directory, _make_nothing])
def test_replies_go_into_fifos_only(
    make: Any, endpoint: FIFOEndpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(Path(endpoint.reply_dir, "evil"), tmp_path / "target")

    async def work() -> None:
        reader = -1
        if (tmp_path / "target").exists():
            reader = os.open(tmp_path / "target", os.O_RDONLY | os.O_NONBLOCK)
        async with serving(endpoint):
            before = open_descriptors()
            write(endpoint, b":evil:" + WHICH)
            await until(lambda: "cannot write to the reply FIFO" in caplog.text)
            await is_alive(endpoint)
            assert open_descriptors() == before
        if reader >= 0:
            assert os.read(reader, 100) == b"", "the link was followed"
            os.close(reader)

    run(work())
    if make is _make_file:
        assert Path(endpoint.reply_dir, "evil").read_text() == "precious"


def test_a_client_that_opens_its_fifo_late(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        manager = FakeManager()
        async with serving(endpoint, manager):
            with Reply(endpoint, "late", is_open=False) as reply:
                write(endpoint, reply.request(request("tls_list")))
                await until(lambda: manager.calls)
                await is_alive(endpoint)
                reply.open()
                assert "result" in await reply.line()

    run(work())


def test_clients_that_never_read(
    endpoint: FIFOEndpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fifo, "_OPEN_TIMEOUT", 0.2)
    monkeypatch.setattr(fifo, "_WRITE_TIMEOUT", 0.2)
    manager = FakeManager(domains=20_000)  # more than fits into a pipe

    async def work() -> None:
        async with serving(endpoint, manager):
            before = open_descriptors()
            with Reply(endpoint, "closed", is_open=False) as one, Reply(endpoint, "full") as two:
                for _ in range(WORKERS):
                    write(endpoint, one.request(WHICH) + two.request(request("tls_list")))
                await is_alive(endpoint)
                await until(lambda: caplog.text.count("nobody reads") == 2 * WORKERS)
                await is_alive(endpoint)
            assert open_descriptors() == before

    run(work())


def test_a_reply_larger_than_a_pipe(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint, FakeManager(domains=20_000)):
            with Reply(endpoint, "a") as reply:
                write(endpoint, reply.request(request("tls_list")))
                assert len((await reply.line())["result"]["Domains"]) == 20_000

    run(work())


def test_a_client_that_goes_away_while_it_reads(
    endpoint: FIFOEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with serving(endpoint, FakeManager(domains=20_000)):
            before = open_descriptors()
            with Reply(endpoint, "a") as reply:
                write(endpoint, reply.request(request("tls_list")))

                def has_begun() -> bool:
                    with contextlib.suppress(BlockingIOError):
                        return os.read(reply.descriptor, 10) != b""
                    return False

                await until(has_begun)
            await until(lambda: "cannot write to the reply FIFO" in caplog.text)
            await is_alive(endpoint)
            assert open_descriptors() == before

    run(work())


def test_many_clients_at_once(endpoint: FIFOEndpoint) -> None:
    async def one(number: int) -> None:
        with Reply(endpoint, f"client_{number}") as reply:
            await until(lambda: _has_written(reply.request(request(request_id=number))))
            assert (await reply.line())["id"] == number

    def _has_written(data: bytes) -> bool:
        with contextlib.suppress(BlockingIOError):
            write(endpoint, data)
            return True
        return False

    async def work() -> None:
        async with serving(endpoint):
            before = open_descriptors()
            await asyncio.gather(*(one(number) for number in range(5 * WORKERS)))
            assert open_descriptors() == before

    run(work())


def test_notifications_get_no_reply(endpoint: FIFOEndpoint) -> None:
    manager = FakeManager()

    async def work() -> None:
        async with serving(endpoint, manager):
            with Reply(endpoint, "a") as reply:
                write(endpoint, reply.request(b'{"jsonrpc":"2.0","method":"tls_list"}'))
                await until(lambda: manager.calls == ["list"])
                await is_alive(endpoint)
                assert os.read(reply.descriptor, 10) == b""

    run(work())


def test_a_stale_fifo_is_replaced(endpoint: FIFOEndpoint) -> None:
    os.mkfifo(endpoint.path, 0o666)

    async def work() -> None:
        async with serving(endpoint):
            assert stat.S_IMODE(os.lstat(endpoint.path).st_mode) == 0o600
            await is_alive(endpoint)

    run(work())


def test_a_fifo_in_use_is_not_replaced(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            with pytest.raises(ConfigError, match="in use by another program"):
                await FIFOListener(endpoint, dispatcher()).start()
            await is_alive(endpoint)

    run(work())


@pytest.mark.parametrize("make", [_make_link, _make_file, _make_directory])
def test_other_files_are_not_replaced(make: Any, endpoint: FIFOEndpoint, tmp_path: Path) -> None:
    make(Path(endpoint.path), tmp_path / "target")
    before = open_descriptors()
    with pytest.raises(ConfigError, match="file of another kind"):
        run(FIFOListener(endpoint, dispatcher()).start())
    assert os.path.lexists(endpoint.path)
    assert open_descriptors() == before


def test_what_took_the_name_is_not_removed(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        async with serving(endpoint):
            os.unlink(endpoint.path)
            Path(endpoint.path).write_text("somebody else's")

    run(work())
    assert Path(endpoint.path).read_text() == "somebody else's"


def test_no_reply_directory(endpoint: FIFOEndpoint, tmp_path: Path) -> None:
    bad = FIFOEndpoint(endpoint.path, str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        run(FIFOListener(bad, dispatcher()).start())
    assert not os.path.exists(endpoint.path)


def test_stopping_with_work_under_way_leaks_nothing(endpoint: FIFOEndpoint) -> None:
    async def work() -> None:
        before = open_descriptors()
        manager = FakeManager(domains=20_000)
        async with serving(endpoint, manager):
            with Reply(endpoint, "a") as reply:
                write(endpoint, reply.request(request("tls_list")) + b":b:{")
                await until(lambda: manager.calls)
        assert open_descriptors() == before

    run(work())
