"""Revocation lists (RFC 5280 section 5): who has issued one, and when it is in force."""

import datetime
from typing import Self

from tlsmgm._core.certificate import Certificate

class RevocationList:
    """A list of revoked certificates. It is not verified.

    Args:
        der: the list's bytes in DER.

    Raises:
        ConfigError: they cannot be decoded to their last byte.
    """

    def __new__(cls, der: bytes) -> Self: ...
    @property
    def issuer(self) -> str:
        """Its issuer in one line, such as ``/C=AT/O=enum.at``. For people only."""
    @property
    def this_update(self) -> datetime.datetime | None:
        """When it was made, ``datetime`` in UTC."""
    @property
    def next_update(self) -> datetime.datetime | None:
        """When there must be another one, ``datetime`` in UTC; None: never."""
    @property
    def is_delta(self) -> bool:
        """Whether it speaks only of changes (RFC 5280 section 5.2.4)."""
    @property
    def flaw(self) -> str | None:
        """Why nobody can tell from it alone who is not revoked; None where one can.

        Certificates of its issuer are refused unless another list speaks for them
        (RFC 5280 sections 5.2 and 5.2.5).
        """
    def may_be_by(self, certificate: Certificate) -> bool:
        """Whether this certificate's owner has issued it, by name and key identifier."""
