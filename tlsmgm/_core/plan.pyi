"""Plans: what holds for the connections of an engine that come in from now on."""

from collections.abc import Sequence
from typing import Self

from tlsmgm._core.context import Context
from tlsmgm._core.selector import Selector

class UpstreamAddress:
    """An address to which connections go.

    Args:
        sockaddr: its bytes, as the system has them.
        text: the same for people.
        context: of a client, to speak TLS there; None: plain TCP.
        server_name: to send (RFC 6066 section 3), or None.
        verify_name: host name or IP address that its certificate must carry; None: any will do.
        weight: its share among those of its route, 1 to 100.

    Raises:
        ValueError: the address is empty or longer than any that there is.
    """

    def __new__(
        cls,
        sockaddr: bytes,
        text: str,
        context: Context | None = None,
        server_name: bytes | None = None,
        verify_name: bytes | None = None,
        weight: int = 1,
    ) -> Self: ...
    @property
    def sockaddr(self) -> bytes:
        """As given."""
    @property
    def text(self) -> str:
        """As given."""
    @property
    def context(self) -> Context | None:
        """As given."""
    @property
    def server_name(self) -> bytes | None:
        """As given."""
    @property
    def verify_name(self) -> bytes | None:
        """As given."""
    @property
    def weight(self) -> int:
        """As given."""

class Routes:
    """Where connections go; immutable, but for whose turn it is and which addresses failed last.

    Args:
        routes: domain number, or None for all others, to a sequence of :class:`UpstreamAddress`,
            which may be empty, for nobody; or to None: they are handed over to the program.
        first_number: of the upstreams, which are counted from there on; records have it.
        balance: whose turn it is: 0 one after the other, 1 the one with the fewest connections.

    Raises:
        ConfigError: the context of an upstream is a server's, or weights are too large.
    """

    def __new__(
        cls,
        routes: dict[int | None, Sequence[UpstreamAddress] | None],
        first_number: int = 0,
        balance: int = 0,
    ) -> Self: ...
    @property
    def upstreams(self) -> tuple[UpstreamAddress, ...]:
        """In order of their numbers."""

class Plan:
    """What holds for the connections that come in from now on; immutable, shared by workers.

    Args:
        number: tells it from others; records have it.
        selector: chooses the domain of clients that speak TLS; None: none does.
        routes: as for :class:`Routes`.
        first_byte_timeout, handshake_timeout, connect_timeout, idle_timeout, send_timeout,
            linger_timeout: milliseconds; 0 is no bound for the first and for ``idle_timeout``.
        idle_records: TLS records in a row that may bring no data; 0: no bound.
        high_water: bytes that may wait for one peer before the other one is not read.
        ends_plain_with_fin: what a plain neighbour sees of an unclean end is no reset.
        asks: who takes the questions of the worker may know a domain where none answers.
        hello_limit: bytes of the largest ClientHello; 0: as the selector says.
        preface: what upstreams are told about clients first: 0 nothing, 1 or 2 a PROXY protocol
            header of that version.
        preface_values: how much of the client's TLS is told: 0 nothing, 1 a part, 2 all.
        balance: as for :class:`Routes`.

    Raises:
        ConfigError: the context of an upstream is a server's, or weights are too large.
    """

    def __new__(
        cls,
        number: int,
        selector: Selector | None,
        routes: dict[int | None, list[UpstreamAddress] | None],
        *,
        first_byte_timeout: int,
        handshake_timeout: int,
        connect_timeout: int,
        idle_timeout: int,
        send_timeout: int,
        linger_timeout: int,
        idle_records: int,
        high_water: int,
        ends_plain_with_fin: bool = False,
        asks: bool = False,
        hello_limit: int = 0,
        preface: int = 0,
        preface_values: int = 0,
        balance: int = 0,
    ) -> Self: ...
    @property
    def selector(self) -> Selector | None:
        """As given."""
    @property
    def upstreams(self) -> tuple[UpstreamAddress, ...]:
        """Those of all routes, by the number that records have."""
    @property
    def number(self) -> int:
        """As given."""
    @property
    def is_alone(self) -> bool:
        """Whether no worker and no connection has it any more; then all its records are there."""
    def turn_ticket_keys(self) -> None:
        """Brings the keys of session tickets up to date, before connections need them."""
