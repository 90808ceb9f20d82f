"""Starting whole, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["undone_by"]


@contextlib.asynccontextmanager
async def undone_by(stop: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Take everything back if one step of a start fails.

    Args:
        stop: is called then; it can stop what has begun in part.
    """
    try:
        yield
    except BaseException:
        await stop()
        raise
