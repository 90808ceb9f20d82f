"""Fixtures of the tests of ``tlsmgm.aio``."""

from __future__ import annotations

import pytest

from tests.support.aio import LOOPS, versioned
from tests.support.managers import manager_of
from tlsmgm import TLSManager


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    """Whose loop runs."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["engine", "loop"])
def engine(request: pytest.FixtureRequest) -> bool:
    """Who does the handshakes of a server."""
    return bool(request.param)


@pytest.fixture
def manager(library: str) -> TLSManager:
    """With the domains ``dom1``, ``dom2`` and ``client``."""
    return manager_of(library)


@pytest.fixture
def one_version(library: str, version: str) -> TLSManager:
    """The same, of one version alone."""
    return versioned(library, version)
