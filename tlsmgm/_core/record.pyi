"""Records: what remains of the engine's connections, and how Python gets to see it."""

from collections.abc import Callable
from typing import Any, Self

from tlsmgm._core.plan import Plan, UpstreamAddress
from tlsmgm._core.ring import Ring
from tlsmgm.errors import TLSError

class Record:
    """What remains of a connection that has ended; or the news that one was not let in."""

    @property
    def plan(self) -> Plan | None:
        """Under which it came in; None: it is not known any more."""
    @property
    def client(self) -> Any:
        """What was made of the client's TLS connection, or None."""
    @property
    def upstream(self) -> Any:
        """The same of the upstream's."""
    @property
    def has_ended(self) -> bool:
        """Whether it is about a connection that had been let in."""
    @property
    def refused_by(self) -> str | None:
        """The name of the limit that keeps clients out, such as this one; or None."""
    @property
    def is_untrusted(self) -> bool:
        """Whether somebody was kept out who may not send the PROXY header that is due."""
    @property
    def cannot_accept(self) -> bool:
        """Whether a listening socket could not accept; ``error`` says why."""
    @property
    def status(self) -> str:
        """How it ended, in a word of the access log."""
    @property
    def error(self) -> int:
        """The number of the system's error that has ended it; 0: none has."""
    @property
    def reason(self) -> str | None:
        """Why it ended, in words; None: it does not need any, or ``failure`` or ``error`` has it."""
    @property
    def failure(self) -> TLSError | None:
        """What TLS has failed with, as an exception, or None."""
    @property
    def listener(self) -> int:
        """The number of the listening socket."""
    @property
    def accepted(self) -> float:
        """When it was accepted, in seconds of :func:`tlsmgm._core.worker.clock`."""
    @property
    def ended(self) -> float:
        """When it was over, in the same."""
    @property
    def bytes_in(self) -> int:
        """Application bytes from the client."""
    @property
    def bytes_out(self) -> int:
        """Application bytes from the upstream."""
    @property
    def client_address(self) -> tuple[bytes, int] | None:
        """16 bytes, IPv4 mapped into IPv6, and a port; None: the client has no such address."""
    @property
    def sender_address(self) -> tuple[bytes, int] | None:
        """The same of whoever sent the PROXY header that says so; None: there was none."""
    @property
    def local_address(self) -> tuple[bytes, int]:
        """The same of the end that it has come in at."""
    @property
    def server_name(self) -> str | None:
        """The name that the client has asked for, or None."""
    @property
    def domain(self) -> Any:
        """The TLS domain of the client, or None."""
    @property
    def is_established(self) -> bool:
        """Whether the client's handshake has come to a good end."""
    @property
    def upstream_address(self) -> UpstreamAddress | None:
        """The address that was asked last, an UpstreamAddress, or None."""
    @property
    def is_attached(self) -> bool:
        """Whether that upstream has answered."""

class Records(Ring):
    """The records of one worker, the oldest first; one thread takes them.

    Args:
        make: is called with ``given=...``, and returns what stands in the records for a TLS
            connection.
        capacity: how many may wait, a power of two; those beyond are lost and counted.
    """

    def __new__(cls, make: Callable[..., object], capacity: int) -> Self: ...
    def take(
        self, plans: dict[int, Plan], adopted: dict[int, tuple[UpstreamAddress, tuple[int, ...]]]
    ) -> list[Record]:
        """Some of the records that wait.

        Args:
            plans: all that may still be in use, by number.
            adopted: upstreams of connections that the program has sent on, by number, each with all
                numbers of its group; groups of the records are taken out.

        Returns:
            A list of :class:`Record`; empty: none waits.
        """
