"""The password of ``load_cert_chain()``, which two libraries need and a program gives once."""

from __future__ import annotations

from typing import Any

__all__ = ["Passphrase"]


class Passphrase:
    """Hands a password on, and remembers it.

    Args:
        password: text, bytes, a function that returns one of them, or None.

    Attributes:
        given: what was asked for; None: nothing was.
    """

    def __init__(self, password: Any) -> None:
        self._password = password
        self.given: bytes | None = None

    @property
    def ask(self) -> Any:
        """What ``ssl`` gets in its place."""
        if self._password is None:
            return _refuse
        if not callable(self._password):
            if isinstance(self._password, str):
                self.given = self._password.encode()
            elif isinstance(self._password, (bytes, bytearray)):
                self.given = bytes(self._password)
            return self._password
        return self._call

    def _call(self) -> Any:
        answer = self._password()
        if isinstance(answer, str):
            self.given = answer.encode()
        elif isinstance(answer, (bytes, bytearray)):
            self.given = bytes(answer)
        return answer


def _refuse() -> bytes:
    """Without a password OpenSSL would ask at the terminal; this one opens nothing."""
    return b""
