"""How much an endpoint reads, how much may wait in it, and why it is not read."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["HIGH_WATER", "READ_SIZE", "Buffers", "Hold"]

#: Bytes taken from the wire at a time: half as many cost a sixth more CPU time in bulk, twice as
#: many cost more, too, since buffers of that size come from the kernel and go back each time.
READ_SIZE: Final = 128 * 1024

#: Bytes waiting to be written above which the other side is not read, unless somebody chooses
#: another number; below a quarter it is read again.
HIGH_WATER: Final = 128 * 1024


class Hold(enum.Flag):
    """Why an endpoint is not read."""

    START = enum.auto()  # there is no sink yet
    SINK = enum.auto()  # the sink has too much to write
    SELF = enum.auto()  # the peer makes us answer and does not take the answers


class Buffers:
    """Memory that all endpoints of a loop share, each for one step.

    Args:
        high_water: bytes that may wait in each endpoint before its source is not read.
    """

    def __init__(self, high_water: int = HIGH_WATER) -> None:
        self.high_water = high_water
        self.wire = memoryview(bytearray(READ_SIZE))
        self.plain = memoryview(bytearray(READ_SIZE))
