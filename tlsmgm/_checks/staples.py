"""OCSP responses of server domains: whether today's clients can use what is stapled.

That a response is about the domain's certificate is checked when the domain loads. It also ends,
mostly within a week, and whoever fetches a new one may have stopped doing so.
"""

from __future__ import annotations

import datetime

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.staple import staple_times
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.words import minute
from tlsmgm._material.reading import Reader
from tlsmgm.errors import TLSError

__all__ = ["staple_warning"]


def staple_warning(
    domain: Domain, reader: Reader, now: datetime.datetime | None = None
) -> str | None:
    """Say that a domain's OCSP response does not hold now (RFC 6960 section 4.2.2.1).

    Args:
        domain: what of its files cannot be read is left to those who load the domain.
        reader: reads them.
        now: the time to compare with; None: the clock.

    Returns:
        A sentence without the domain's name; None if there is nothing to say.
    """
    if domain.ocsp_response is None or domain.certificate is None:
        return None
    try:
        response = bytes(reader.content(domain.ocsp_response))
        shown = bytes(reader.content(domain.certificate))
        begins, ends = staple_times(response, Certificate.from_pem(shown)[0].der)
    except (TLSError, ValueError):
        return None
    now = now or datetime.datetime.now(datetime.UTC)
    if begins is not None and begins > now:
        what = f"does not hold before {minute(begins)}"
    elif ends is not None and ends < now:
        what = f"ended to hold on {minute(ends)}"
    else:
        return None
    return f"the OCSP response {what}: clients that want a good one refuse the connection"
