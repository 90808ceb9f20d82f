"""Where builds of native libraries happen: a cache of their own, a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from native_steps import Steps


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of native libraries."""
    root = tmp_path / "cache"
    root.mkdir()
    monkeypatch.setenv("TLSMGM_NATIVE_CACHE", str(root))
    return root


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps("stand-in 1.0", tmp_path / "build.log")
