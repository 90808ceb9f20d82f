"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tlsmgm
from tlsmgm.cli import main


@pytest.fixture(params=["openssl", "wolfssl"])
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name not in tlsmgm.backends():
        pytest.skip(f"{name} is not installed")
    return name


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; gives exit code, output and errors."""

    def run_command(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        out, err = capsys.readouterr()
        return code, out, err

    return run_command
