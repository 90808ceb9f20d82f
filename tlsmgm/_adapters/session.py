"""Sessions as Python's ``ssl`` shows them, and counts of them."""

from __future__ import annotations

import hashlib
import time
from typing import Final

from tlsmgm._core.session import Session

__all__ = ["LIFETIME", "SSLSession", "new_statistics"]

#: Seconds for which a session is good at most; a library may end it earlier.
LIFETIME: Final = 7200

_COUNTS: Final = (
    "number",
    "connect",
    "connect_good",
    "connect_renegotiate",
    "accept",
    "accept_good",
    "accept_renegotiate",
    "hits",
    "misses",
    "timeouts",
    "cache_full",
)


class SSLSession:
    """What a client may offer to the server that it comes from.

    Attributes:
        time: seconds since 1970 at which it was given.
        timeout: seconds for which it may be offered.
        ticket_lifetime_hint: the same.
        has_ticket: always true: there are no other sessions.
        maker: the context whose connection got it; only that one offers it.
        native: the library's session.

    One that goes on from another, in TLS 1.2, has the same ``id``.
    """

    __slots__ = ("_id", "has_ticket", "maker", "native", "ticket_lifetime_hint", "time", "timeout")

    def __init__(self, native: Session, maker: object, offered: SSLSession | None = None) -> None:
        self.native = native
        self.maker = maker
        self.time = int(time.time())
        self.timeout = LIFETIME
        self.ticket_lifetime_hint = LIFETIME
        self.has_ticket = True
        self._id: bytes | None = None if offered is None else offered.id

    @property
    def id(self) -> bytes:
        """32 bytes that tell it from others, and say nothing of its secrets."""
        if self._id is None:
            self._id = hashlib.sha256(self.native.export()).digest()
        return self._id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SSLSession):
            return NotImplemented
        return self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)


def new_statistics() -> dict[str, int]:
    """Return the counts of ``session_stats()``, all 0."""
    return dict.fromkeys(_COUNTS, 0)
