"""Questions: clients for whose name the engine knows no domain, and who wait for an answer."""

from typing import Self

from tlsmgm._core.ring import Ring

class Question:
    """What is known of a client who waits."""

    @property
    def token(self) -> int:
        """Names the client to the worker that has asked."""
    @property
    def asked(self) -> float:
        """When, in seconds of ``time.monotonic()``."""
    @property
    def server_name(self) -> bytes | None:
        """The name as it was sent (RFC 6066 section 3), or None: none was."""
    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the client; None: it has none."""
    @property
    def local(self) -> tuple[str, int]:
        """The same of the end that it has come in at."""

class Questions(Ring):
    """The questions of one worker, the oldest first; one thread at a time takes them.

    Args:
        capacity: how many may wait, a power of two; the clients of those beyond are refused.
    """

    def __new__(cls, capacity: int) -> Self: ...
    def take(self) -> list[Question]:
        """Some of those that wait.

        Returns:
            A list of :class:`Question`; empty: none waits.

        Raises:
            MemoryError: there is none for the first; it is there the next time.
        """
