"""Peers as processes: what they are told, and what they say."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.interop.peers import HERE, TOOLS, Command

_READY = 20.0  # seconds until a server listens
#: Of a thread, in the errors of OpenSSL.
_ADDRESS = re.compile(r"\b[0-9A-F]{16}:")
_SAYS = re.compile(r"^(end|error): *(.*)$", re.MULTILINE)


class ServerError(Exception):
    """A server does not listen."""


@dataclass(frozen=True)
class Said:
    """What a client has done.

    Attributes:
        answer: what it received on its last connection.
        words: its last line "end: ..." or "error: ...", without the word before the colon.
        is_over: it came to an end by itself.
    """

    answer: bytes
    words: str
    is_over: bool


def environment(values: Mapping[str, str | Path | int | None]) -> dict[str, str]:
    """Return the environment of a peer: ours, its tools, and what it is told (TLS_...)."""
    told = {f"TLS_{name}": str(value) for name, value in values.items() if value is not None}
    return os.environ | told | {"TLS_TOOLS": str(TOOLS), "TLS_PEERS": str(HERE)}


def words_of(output: str) -> str:
    """Return what a peer says of how it went: its last line that is about that."""
    found = _SAYS.findall(output)
    return _ADDRESS.sub("", " ".join(found[-1][1].split())) if found else ""


def run_client(
    command: Command, values: Mapping[str, str | Path | int | None], patience: float
) -> Said:
    """Run a client until it ends, for so many seconds at most."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer"
        env = environment({**values, "ANSWER": answer, "FOLDER": folder})
        output = Path(folder) / "output"
        with output.open("wb") as sink, _process(command, env, sink) as process:
            try:
                process.wait(patience)
                is_over = True
            except subprocess.TimeoutExpired:
                is_over = False
        text = output.read_text(encoding="utf-8", errors="replace")
        received = answer.read_bytes() if answer.exists() else b""
    return Said(received, words_of(text), is_over)


@contextlib.contextmanager
def server(
    command: Command, port: int, values: Mapping[str, str | Path | int | None]
) -> Iterator[Path]:
    """Run a server that listens on a port; give the file that has what it says."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        env = environment({**values, "PORT": port, "FOLDER": folder})
        with output.open("wb") as sink, _process(command, env, sink) as process:
            deadline = time.monotonic() + _READY
            while not listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    text = output.read_text(encoding="utf-8", errors="replace")
                    raise ServerError(f"does not start: {text[-500:]}")
                time.sleep(0.05)
            yield output


def listens(port: int) -> bool:
    """Say whether a port is listened on, without connecting: some servers take only one client."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == "0A":
                return True
    return False


@contextlib.contextmanager
def _process(
    command: Command, env: Mapping[str, str], sink: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a group of its own, and end the whole group."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sink,  # type: ignore[call-overload]
        stderr=subprocess.STDOUT,
        env=env,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
