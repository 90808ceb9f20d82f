"""Signals at awkward moments: before the import, while the proxy loads, while it reloads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
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
    wait_until,
    write_script,
)
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
