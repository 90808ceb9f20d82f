"""What was read from the table: a domain, or a reason, for each row."""

from __future__ import annotations

from dataclasses import dataclass, field

from tlsmgm._domains.domain import Domain, DomainKind, Origin
from tlsmgm.errors import PlacedError

__all__ = ["RowFailure", "Rows"]


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row of the database that makes no domain.

    Args:
        error: why; it names row, domain and column.
        origin: the row.
        key: of the domain that it would have made, if that can be read.
        name: of that domain, if at least that can be read.
    """

    error: PlacedError
    origin: Origin
    key: tuple[DomainKind, str] | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """What a database holds.

    Args:
        items: a domain or a failure for each row, in order.
        columns: names of columns, by field of Domain.
        source: equal for rows of the same table; what a failing row keeps must come from there.
        ticket_secrets: of the fleet, from which keys of session tickets follow.
    """

    items: tuple[Domain | RowFailure, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    source: object = None
    ticket_secrets: tuple[bytes, ...] = field(default=(), repr=False)
