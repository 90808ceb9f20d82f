"""The real ``opensips-cli``, which ``make test`` installs into an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.sanitizers import ENVIRONMENT

TIMEOUT = 60.0

PROGRAM = Path(sys.prefix) / "opensips-cli" / "bin" / "opensips-cli"


class OpenSIPSCLI:
    """Runs it with settings of its own.

    Args:
        folder: has its configuration and takes its history.
        settings: of how to reach the server, by their names in its configuration.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        assert PROGRAM.exists(), f"there is no {PROGRAM}; `make test` installs it"
        self._folder = folder
        lines = ["[default]", *(f"{name}: {value}" for name, value in settings.items())]
        self._config = folder / "opensips-cli.cfg"
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``opensips-cli -x WORDS``."""
        environment = {
            name: value
            for name, value in ENVIRONMENT.items()
            if not name.lower().endswith("_proxy") and not name.startswith("PYTHON")
        }
        return subprocess.run(
            [PROGRAM, "-f", str(self._config), "-x", *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            cwd=self._folder,
            env=environment | {"HOME": str(self._folder)},
        )

    def mi(self, command: str, *params: str) -> Any:
        """Run a management command that succeeds, and return its result."""
        done = self.run("mi", command, *params)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def error(self, command: str, *params: str) -> str:
        """Run a management command that fails, and return what is printed."""
        done = self.run("mi", command, *params)
        assert done.returncode != 0, done.stdout
        assert done.stdout == ""
        return done.stderr
