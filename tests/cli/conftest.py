"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

import tlsmgm
from tests.support.commands import Run, runner


@pytest.fixture(params=["openssl", "wolfssl"])
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name not in tlsmgm.backends():
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; gives exit code, output and errors."""
    return runner(capsys)
