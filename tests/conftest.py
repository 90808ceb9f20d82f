"""Fixtures of every test: which library, which version; the command line in this process.

A folder whose tests need more of a library than that it is installed has a ``library`` of its own,
made of this one.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.support.commands import Run, runner
from tests.support.libraries import LIBRARIES, check_required, installed
from tests.support.managers import VERSIONS

# No test judges how long something takes; a busy machine would fail it.
settings.register_profile("tlsmgm", deadline=None)
settings.load_profile("tlsmgm")


def pytest_configure() -> None:
    """Refuse to run where a library is missing that must be there."""
    check_required()


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    """The library under test; of a handshake, the server's."""
    return installed(request.param)


@pytest.fixture(params=LIBRARIES)
def client_library(request: pytest.FixtureRequest) -> str:
    """The client's library where both sides count."""
    return installed(request.param)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """The only version that is spoken."""
    return str(request.param)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; gives exit code, output and errors."""
    return runner(capsys)
