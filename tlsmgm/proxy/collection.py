"""Keeps what lives as long as the configuration out of Python's garbage collector.

The objects of 20,000 domains are looked at in each full collection, and a reload makes so many new
ones that several follow each other, each of which stops the loop for a tenth of a second and more.
"""

from __future__ import annotations

import gc

__all__ = ["settle"]

_YOUNG = 1


def settle() -> None:
    """Let the collector pass over all objects that there are now.

    They are freed as before when nobody refers to them any more; only rings of them are not, so
    nothing that comes and goes may be one: see ``forget()`` of relays and endpoints.
    """
    gc.collect(_YOUNG)  # rings that a load has left, without a look at what is old
    gc.freeze()
