from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scripts import Site


@pytest.fixture
def site(tmp_path: Path, library: str) -> Site:
    """A folder with a script over the library under test."""
    return Site(tmp_path, library)
