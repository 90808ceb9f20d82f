"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

from tests.support.commands import Run, runner
from tests.support.libraries import installed


@pytest.fixture(params=["openssl", "wolfssl"])
def library(request: pytest.FixtureRequest) -> str:
    return installed(request.param)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; gives exit code, output and errors."""
    return runner(capsys)
