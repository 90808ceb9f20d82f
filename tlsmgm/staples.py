"""OCSP responses of server domains: whether today's clients can use what is stapled.

That a response is about the domain's certificate is checked when the domain loads. It also ends,
mostly within a week, and whoever fetches a new one may have stopped doing so.
"""

from __future__ import annotations

import datetime
import os
import stat

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.staple import staple_times
from tlsmgm.domain import Domain, Source
from tlsmgm.errors import TLSError

__all__ = ["staple_warning"]


def staple_warning(domain: Domain, now: datetime.datetime | None = None) -> str | None:
    """Say that a domain's OCSP response does not hold now (RFC 6960 section 4.2.2.1).

    Args:
        domain: its files are read now; what cannot be read is left to those who load the domain.
        now: the time to compare with; None: the clock.

    Returns:
        A sentence without the domain's name; None if there is nothing to say.
    """
    response, shown = _content(domain.ocsp_response), _content(domain.certificate)
    if response is None or shown is None:
        return None
    try:
        begins, ends = staple_times(response, Certificate.from_pem(shown)[0].der)
    except (TLSError, ValueError):
        return None
    now = now or datetime.datetime.now(datetime.UTC)
    if begins is not None and begins > now:
        what = f"does not hold before {begins:%Y-%m-%d %H:%M} UTC"
    elif ends is not None and ends < now:
        what = f"ended to hold on {ends:%Y-%m-%d %H:%M} UTC"
    else:
        return None
    return f"the OCSP response {what}: clients that want a good one refuse the connection"


def _content(source: Source | None) -> bytes | None:
    """What is in memory or in a regular file; nothing else is waited for."""
    if source is None or isinstance(source, bytes):
        return source
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):
            return None
        with open(source, "rb") as file:
            return file.read()
    except OSError:
        return None
