"""The plain server behind the proxies, as a process of its own; see programs/upstream.py."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from benchmarks.cohort.loopback import free_port
from benchmarks.cohort.processes import Program

__all__ = ["Upstream"]

_PROGRAM = Path(__file__).with_name("programs") / "upstream.py"
_HABITS = ("echo", "discard", "source", "hello")
_READY_TIME = 20.0
_PAUSE = 0.02


class Upstream:
    """A running upstream.

    Args:
        amount: bytes that ``source`` sends, and that ``discard`` answers with a byte. So large
            that it has no end, say 1 << 60, it suits load generators that hang up by themselves.
        cpus: processors that it may run on; None leaves it to the system.

    Attributes:
        echo_port: sends back what comes.
        discard_port: sends one byte for every ``amount`` bytes that came.
        source_port: waits for a byte, sends ``amount`` bytes, then closes.
        hello_port: sends ``hello`` and a newline, then closes.

    Raises:
        RuntimeError: it cannot be started; the text has its log.
    """

    def __init__(self, amount: int = 1024 * 1024, *, cpus: Iterable[int] | None = None) -> None:
        ports = dict(zip(_HABITS, _free_ports(len(_HABITS)), strict=True))
        self.amount = amount
        self.echo_port = ports["echo"]
        self.discard_port = ports["discard"]
        self.source_port = ports["source"]
        self.hello_port = ports["hello"]
        command = [sys.executable, "-I", str(_PROGRAM), "--amount", str(amount)]
        for habit, port in ports.items():
            command += [f"--{habit}", str(port)]
        self._folder = tempfile.TemporaryDirectory(prefix="tlsmgm-bench-")
        try:
            self._process = Program(command, Path(self._folder.name) / "log", cpus=cpus)
        except BaseException:
            self._folder.cleanup()
            raise
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        """The last port to be bound is asked."""
        deadline = time.monotonic() + _READY_TIME
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.hello_port), _READY_TIME) as sock:
                    if sock.recv(1):
                        return
            except ConnectionError:
                pass
            if not self._process.is_running(_PAUSE) or time.monotonic() > deadline:
                raise RuntimeError(f"the upstream does not run:\n{self._process.log()}")

    def pids(self) -> list[int]:
        """Return its processes."""
        return self._process.pids()

    def cpu_seconds(self) -> float:
        """Return its CPU time since it was started."""
        return self._process.cpu_seconds()

    def stop(self) -> None:
        """End it; legal more than once."""
        try:
            self._process.stop()
        finally:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return sorted(found)
