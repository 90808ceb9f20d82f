"""How much memory this process has."""

from __future__ import annotations

from pathlib import Path

import pytest


def resident() -> int:
    """Return the resident memory of this process in bytes; skips where that cannot be known."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        pytest.skip("there is no /proc here")
    return pages * 4096
