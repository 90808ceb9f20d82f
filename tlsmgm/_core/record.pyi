"""Records: what remains of the engine's connections, how Python gets to see it, and notices."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from tlsmgm._core.plan import Plan, UpstreamAddress
from tlsmgm._core.ring import Ring
from tlsmgm.errors import TLSError

_Kind = TypeVar("_Kind", bound=Record)

class Record:
    """What remains of a connection that has ended."""

    @property
    def status(self) -> str:
        """How it ended, in one word; docs/python.md has them all."""
    @property
    def error(self) -> int:
        """The number of the system's error that has ended it; 0: none has."""
    @property
    def is_established(self) -> bool:
        """Whether the client's handshake has come to a good end."""
    @property
    def is_attached(self) -> bool:
        """Whether the upstream has answered that was asked last."""
    @property
    def timestamp(self) -> float:
        """When it was accepted, in seconds since 1970, as :func:`time.time` has them."""
    @property
    def duration(self) -> float:
        """Seconds from accept to the end."""
    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the client; None: it has none, as on a unix socket.

        Where the listener takes PROXY headers, the one in the header.
        """
    @property
    def peer(self) -> tuple[str, int] | None:
        """The other end of the connection itself: who sent the PROXY header, else the client."""
    @property
    def local(self) -> tuple[str, int]:
        """Address and port that it came in at, or that the PROXY header names."""
    @property
    def listener(self) -> int:
        """Which of the listener's addresses that was, from 0 on."""
    @property
    def domain(self) -> Any:
        """The server domain that has answered, or None."""
    @property
    def server_name(self) -> str | None:
        """Server name (SNI) that the client sent, or None."""
    @property
    def upstream(self) -> str | None:
        """Address of the upstream: the one that has answered, else the one that was given."""
    @property
    def bytes_in(self) -> int:
        """Application bytes from the client."""
    @property
    def bytes_out(self) -> int:
        """Application bytes from the upstream."""
    @property
    def connection(self) -> Any:
        """The TLS connection with the client, to be looked at; None: there was none."""
    @property
    def upstream_connection(self) -> Any:
        """The same with the upstream."""

def ended_at(record: Record) -> float:
    """When it was over, in seconds of :func:`tlsmgm._core.worker.clock`."""

def note_of(record: Record) -> str | None:
    """Why it ended, in words; None: it does not need any, or its trouble or error has it."""

def trouble_of(record: Record) -> TLSError | None:
    """What TLS, or its PROXY header, has failed with, as an exception, or None."""

def give_upstream(record: Record, text: str | None) -> None:
    """Say which upstream was configured, for where none has answered."""

class Notice:
    """News of somebody who was not let in, told now and then.

    Where no limit keeps him out, and accepting is possible, he may not send the PROXY header that
    is due.
    """

    @property
    def refused_by(self) -> str | None:
        """The name of the limit that keeps clients out, such as this one; or None."""
    @property
    def cannot_accept(self) -> bool:
        """Whether a listening socket could not accept; ``error`` says why."""
    @property
    def error(self) -> int:
        """The number of the system's error, or 0."""
    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the client; None: it has none."""

class Records(Ring, Generic[_Kind]):
    """The records of one worker, the oldest first; one thread takes them.

    Args:
        kind: what those of connections become, a subclass of :class:`Record`.
        make: is called with ``given=...`` when somebody asks for a TLS connection of a record, and
            returns it.
        capacity: how many may wait, a power of two; those beyond are lost and counted.
    """

    def __new__(cls, kind: type[_Kind], make: Callable[..., object], capacity: int) -> Self: ...
    def take(
        self,
        plans: dict[int, Plan],
        adopted: dict[int, tuple[UpstreamAddress, tuple[int, ...]]],
        ended: list[_Kind],
        notices: list[Notice],
    ) -> None:
        """Move all records that are there to the ends of two lists.

        Args:
            plans: all that may still be in use, by number.
            adopted: upstreams of connections that the program has sent on, by number, each with all
                numbers of its group; groups of the records are taken out.
            ended: gets those of connections that have ended.
            notices: gets the others.

        Raises:
            MemoryError: there is none for more; those that are left are there the next time, and so
                they are after whatever else is raised.
        """
