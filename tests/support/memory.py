"""How much memory this process has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sanitizers import IS_SANITIZED


def resident() -> int:
    """Return the resident memory of this process in bytes; skips where that cannot be known.

    It is 0 with a sanitizer, whose own bookkeeping grows with what passes through it.
    """
    if IS_SANITIZED:
        return 0
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        pytest.skip("there is no /proc here")
    return pages * 4096
