"""Every exception that tlsmgm raises.

This module imports nothing of tlsmgm, so that every floor of the house may import it.
``csrc/include/status.def`` names, for each status of the C contract, its class here.
"""

from __future__ import annotations

import errno
import re
from typing import Self

__all__ = [
    "AlertError",
    "ConfigError",
    "DatabaseError",
    "HandshakeError",
    "HelloTooLargeError",
    "InternalError",
    "NoDomainError",
    "NoMemoryError",
    "PlacedError",
    "ProtocolError",
    "TLSError",
    "TruncatedError",
    "UnsupportedError",
    "VerificationError",
    "WantReadError",
    "WantWriteError",
]


#: PEM in a text, as it is or with escaped line ends, closed or not.
_PEM = re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|\Z)", re.DOTALL)


def _without_pem(text: str) -> str:
    """Leave PEM out of a text: a key that was written in the wrong place must not be printed.

    Args:
        text: for people.

    Returns:
        The text with ``<PEM>`` in place of what it holds of PEM.
    """
    return _PEM.sub("<PEM>", text) if "-----BEGIN" in text else text


class TLSError(Exception):
    """Base of all errors of tlsmgm.

    Args:
        message: what went wrong, for people.
        backend: name of the TLS library behind the connection, or None.
        alert: TLS alert number (RFC 8446 section 6) that was sent or received, or None.
        library_code: the library's own error number, or None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        backend: str | None = None,
        alert: int | None = None,
        library_code: int | None = None,
    ) -> None:
        super().__init__(_without_pem(message))
        self.backend = backend
        self.alert = alert
        self.library_code = library_code


class PlacedError(TLSError):
    """An error about something that somebody has written: it says where, and what to do.

    Args:
        reason: what is wrong.
        origin: where it was written, such as ``"opensips.cfg:12"`` or ``"tls_mgm row 7"``.
        domain: name of the TLS domain, if it belongs to one.
        parameter: name of the parameter.
        column: name of the database column that holds the parameter.
        hint: what to do about it.
    """

    def __init__(
        self,
        reason: str = "",
        *,
        origin: object = None,
        domain: str | None = None,
        parameter: str | None = None,
        column: str | None = None,
        hint: str | None = None,
        backend: str | None = None,
        alert: int | None = None,
        library_code: int | None = None,
    ) -> None:
        what = f"parameter {parameter!r}" if parameter else None
        places = [
            None if origin is None else str(origin),
            None if domain is None else f"domain {domain!r}",
            f"column {column!r}" if column else what,
        ]
        text = ": ".join([place for place in places if place] + [reason])
        super().__init__(
            f"{text} ({hint})" if hint else text,
            backend=backend,
            alert=alert,
            library_code=library_code,
        )
        self.reason = _without_pem(reason)
        self.origin = origin
        self.domain = domain
        self.parameter = parameter
        self.column = column
        self.hint = hint

    def at(
        self,
        *,
        origin: object = None,
        domain: str | None = None,
        parameter: str | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> Self:
        """The same complaint with more about its place.

        Args:
            origin: where it was written; None leaves what is known.
            domain: name of the TLS domain; None leaves what is known.
            parameter: name of the parameter; None leaves what is known.
            column: name of the database column; None leaves what is known.
            hint: what to do about it; None leaves what is known.

        Returns:
            A new error of the same class.
        """
        return type(self)(
            self.reason,
            origin=origin or self.origin,
            domain=domain or self.domain,
            parameter=parameter or self.parameter,
            column=column or self.column,
            hint=hint or self.hint,
            backend=self.backend,
            alert=self.alert,
            library_code=self.library_code,
        )


class ConfigError(PlacedError, ValueError):
    """A parameter, a file or a row cannot be used; nothing was changed."""


class DatabaseError(ConfigError):
    """The database cannot be used: it is down, slow, or not laid out as it should be."""


class HandshakeError(TLSError):
    """The handshake ended without a connection."""


class NoDomainError(HandshakeError):
    """No TLS domain answers for this address and name; alert 112 was sent (RFC 6066 section 3)."""


class VerificationError(HandshakeError):
    """The peer's certificate was refused.

    The text says more, as far as that is known: names, times, or the issuer that was looked for.

    Attributes:
        reason: one word for the cause, the same on every backend, such as ``"expired"``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        reason: str = "unspecified",
        backend: str | None = None,
        alert: int | None = None,
        library_code: int | None = None,
    ) -> None:
        super().__init__(message, backend=backend, alert=alert, library_code=library_code)
        self.reason = reason


class AlertError(TLSError):
    """The peer ended the connection with a fatal alert, whose number is in ``alert``."""


class ProtocolError(TLSError):
    """The peer's bytes break the TLS protocol; ``alert`` is what it was told."""


class HelloTooLargeError(ProtocolError):
    """A client's first message is larger than we read; alert 47 (illegal_parameter) was sent."""


class TruncatedError(TLSError):
    """The transport ended without close_notify (RFC 8446 section 6.1); data may be missing."""


class UnsupportedError(PlacedError, NotImplementedError):
    """The chosen library cannot do this."""


class NoMemoryError(TLSError, MemoryError):
    """Memory ran out, or a connection's buffer reached its bound."""


class InternalError(TLSError):
    """A defect of tlsmgm or of the TLS library; please report it."""


class WantReadError(BlockingIOError):
    """A TLS socket that does not block needs bytes of the peer: call again once it is readable.

    Nothing has failed, so this is no :class:`TLSError`.
    """

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "the socket has to become readable first")


class WantWriteError(BlockingIOError):
    """A TLS socket that does not block cannot send: call again once it is writable.

    ``send()`` is then called with the same data: what it could not send is kept, and sent first.
    """

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "the socket has to become writable first")
