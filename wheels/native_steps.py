"""How does a build show its progress and keep its log?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from native_pins import NativeBuildError

LINES_SHOWN_ON_FAILURE = 25


def say(text: str) -> None:
    """Print one line of progress. Standard output is kept for results."""
    print(text, file=sys.stderr, flush=True)


class Steps:
    """Runs the commands of one build, one named step each, with all output in a log file."""

    def __init__(self, title: str, log: Path) -> None:
        self.title = title
        self.log = log

    def run(
        self, step: str, command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Run a command to its end; if it fails, raise NativeBuildError with its last lines."""
        started = time.monotonic()
        code = self._execute(step, command, cwd, env, show=True)
        if code != 0:
            raise NativeBuildError(self._failure(step, code))
        self._line(step, started, end="\n")

    def run_quietly(self, step: str, command: Sequence[str], *, cwd: Path) -> None:
        """Run a command that is too short to be worth a line, unless it fails."""
        code = self._execute(step, command, cwd, None, show=False)
        if code != 0:
            raise NativeBuildError(self._failure(step, code))

    def run_tolerantly(self, step: str, command: Sequence[str], *, cwd: Path) -> bool:
        """Run a command that may fail; tell whether it did its work."""
        return self._execute(step, command, cwd, None, show=True) == 0

    def _execute(
        self,
        step: str,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str] | None,
        *,
        show: bool,
    ) -> int:
        with self.log.open("ab") as log:
            log.write(f"\n== {step}: {' '.join(command)}\n".encode())
            log.flush()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            self._wait(process, step, show=show)
        return process.returncode

    def _wait(self, process: subprocess.Popen[bytes], step: str, *, show: bool) -> None:
        started = time.monotonic()
        live = show and sys.stderr.isatty()
        try:
            while process.poll() is None:
                if live:
                    self._line(step, started, end="")
                time.sleep(0.05)
        except BaseException:
            process.kill()
            process.wait()
            raise

    def _line(self, step: str, started: float, end: str) -> None:
        start = "\r" if sys.stderr.isatty() else ""
        elapsed = time.monotonic() - started
        text = f"{start}  {self.title:<16} {step:<12} {elapsed:6.1f} s"
        print(text, file=sys.stderr, end=end, flush=True)

    def _failure(self, step: str, code: int) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        tail = "\n".join(f"    {line}" for line in lines[-LINES_SHOWN_ON_FAILURE:])
        return (
            f"{self.title}: the step '{step}' failed with exit code {code}. Its last lines:\n"
            f"{tail}\nThe full log is in {self.log}"
        )
