"""Certificates: typed, lazy access to the fields of an X.509 certificate."""

import datetime
from typing import Self

class Certificate:
    """An X.509 certificate (RFC 5280).

    Args:
        der: the certificate's bytes in DER.

    Raises:
        ProtocolError: these bytes are no certificate.
    """

    def __new__(cls, der: bytes) -> Self: ...
    @staticmethod
    def from_pem(data: str | bytes | bytearray) -> tuple[Certificate, ...]:
        """All certificates of a PEM text, in its order.

        Args:
            data: ``str`` or ``bytes``; text around the certificates is passed over, and so are
                OpenSSL's trust settings behind one.

        Raises:
            ConfigError: there is none, or something in the text is broken.
        """
    @property
    def der(self) -> bytes:
        """The certificate in DER."""
    @property
    def pem(self) -> str:
        """The certificate in PEM, as ``str``."""
    @property
    def version(self) -> int:
        """The raw version field: 2 for a v3 certificate."""
    @property
    def serial(self) -> int:
        """The serial number, of any size."""
    @property
    def serial_text(self) -> str:
        """The serial number in decimal digits."""
    @property
    def subject(self) -> str:
        """The subject in one line, such as ``/C=AT/O=enum.at/CN=enum.at``. For people only."""
    @property
    def issuer(self) -> str:
        """The issuer in one line."""
    def subject_attribute(self, name: str) -> str | None:
        """The first of an attribute, or None.

        Args:
            name: ``cn``, ``locality``, ``country``, ``state``, ``organization``, ``unit``, or
                ``serial``: the subject's own number (RFC 5280 appendix A.1), not the certificate's.
        """
    def issuer_attribute(self, name: str) -> str | None:
        """As ``subject_attribute()``, of the issuer."""
    @property
    def subject_cn(self) -> str | None:
        """The subject's common name, or None."""
    @property
    def issuer_cn(self) -> str | None:
        """The issuer's common name, or None."""
    @property
    def is_self_issued(self) -> bool:
        """Whether issuer and subject are the same name."""
    @property
    def not_before(self) -> datetime.datetime | None:
        """Start of validity, ``datetime`` in UTC."""
    @property
    def not_after(self) -> datetime.datetime | None:
        """End of validity, ``datetime`` in UTC."""
    @property
    def not_before_text(self) -> str:
        """Start of validity as OpenSSL prints it: ``Jan  1 00:00:00 2024 GMT``."""
    @property
    def not_after_text(self) -> str:
        """End of validity as OpenSSL prints it."""
    def alt_name(self, kind: str) -> str | None:
        """The first ``email``, ``hostname``, ``uri`` or ``ip`` alternative name, or None."""
    def alt_names(self, kind: str) -> tuple[str, ...]:
        """All alternative names of a kind that have a text, in order."""
    @property
    def usages(self) -> frozenset[str] | None:
        """Of TLS, what the certificate is for: a set of ``server`` and ``client``; None: anything.

        This is its extendedKeyUsage (RFC 5280 section 4.2.1.12); others are not looked at.
        """
    @property
    def signature_algorithm(self) -> str:
        """Object identifier of the signature's algorithm, such as ``1.2.840.113549.1.1.11``."""
    @property
    def public_key_info(self) -> bytes:
        """The public key and its algorithm, a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1)."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
