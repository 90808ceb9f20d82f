"""The plain values of a context, which Python's own class keeps and checks.

``ssl.SSLContext`` has setters that look for that name when they are called.  Where a program has
put our class in its place, they would call themselves; so ours go to the class below, which is C.
"""

from __future__ import annotations

import _ssl
import ssl
from typing import Any, Final

__all__ = ["VALUES", "PlainValues"]

#: Keeps the values; its descriptors are called with a context.
VALUES: Final[Any] = _ssl._SSLContext


class PlainValues(ssl.SSLContext):
    """Options, versions, and how peers are verified."""

    _host_flags: int
    _ticket_count: int = 0  # num_tickets, once it has been set

    @property
    def minimum_version(self) -> ssl.TLSVersion:
        """Lowest version of TLS."""
        return ssl.TLSVersion(VALUES.minimum_version.__get__(self))

    @minimum_version.setter
    def minimum_version(self, value: int) -> None:
        if value == ssl.TLSVersion.SSLv3:
            self.options &= ~ssl.Options.OP_NO_SSLv3
        VALUES.minimum_version.__set__(self, value)

    @property
    def maximum_version(self) -> ssl.TLSVersion:
        """Highest version of TLS."""
        return ssl.TLSVersion(VALUES.maximum_version.__get__(self))

    @maximum_version.setter
    def maximum_version(self, value: int) -> None:
        VALUES.maximum_version.__set__(self, value)

    @property
    def options(self) -> ssl.Options:
        """Options of OpenSSL; those that forbid versions and tickets count for all libraries."""
        return ssl.Options(VALUES.options.__get__(self))

    @options.setter
    def options(self, value: int) -> None:
        VALUES.options.__set__(self, value)

    @property
    def verify_flags(self) -> ssl.VerifyFlags:
        """How peers are verified."""
        return ssl.VerifyFlags(VALUES.verify_flags.__get__(self))

    @verify_flags.setter
    def verify_flags(self, value: int) -> None:
        VALUES.verify_flags.__set__(self, value)

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """Whether peers are verified, and clients must show a certificate."""
        return ssl.VerifyMode(VALUES.verify_mode.__get__(self))

    @verify_mode.setter
    def verify_mode(self, value: int) -> None:
        VALUES.verify_mode.__set__(self, value)

    @property
    def num_tickets(self) -> int:
        """Tickets of TLS 1.3 that a server gives after each handshake, if it was set; else one."""
        return int(VALUES.num_tickets.__get__(self))

    @num_tickets.setter
    def num_tickets(self, value: int) -> None:
        VALUES.num_tickets.__set__(self, value)
        self._ticket_count = value

    @property
    def hostname_checks_common_name(self) -> bool:
        """As it was set; our libraries look at alternative names alone (RFC 9525 section 2)."""
        return self._host_flags & _ssl.HOSTFLAG_NEVER_CHECK_SUBJECT == 0

    @hostname_checks_common_name.setter
    def hostname_checks_common_name(self, value: bool) -> None:
        if value:
            self._host_flags &= ~_ssl.HOSTFLAG_NEVER_CHECK_SUBJECT
        else:
            self._host_flags |= _ssl.HOSTFLAG_NEVER_CHECK_SUBJECT

    @property
    def _msg_callback(self) -> Any:
        """As it was set; our libraries do not show their messages, so nobody calls it."""
        return VALUES._msg_callback.__get__(self)

    @_msg_callback.setter
    def _msg_callback(self, callback: Any) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"{callback} is not callable.")
        VALUES._msg_callback.__set__(self, callback)
