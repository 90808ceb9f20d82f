"""TLS-terminating servers over loopback: each a program in front of the same plain upstream.

A subclass says how its program is found, configured and started; everything else is here::

    with Nginx(upstream.echo_port, cpus=[0]) as server:
        port = server.start(identity, setting)
        before = server.cpu_seconds()
        ...
        spent = server.cpu_seconds() - before

All programs run with one worker, listen on the loopback only, write no access log, and keep their
configuration in a temporary folder.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from benchmarks.cohort.openssl_config import check_group, write_openssl_config
from benchmarks.cohort.probe import probe
from benchmarks.cohort.processes import Program
from benchmarks.cohort.setting import Absent, Facts, Identity, Setting, check_facts
from tlsmgm.errors import TLSError

__all__ = ["LoopbackServer", "Place", "find_program", "free_port", "version_of", "write_secret"]

#: Seconds for a program to be ready.
_READY_TIME = 20.0

#: Seconds between two looks at a program that is not ready yet.
_PAUSE = 0.02

#: A port is free when we look and may be taken when the program binds it.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Place:
    """What a program's configuration is made from.

    Attributes:
        folder: temporary, readable by its owner only.
        port: where to listen on 127.0.0.1.
        upstream: port of the plain server on 127.0.0.1.
        identity: certificate and key; the CA of clients for mutual TLS.
        setting: what is pinned.
    """

    folder: Path
    port: int
    upstream: int
    identity: Identity
    setting: Setting


class LoopbackServer(ABC):
    """A TLS-terminating server.

    Args:
        upstream: port of the plain server on 127.0.0.1.
        cpus: processors that the server may run on; None leaves it to the system.

    Attributes:
        name: for tables.
        program: name and version.
        library: TLS library and its version.
        facts: what the client that found the server ready has negotiated; None before.

    Raises:
        Absent: its program is not installed.
    """

    name: ClassVar[str]
    program: str
    library: str

    def __init__(self, upstream: int, *, cpus: Iterable[int] | None = None) -> None:
        self._upstream = upstream
        self._cpus = None if cpus is None else tuple(cpus)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: Program | None = None
        self.facts: Facts | None = None
        self.program, self.library = self.find()

    @abstractmethod
    def find(self) -> tuple[str, str]:
        """Return name and version of program and library.

        Raises:
            Absent: the program is not installed; the text names the package.
        """

    @abstractmethod
    def command(self, place: Place) -> Sequence[str]:
        """Write the configuration and return the command that runs in the foreground."""

    def environment(self) -> Mapping[str, str]:
        """Return variables that the program needs."""
        return {}

    def check(self, setting: Setting) -> None:
        """Raise Absent if the program cannot do what is pinned."""
        check_group(self.name, self.library, setting)

    def start(self, identity: Identity, setting: Setting) -> int:
        """Start the program and wait until a TLS handshake has succeeded.

        Args:
            identity: certificate and key; the client's for mutual TLS.
            setting: what is pinned.

        Returns:
            The port on 127.0.0.1.

        Raises:
            Absent: it cannot do what is pinned.
            MismatchError: it negotiates something else.
            RuntimeError: it ended, or was not ready in time; the text has its log.
        """
        self.check(setting)
        self.stop()
        for attempt in range(_ATTEMPTS):
            try:
                return self._start(identity, setting)
            except _EndedError as error:
                self.stop()
                if attempt + 1 == _ATTEMPTS or "in use" not in str(error).lower():
                    raise
            except BaseException:
                self.stop()
                raise
        raise AssertionError("the loop returns or raises")

    def _start(self, identity: Identity, setting: Setting) -> int:
        self._folder = tempfile.TemporaryDirectory(prefix="tlsmgm-bench-")
        folder = Path(self._folder.name)
        place = Place(folder, free_port(), self._upstream, identity, setting)
        pinned = write_openssl_config(folder / "openssl.cnf", setting)
        self._process = Program(
            self.command(place),
            folder / "log",
            cpus=self._cpus,
            environment={**pinned, **self.environment()},
        )
        self.facts = self._wait(place)
        check_facts(self.facts, setting, self.name)
        return place.port

    def _wait(self, place: Place) -> Facts:
        deadline = time.monotonic() + _READY_TIME
        while True:
            try:
                with probe(place.port, place.identity, place.setting) as client:
                    facts = client.facts
                    client.close()
                    return facts
            except OSError as error:
                reason: Exception = error
            except TLSError as error:
                reason = error
            if not self._running.is_running(_PAUSE):
                raise _EndedError(f"{self.name} has ended:\n{self._running.log()}")
            if time.monotonic() > deadline:
                log = self._running.log()
                raise RuntimeError(f"{self.name} is not ready: {reason}\n{log}") from reason

    @property
    def _running(self) -> Program:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._process

    def pids(self) -> list[int]:
        """Return all its processes."""
        return self._running.pids()

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes since they were started."""
        return self._running.cpu_seconds()

    def memory(self) -> int:
        """Return the memory of all its processes in bytes; what they share counts in parts."""
        return self._running.memory()

    def log(self) -> str:
        """Return what it has written."""
        return self._running.log()

    def stop(self) -> None:
        """End all its processes and remove its files; legal more than once."""
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        try:
            if process is not None:
                process.stop()
        finally:
            if folder is not None:
                folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _EndedError(RuntimeError):
    """The program has ended before it was ready."""


def free_port() -> int:
    """Return a port that nobody listens on at 127.0.0.1 at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def find_program(name: str, *packages: str, names: Sequence[str] = ()) -> str:
    """Return the path of a program.

    Args:
        name: of the program.
        packages: of Debian that bring it, for the message.
        names: further names that it has elsewhere.

    Raises:
        Absent: it is not installed.
    """
    # Servers are often where only root's PATH leads to.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    for each in (name, *names):
        found = shutil.which(each, path=path)
        if found is not None:
            return found
    raise Absent(f"{name}: apt install {' '.join(packages or (name,))}")


def version_of(command: Sequence[str], pattern: str) -> str:
    """Return the version that a program says it has, or ``of unknown version``.

    Args:
        command: that prints it.
        pattern: a regular expression whose first group is the version.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return "of unknown version" if found is None else found[1]


def write_secret(path: Path, text: str) -> str:
    """Write a file that only its owner can read; return its path."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    return str(path)
