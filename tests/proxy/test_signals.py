"""Signals at awkward moments: while the proxy loads, while it reloads, while the disk is full."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.pki import key_pem
from tests.support.proxy import (
    ROOT,
    TIMEOUT,
    Program,
    Proxy,
    Upstream,
    connect,
    linked,
    pki,
    read_exactly,
    server_domain,
    write_script,
)
from tlsmgm._service import log_writer
from tlsmgm._service.access_log import AccessLog
from tlsmgm._service.log_file import LogFile
from tlsmgm._service.log_writer import MAX_WAITING
from tlsmgm._service.reloads import Reloads

SECRET = b"correct horse"


class SlowKey:
    """A key whose passphrase is printed when the test says so.

    Args:
        folder: for everything.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        key = serialization.load_pem_private_key(Path(pki("dom1.key")).read_bytes(), None)
        (folder / "slow.key").write_bytes(key_pem(key, SECRET))  # type: ignore[arg-type]
        self._asked, self._answer = self._make_pipe("asked"), self._make_pipe("answer")
        self.is_slow = False
        program = folder / "passphrase"
        program.write_text(
            f"#!/bin/sh\nset -e\ncd '{folder}'\n"
            'if [ -e slow ]; then echo > asked; read -r line < answer; echo "$line"; exit; fi\n'
            f"echo '{SECRET.decode()}'\n",
            encoding="utf-8",
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def _make_pipe(self, name: str) -> int:
        os.mkfifo(self._folder / name)
        # With both ends open here nobody waits for the other one to open it.
        return os.open(self._folder / name, os.O_RDWR)

    @property
    def is_slow(self) -> bool:
        """Whether the passphrase waits for the test."""
        return (self._folder / "slow").exists()

    @is_slow.setter
    def is_slow(self, value: bool) -> None:
        flag = self._folder / "slow"
        if value:
            flag.touch()
        else:
            flag.unlink(missing_ok=True)

    def write_script(self, name: str = "dom1") -> str:
        """Write a script whose only domain needs the key."""
        domain = server_domain(
            name,
            certificate=pki("dom1.pem"),
            private_key=str(self._folder / "slow.key"),
            private_key_passphrase_command=str(self._folder / "passphrase"),
        )
        return write_script(self._folder / "slow.cfg", domain)

    def wait_until_asked(self) -> None:
        """Wait until somebody loads the key."""
        ready, _, _ = select.select([self._asked], [], [], TIMEOUT)
        assert ready, "nobody has asked"
        os.read(self._asked, 100)

    def answer(self) -> None:
        """Let that come to its end."""
        os.write(self._answer, SECRET + b"\n")

    def close(self) -> None:
        """Let those go who still wait."""
        os.close(self._asked)
        os.close(self._answer)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until it is so; the thread of a log tells nobody when it has written."""
    pause = threading.Event()
    deadline = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < deadline
        pause.wait(0.01)


@pytest.fixture
def slow_key(tmp_path: Path) -> Iterator[SlowKey]:
    with contextlib.closing(SlowKey(tmp_path)) as found:
        yield found


# While it loads.


def test_signals_while_loading_are_obeyed_later(
    library: str, slow_key: SlowKey, upstream: Upstream
) -> None:
    slow_key.is_slow = True
    script = slow_key.write_script()
    with Program(
        "proxy", "--config", script, "--library", library, "--upstream", upstream.address,
        "--listen", "tls:127.0.0.1:0",
    ) as program:  # fmt: skip
        slow_key.wait_until_asked()
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGHUP):
            program.signal(number)
        slow_key.is_slow = False
        slow_key.answer()
        port = int(program.wait_for(r"listening on tls:.*:(\d+)$")[0][1])
        program.wait_for("reloaded: ")
        program.wait_for("statistics: ")
        with connect(port) as client, upstream.accept() as server:
            client.sendall(b"ping")
            assert read_exactly(server, 4) == b"ping"
        program.signal(signal.SIGTERM)
        assert program.exit_code() == 0
        assert len([line for line in program.lines if "reloaded: " in line]) == 1


def test_signals_while_python_imports_the_package_end_nothing(
    library: str, script: str, upstream: Upstream
) -> None:
    """From the moment in which the program has begun; before that no Python is there yet."""
    arguments = ("--config", script, "--library", library, "--upstream", upstream.address)
    pause = threading.Event()
    with Program(
        "proxy", *arguments, "--listen", "tls:127.0.0.1:0", module="tlsmgm_program"
    ) as program:
        pid = program.process.pid
        wait_until(lambda: ignores(pid, signal.SIGHUP) and ignores(pid, signal.SIGUSR1))
        while not any("listening on" in line for line in program.lines):
            program.signal(signal.SIGHUP)
            program.signal(signal.SIGUSR1)
            assert program.process.poll() is None, program.lines
            pause.wait(0.01)  # hundreds at once are more than asyncio takes, and it says so
        program.signal(signal.SIGHUP)
        program.wait_for("reloaded: ")
        program.signal(signal.SIGTERM)
        assert program.exit_code() == 0


def ignores(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("there is no /proc here")
    mask = next(line for line in status.read_text().splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(("command", "lives"), [("proxy", True), ("list", False)])
def test_only_a_proxy_ignores_signals_before_the_import(command: str, lives: bool) -> None:
    program = "\n".join(
        [
            "import importlib.abc, os, signal, sys, tlsmgm_program",
            "class Signals(importlib.abc.MetaPathFinder):",
            "    def find_spec(self, name, path, target=None):",
            "        if name == 'tlsmgm':",
            "            os.kill(os.getpid(), signal.SIGHUP)",
            "            os.kill(os.getpid(), signal.SIGUSR1)",
            "signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it",
            "sys.meta_path.insert(0, Signals())",
            "sys.argv[0] = 'tlsmgm'",
            "tlsmgm_program.main()",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--help"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == (0 if lives else -signal.SIGHUP)


def test_sigterm_while_loading_ends_it(library: str, slow_key: SlowKey, upstream: Upstream) -> None:
    slow_key.is_slow = True
    script = slow_key.write_script()
    with Program(
        "proxy", "--config", script, "--library", library, "--upstream", upstream.address,
        "--listen", "tls:127.0.0.1:0",
    ) as program:  # fmt: skip
        slow_key.wait_until_asked()
        program.signal(signal.SIGTERM)
        assert program.exit_code() == -signal.SIGTERM


# While it reloads.


def test_sighups_during_a_reload_are_one(
    library: str, slow_key: SlowKey, upstream: Upstream
) -> None:
    with Proxy(slow_key.write_script("one"), library, upstream.address) as proxy:
        slow_key.is_slow = True
        slow_key.write_script("two")
        proxy.signal(signal.SIGHUP)
        slow_key.wait_until_asked()
        slow_key.write_script("three")
        for _ in range(9):
            proxy.signal(signal.SIGHUP)
        # Signals are obeyed in their order, so this one tells that those before it were heard.
        proxy.signal(signal.SIGUSR1)
        proxy.wait_for("statistics: ")
        slow_key.is_slow = False
        slow_key.answer()
        reports = proxy.wait_for("reloaded: .*", 2)
        assert "two" in reports[0][0]
        assert "three" in reports[1][0]
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
        assert len([line for line in proxy.lines if "reloaded: " in line]) == 2


def test_sigterm_does_not_wait_for_a_reload(
    library: str, slow_key: SlowKey, upstream: Upstream
) -> None:
    log = Path(slow_key.write_script()).with_name("access.log")
    with Proxy(
        slow_key.write_script("one"), library, upstream.address, "--access-log", str(log)
    ) as proxy:
        with linked(proxy, upstream) as (client, server):
            client.sendall(b"ping")
            assert read_exactly(server, 4) == b"ping"
        slow_key.is_slow = True
        slow_key.write_script("two")
        proxy.signal(signal.SIGHUP)
        slow_key.wait_until_asked()
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
        assert "given up" in proxy.lines[-1]
        assert not [line for line in proxy.lines if "reloaded: " in line]
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1


class Reloading:
    """Counts reloads; each ends when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()
        self.reloads = Reloads(self._reload)

    async def _reload(self) -> None:
        self.begun += 1
        await self.gate.wait()

    async def settle(self) -> None:
        """Let everything happen that can."""
        for _ in range(10):
            await asyncio.sleep(0)


def test_one_more_reload_follows() -> None:
    async def run() -> None:
        reloading = Reloading()
        for _ in range(10):
            reloading.reloads.request()
        await reloading.settle()
        assert reloading.begun == 1
        for _ in range(10):
            reloading.reloads.request()
        reloading.gate.set()
        await reloading.settle()
        assert reloading.begun == 2
        reloading.reloads.request()
        await reloading.settle()
        assert reloading.begun == 3

    asyncio.run(run())


def test_none_begins_in_the_end() -> None:
    async def run() -> None:
        reloading = Reloading()
        reloading.reloads.request()
        await reloading.settle()
        reloading.reloads.request()
        await reloading.reloads.finish(0)
        reloading.reloads.request()
        reloading.gate.set()
        await reloading.reloads.finish(5)
        await reloading.settle()
        assert reloading.begun == 1

    asyncio.run(run())


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
    log = AccessLog("$status", str(full_disk))
    log.write({"status": "lost"}.get)
    wait_until(lambda: log.lost == 1)
    full_disk.unlink()
    log.reopen()
    log.write({"status": "ok"}.get)
    log.close()
    assert full_disk.read_text(encoding="utf-8") == "ok\n"


def test_a_log_that_cannot_be_opened_anew_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "folder" / "access.log"
    path.parent.mkdir()
    log = AccessLog("$status", str(path))
    path.parent.rename(tmp_path / "elsewhere")
    log.reopen()
    log.write({"status": "ok"}.get)
    log.close()
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
    log = AccessLog("$status", str(full_disk))
    for _ in range(3):
        log.write({"status": "lost"}.get)
    wait_until(lambda: log.lost == 3)
    full_disk.unlink()
    log.write({"status": "ok"}.get)
    log.close()
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
    log = AccessLog("$status", str(tmp_path / "access.log"))
    log.write({"status": "lost"}.get)
    gate.set()
    log.close()
    assert log.lost == 1
    assert "does not answer" in caplog.messages[0]
    assert "Permission denied" in caplog.messages[1]
    assert caplog.messages[2] == "1 access log lines were lost"


def test_a_log_that_was_moved_is_opened_anew_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog("$status", str(path))
    log.write({"status": "one"}.get)
    wait_until(lambda: path.read_text("utf-8") == "one\n")
    path.rename(tmp_path / "old")
    log.write({"status": "two"}.get)
    log.close()
    log.close()
    log.write({"status": "three"}.get)
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
    log = AccessLog("$status", str(stalled))
    line = "x" * (MAX_WAITING // 4)
    for _ in range(10):
        log.write({"status": line}.get)
    assert log.lost == 7  # the end of a line counts, too, so that three fit
    log.close(0)
    assert log.lost == 10
    assert caplog.messages == [
        "the access log is not written fast enough; lines are lost",
        "10 access log lines were lost",
    ]


def test_lines_that_a_disk_takes_late_are_not_lost(stalled: Path) -> None:
    log = AccessLog("$status", str(stalled))
    for number in range(3):
        log.write({"status": str(number)}.get)
    reader = os.open(stalled, os.O_RDONLY | os.O_NONBLOCK)
    seen = bytearray()

    def is_here() -> bool:
        with contextlib.suppress(BlockingIOError):
            seen.extend(os.read(reader, 65536))
        return seen.endswith(b"0\n1\n2\n")

    wait_until(is_here)
    log.close()
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
