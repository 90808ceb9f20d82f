"""Data that waits to be sent."""

class Outgoing:
    """Application data in order, not encrypted yet: records are made when they can be sent.

    So whatever gathers while a peer is slow leaves in full records, and is in memory once.
    """

    @property
    def size(self) -> int:
        """Bytes that wait."""
