"""Rings: what workers put down for Python, and the addresses that stand in it."""

class Ring:
    """What one worker has put down and nobody has taken yet; one thread at a time takes it.

    Whoever inherits takes out what is in it, before the ring goes.
    """

    @property
    def lost(self) -> int:
        """How many found no room."""
