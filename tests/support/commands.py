"""The command line, run in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tlsmgm._cli import main

#: Runs a command; gives exit code, output and errors.
Run = Callable[..., tuple[int, str, str]]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs commands and captures what they print."""

    def run_command(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        out, err = capsys.readouterr()
        return code, out, err

    return run_command
