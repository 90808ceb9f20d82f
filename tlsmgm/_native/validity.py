"""Whether a domain's own certificates hold now: if not, it loads, and its peers refuse it."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.items import read_chain
from tlsmgm._core.material import Material
from tlsmgm._domains.words import minute
from tlsmgm.errors import TLSError

__all__ = ["Validity", "out_of_force", "validities"]

_CERTIFICATES: Final = ("certificate", "certificate2")


class Validity(NamedTuple):
    """When one of a domain's own certificates holds.

    Attributes:
        parameter: that names it.
        begins: in UTC; None: no time that can be read.
        ends: in UTC; None: no time that can be read.
    """

    parameter: str
    begins: datetime.datetime | None
    ends: datetime.datetime | None


def validities(sources: Mapping[str, Material | bytes | None]) -> tuple[Validity, ...]:
    """Return the times of a domain's own certificates.

    Args:
        sources: by parameter; what a context was made of.
    """
    found = []
    for parameter in _CERTIFICATES:
        content = sources[parameter]
        if content is None:
            continue
        with contextlib.suppress(TLSError):  # the context has taken it, so there is no error
            leaf = Certificate(read_chain(content, parameter)[0].der)
            found.append(Validity(parameter, leaf.not_before, leaf.not_after))
    return tuple(found)


def out_of_force(shown: Iterable[Validity], now: datetime.datetime) -> Iterator[tuple[str, str]]:
    """Say what of them does not hold now.

    Args:
        shown: of one domain.
        now: the time to compare with.

    Yields:
        A parameter and a sentence.
    """
    for parameter, begins, ends in shown:
        if begins is not None and begins > now:
            yield parameter, f"it is not valid before {minute(begins)}: peers refuse it"
        elif ends is not None and ends < now:
            yield parameter, f"it expired on {minute(ends)}: peers refuse it"
