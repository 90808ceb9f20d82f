"""Runs the code in a document, block by block, the way a reader would.

``sh`` blocks go to bash, ``python`` blocks share one namespace, other blocks are only looked at. A
comment on the line before a block may say otherwise::

    <!-- not run: why -->
    <!-- background until: text that the program prints when it is ready -->
    <!-- exit code: 35 -->
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_ports
from tests.support.sanitizers import ENVIRONMENT, SANITIZER

TIMEOUT = 60.0

#: Languages that a block may be in; only the first two are run.
LANGUAGES = frozenset({"sh", "python", "text", "c"})

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code."""

    line: int
    language: str
    code: str
    note: str

    @property
    def skipped(self) -> bool:
        return self.language not in ("sh", "python") or self.note.startswith("not run: ")

    def after(self, prefix: str) -> str | None:
        """What the comment says behind the prefix."""
        return self.note.removeprefix(prefix) if self.note.startswith(prefix) else None


def read_blocks(text: str) -> list[Block]:
    """All blocks of a document."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(line, match["language"], match["code"], match["note"] or ""))
    return found


class Reader:
    """Somebody who follows a document.

    Args:
        root: the checkout.
        folder: where to work; empty.
        ports: port numbers of the document, which are replaced by free ones.
    """

    def __init__(self, root: Path, folder: Path, ports: tuple[int, ...]) -> None:
        self._folder = folder
        self._ports = dict(zip(map(str, ports), map(str, free_ports(len(ports))), strict=True))
        self._namespace: dict[str, object] = {"__name__": "document"}
        self._programs: list[_Program] = []
        for name in ("examples", "benchmarks"):
            (folder / name).symlink_to(root / name)
        commands = folder / ".commands"
        commands.mkdir()
        settings = [f"{name}={value}" for name, value in SANITIZER.items()]
        ours = shlex.join(["env", *settings, sys.executable])
        for name, arguments in {"python": "", "tlsmgm": "-m tlsmgm"}.items():
            script = commands / name
            script.write_text(f'#!/bin/sh\nexec {ours} {arguments} "$@"\n')
            script.chmod(0o755)
        self._environment = ENVIRONMENT | {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(root),
            "PYTHONUNBUFFERED": "1",
        }

    def follow(self, blocks: list[Block]) -> str:
        """Run all blocks.

        Returns:
            What those in the foreground printed.

        Raises:
            AssertionError: one of them failed; the message has its line and output.
        """
        printed = []
        try:
            for block in blocks:
                if not block.skipped:
                    printed.append(self._run(block))
        finally:
            for program in self._programs:
                program.stop()
        return "".join(printed)

    def _run(self, block: Block) -> str:
        code = re.sub(r"\b\d+\b", lambda match: self._ports.get(match[0], match[0]), block.code)
        ready = block.after("background until: ")
        if ready is not None:
            self._programs.append(_Program(code, self._folder, self._environment, ready))
            return ""
        if block.language == "python":
            return self._python(block, code)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        expected = int(block.after("exit code: ") or 0)
        if done.returncode != expected:
            raise AssertionError(
                f"line {block.line}: exit code {done.returncode}, not {expected}:\n{done.stdout}"
            )
        return done.stdout

    def _python(self, block: Block, code: str) -> str:
        printed = io.StringIO()
        padding = "\n" * (block.line - 1)  # so that a traceback has the document's lines
        try:
            with contextlib.chdir(self._folder), contextlib.redirect_stdout(printed):
                exec(compile(padding + code, "document", "exec"), self._namespace)
        except Exception as error:
            raise AssertionError(f"line {block.line}: {error!r}") from error
        return printed.getvalue()


class _Program:
    """A program in the background."""

    def __init__(self, code: str, folder: Path, environment: dict[str, str], ready: str) -> None:
        self._process = subprocess.Popen(
            ["bash", "-c", code],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._is_ready = threading.Event()
        self._ready = ready
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()
        if not self._is_ready.wait(TIMEOUT) or not any(ready in line for line in self._lines):
            self.stop()
            raise AssertionError(f"no {ready!r} in:\n{''.join(self._lines)}")

    def _collect(self) -> None:
        for line in self._output():
            self._lines.append(line)
            if self._ready in line:
                self._is_ready.set()
        self._is_ready.set()

    def _output(self) -> Iterator[str]:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            yield from stream

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(TIMEOUT)
        self._thread.join(TIMEOUT)
