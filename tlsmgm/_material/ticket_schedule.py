"""Which keys seal session tickets, and until when.

A domain's key seals tickets for one *period* and opens them for two more; then nobody can (RFC 5077
section 5.5).  There are two kinds of schedules:

* :class:`OwnSchedule`: keys that no other program knows.  Each follows from the one before by a
  function that has no way back, so worker processes that were forked from one parent agree
  without a word, and whoever takes the present key cannot open the tickets of the past.
* :class:`SharedSchedule`: keys that follow from a secret, the domain and the time of day.  All
  machines of a fleet that know the secret resume each other's sessions.  Whoever takes the
  secret can open all tickets that were sealed with it, so it should change now and then.

Derivation is HKDF with SHA-256 (RFC 5869).
"""

from __future__ import annotations

import hmac
import math
import os
import threading
import time
from collections.abc import Callable, Sequence

from tlsmgm._core.ticket_keys import KEY_SIZE, RING_MAX

__all__ = [
    "SECRETS_MAX",
    "SECRET_SIZE_MIN",
    "OwnSchedule",
    "SharedSchedule",
]

#: Bytes of a secret that is worth the name.
SECRET_SIZE_MIN = 32

#: Keys of earlier periods that still open tickets.
_PREVIOUS = 2

#: Each shared secret has keys for this period, the previous ones, and the next one, which the
#: machines whose clocks run ahead use already.
_KEYS_PER_SECRET = _PREVIOUS + 2

#: Secrets of which the first seals and the others only open.
SECRETS_MAX = RING_MAX // _KEYS_PER_SECRET

#: A clock that is set is noticed after so many seconds.
_PATIENCE = 60.0

_SALT = b"tlsmgm session tickets 1"


def _extract(secret: bytes) -> bytes:
    return hmac.digest(_SALT, secret, "sha256")


def _expand(key: bytes, info: bytes) -> bytes:
    output = block = b""
    for number in range(1, math.ceil(KEY_SIZE / 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        output += block
    return output[:KEY_SIZE]


class OwnSchedule:
    """Keys that begin with a random one.

    Args:
        rotation: seconds between two keys; 0: there is one key only.
        clock: seconds, the same for all processes of the machine.
    """

    def __init__(self, rotation: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rotation = rotation
        self._clock = clock
        self._lock = threading.Lock()
        self._period = self._period_now()
        self._state = os.urandom(32)
        self._keys = [_expand(self._state, b"key")]

    def _period_now(self) -> int:
        return int(self._clock() // self._rotation) if self._rotation else 0

    def turn(self) -> tuple[Sequence[bytes], float]:
        """Return the keys in force, the one that seals first, and seconds until they change."""
        if not self._rotation:
            return tuple(self._keys), math.inf
        with self._lock:
            while self._period < self._period_now():
                self._state = hmac.digest(self._state, b"next", "sha256")
                self._keys = [_expand(self._state, b"key"), *self._keys[:_PREVIOUS]]
                self._period += 1
            return tuple(self._keys), (self._period + 1) * self._rotation - self._clock()


class SharedSchedule:
    """Keys that all who know a secret derive alike.

    Args:
        secrets: the first one seals, all open; at most :data:`SECRETS_MAX`.
        label: what the keys are for; another label has other keys.
        rotation: seconds between two keys, counted from 1970 on; 0: one key per secret.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        secrets: Sequence[bytes],
        label: bytes,
        rotation: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._roots = [_extract(secret) for secret in secrets[:SECRETS_MAX]]
        self._label = label
        self._rotation = rotation
        self._clock = clock

    def turn(self) -> tuple[Sequence[bytes], float]:
        """Return the keys in force, the one that seals first, and seconds until they change."""
        if not self._rotation:
            return [self._key(root, 0) for root in self._roots], math.inf
        now = self._clock()
        period = int(now // self._rotation)
        # The next one stands last: nobody here seals with it yet.
        periods = [*range(period, period - _PREVIOUS - 1, -1), period + 1]
        keys = [self._key(root, number) for root in self._roots for number in periods]
        return keys, min((period + 1) * self._rotation - now, _PATIENCE)

    def _key(self, root: bytes, period: int) -> bytes:
        return _expand(root, self._label + b"\0" + str(period).encode())
