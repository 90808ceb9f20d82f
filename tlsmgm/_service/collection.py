"""Keeps what lives as long as the configuration out of Python's garbage collector.

The objects of 20,000 domains are looked at in each full collection, and a reload makes so many new
ones that several follow each other, each of which stops the loop for a tenth of a second and more.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["loading", "settle"]

_YOUNG = 1
_NEVER = 1_000_000_000


def settle() -> None:
    """Let the collector pass over all objects that there are now.

    They are freed as before when nobody refers to them any more; only rings of them are not, so
    nothing that comes and goes may be one: see ``forget()`` of relays and endpoints.
    """
    gc.collect(_YOUNG)  # rings that a load has left, without a look at what is old
    gc.freeze()


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Put full collections off while a load goes on, and settle when it has come to a good end.

    They would look at all that the load has made so far, again and again, and find nothing: what
    becomes old in a load stays.
    """
    first, second, third = gc.get_threshold()
    gc.set_threshold(first, second, _NEVER)
    try:
        yield
        settle()
    finally:
        gc.set_threshold(first, second, third)
