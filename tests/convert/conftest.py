"""Fixtures of the tests of conversion."""

from __future__ import annotations

import pytest

from tests.support.commands import Run, runner


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; gives exit code, output and errors."""
    return runner(capsys)
