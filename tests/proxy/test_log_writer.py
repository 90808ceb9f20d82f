"""The access log on a disk that is full, that stalls, and under a name that goes away."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.proxy import (
    TIMEOUT,
    Proxy,
    Upstream,
    linked,
    read_exactly,
    server_domain,
    wait_until,
    write_script,
)
from tlsmgm._service import log_writer
from tlsmgm._service.access_log import CLOSE_TIME
from tlsmgm._service.log_file import LogFile
from tlsmgm._service.log_writer import MAX_WAITING, LogWriter

# While the access log cannot be written.


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """A log that cannot take a byte."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    path = tmp_path / "access.log"
    path.symlink_to("/dev/full")
    return path


def test_a_log_that_was_full_is_opened_anew(full_disk: Path) -> None:
    log = LogWriter(str(full_disk))
    log.write("lost")
    wait_until(lambda: log.lost == 1)
    full_disk.unlink()
    log.reopen()
    log.write("ok")
    log.close(CLOSE_TIME)
    assert full_disk.read_text(encoding="utf-8") == "ok\n"


def test_a_log_that_cannot_be_opened_anew_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "folder" / "access.log"
    path.parent.mkdir()
    log = LogWriter(str(path))
    path.parent.rename(tmp_path / "elsewhere")
    log.reopen()
    log.write("ok")
    log.close(CLOSE_TIME)
    assert "stays where it is: parameter '--access-log': cannot write" in caplog.text
    assert (tmp_path / "elsewhere" / "access.log").read_text(encoding="utf-8") == "ok\n"


def test_a_full_disk_hinders_no_reload(
    library: str, script: str, upstream: Upstream, full_disk: Path
) -> None:
    with Proxy(script, library, upstream.address, "--access-log", str(full_disk)) as proxy:
        with linked(proxy, upstream):
            pass
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reloaded: ")
        with linked(proxy, upstream):
            pass
        full_disk.unlink()
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reloaded: ", 2)
        with linked(proxy, upstream):
            pass
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
    assert len(full_disk.read_text(encoding="utf-8").splitlines()) >= 1


def test_a_full_disk_hinders_no_end(
    library: str, script: str, upstream: Upstream, full_disk: Path
) -> None:
    with Proxy(script, library, upstream.address, "--access-log", str(full_disk)) as proxy:
        with linked(proxy, upstream):
            pass
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0


def test_a_log_without_a_place_hinders_no_reload(
    library: str, tmp_path: Path, upstream: Upstream
) -> None:
    path = tmp_path / "folder" / "access.log"
    path.parent.mkdir()
    script = write_script(tmp_path / "c", server_domain("dom1"))
    with Proxy(script, library, upstream.address, "--access-log", str(path)) as proxy:
        path.parent.rename(tmp_path / "elsewhere")
        write_script(tmp_path / "c", server_domain("dom2"))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("the access log stays where it is: .*cannot write")
        proxy.wait_for("reloaded: .*dom2")
        with linked(proxy, upstream, name="dom2.test"):
            pass
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
    log = tmp_path / "elsewhere" / "access.log"
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1


def test_a_full_disk_is_told_when_it_is_over(
    full_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = LogWriter(str(full_disk))
    for _ in range(3):
        log.write("lost")
    wait_until(lambda: log.lost == 3)
    full_disk.unlink()
    log.write("ok")
    log.close(CLOSE_TIME)
    assert full_disk.read_text(encoding="utf-8") == "ok\n"
    assert caplog.messages == ["3 access log lines were lost"]


def test_a_line_that_was_torn_is_ended_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that has room for a part of a line only."""
    path = tmp_path / "access.log"
    file = LogFile(str(path))
    room = 6

    def write(descriptor: int, data: memoryview) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        size = write_really(descriptor, data[:room])
        room -= size
        return size

    write_really = os.write
    monkeypatch.setattr(os, "write", write)
    assert file.append([b"one\n", b"two\n", b"three\n"]) == 2
    assert file.append([b"four\n"]) == 1
    room = 100
    file.reopen()
    assert file.append([b"five\n"]) == 0
    file.close()
    assert path.read_text("utf-8") == "one\ntw\nfive\n"


def test_a_log_that_cannot_be_opened_late_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()

    def wait_and_fail(path: str, *arguments: int) -> int:
        gate.wait(TIMEOUT)
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(log_writer, "_OPENING_TIME", 0)
    monkeypatch.setattr(os, "open", wait_and_fail)
    log = LogWriter(str(tmp_path / "access.log"))
    log.write("lost")
    gate.set()
    log.close(CLOSE_TIME)
    assert log.lost == 1
    assert "does not answer" in caplog.messages[0]
    assert "Permission denied" in caplog.messages[1]
    assert caplog.messages[2] == "1 access log lines were lost"


def test_a_log_that_was_moved_is_opened_anew_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = LogWriter(str(path))
    log.write("one")
    wait_until(lambda: path.read_text("utf-8") == "one\n")
    path.rename(tmp_path / "old")
    log.write("two")
    log.close(CLOSE_TIME)
    log.close(CLOSE_TIME)
    log.write("three")
    assert path.read_text("utf-8") == "two\n"
    assert (tmp_path / "old").read_text("utf-8") == "one\n"


# While the disk stalls: a FIFO that is full, or that nobody has opened, takes nothing.


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "stalled.log"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(descriptor, bytes(4096))
    yield path
    os.close(descriptor)


def test_what_a_stalled_disk_has_no_room_for_is_counted(
    stalled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = LogWriter(str(stalled))
    line = "x" * (MAX_WAITING // 4)
    for _ in range(10):
        log.write(line)
    assert log.lost == 7  # the end of a line counts, too, so that three fit
    log.close(0)
    assert log.lost == 10
    assert caplog.messages == [
        "the access log is not written fast enough; lines are lost",
        "10 access log lines were lost",
    ]


def test_lines_that_a_disk_takes_late_are_not_lost(stalled: Path) -> None:
    log = LogWriter(str(stalled))
    for number in range(3):
        log.write(str(number))
    reader = os.open(stalled, os.O_RDONLY | os.O_NONBLOCK)
    seen = bytearray()

    def is_here() -> bool:
        with contextlib.suppress(BlockingIOError):
            seen.extend(os.read(reader, 65536))
        return seen.endswith(b"0\n1\n2\n")

    wait_until(is_here)
    log.close(CLOSE_TIME)
    os.close(reader)
    assert log.lost == 0


@pytest.mark.parametrize("is_open", [True, False], ids=["full", "unopened"])
def test_a_stalled_disk_hinders_nothing(
    library: str, tmp_path: Path, upstream: Upstream, stalled: Path, is_open: bool
) -> None:
    if not is_open:
        stalled = tmp_path / "unopened.log"
        os.mkfifo(stalled)
    script = write_script(tmp_path / "c", server_domain("dom1"))
    with Proxy(script, library, upstream.address, "--access-log", str(stalled)) as proxy:
        with linked(proxy, upstream):
            pass
        write_script(tmp_path / "c", server_domain("dom2"))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reloaded: .*dom2")
        with linked(proxy, upstream, name="dom2.test") as (client, server):
            client.sendall(b"ping")
            assert read_exactly(server, 4) == b"ping"
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
        proxy.wait_for("2 access log lines were lost")
        assert any("does not answer" in line for line in proxy.lines) is not is_open
