from __future__ import annotations

from pathlib import Path

import pytest

from tests.pool.flows import WAYS, Way, World
from tests.support.scripts import Site


@pytest.fixture
def world(library: str, version: str) -> World:
    """Both ends over the library under test, with an empty pool."""
    return World(library, version)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Exclusive or shared use."""
    return WAYS[request.param]


@pytest.fixture
def site(tmp_path: Path, library: str) -> Site:
    """A folder with a script over the library under test."""
    return Site(tmp_path, library)
