"""Client sessions, kept until the same server is called again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from tlsmgm._core.session import Session

__all__ = ["SessionCache", "SessionKeeper"]


class SessionCache:
    """The latest session of each server.

    A session of TLS 1.3 is given out once (RFC 8446 appendix C.4: who sees a ticket twice knows
    that the same client is back); one of TLS 1.2 as often as it is asked for.

    Args:
        size: servers whose session is kept; the one that was not used for longest goes first.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._sessions: OrderedDict[Hashable, tuple[Session, bool]] = OrderedDict()

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    def take(self, key: Hashable) -> Session | None:
        """Return a session to offer, or None.

        Args:
            key: says which server is called, and under which rules.
        """
        with self._lock:
            session, is_for_one_use = self._sessions.get(key, (None, False))
            if is_for_one_use:
                del self._sessions[key]
            elif session is not None:
                self._sessions.move_to_end(key)
        return session

    def put(self, key: Hashable, session: Session, *, is_for_one_use: bool) -> None:
        """Keep a session in place of an older one.

        Args:
            key: as for :meth:`take`.
            session: that the server gave.
            is_for_one_use: as in TLS 1.3.
        """
        with self._lock:
            self._sessions[key] = session, is_for_one_use
            self._sessions.move_to_end(key)
            if len(self._sessions) > self._size:
                self._sessions.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget a session: none may keep a server out of reach."""
        with self._lock:
            self._sessions.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._sessions.clear()


class SessionKeeper:
    """What one connection does with the session that it is given.

    Args:
        cache: where it goes.
        key: of the server.
    """

    __slots__ = ("_cache", "_key")

    def __init__(self, cache: SessionCache, key: Hashable) -> None:
        self._cache = cache
        self._key = key

    def keep(self, session: Session, version: str | None) -> None:
        """Take the session of a connection whose handshake is complete."""
        self._cache.put(self._key, session, is_for_one_use=version == "TLSv1.3")

    def give_up(self) -> None:
        """Take note that the handshake has failed."""
        self._cache.drop(self._key)
