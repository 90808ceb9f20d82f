"""PEM: takes a text apart with the reader that the backends use."""

from typing import NamedTuple

class PemItem(NamedTuple):
    """An item of a PEM text (RFC 7468).

    Attributes:
        label: what stands behind BEGIN, such as ``CERTIFICATE``.
        der: the bytes that it stands for; None for private keys.
        line: number of its BEGIN line, from 1.
        number: number among the items of its kind, from 1.
        place: where it stands, for messages: ``ca.pem, certificate 3 (line 41)``.
        is_certificate: whether it is a certificate, with whatever label.
        is_private_key: whether it is a private key, encrypted or not.
    """

    label: str
    der: bytes | None
    line: int
    number: int
    place: str
    is_certificate: bool
    is_private_key: bool

def split(
    data: str | bytes | bytearray | memoryview,
    name: object = None,
    *,
    certificates: bool = False,
) -> tuple[PemItem, ...]:
    """Take a PEM text apart.

    Text around and between the items is passed over, as ``openssl`` does it. Whatever begins as
    an item must be one.

    Args:
        data: ``str`` or bytes.
        name: how messages call the text, such as the path of its file.
        certificates: whether there must be a certificate.

    Returns:
        A tuple of ``PemItem``, in the order of the text.

    Raises:
        ConfigError: an item cannot be decoded; item and line are named. Or the data are no text,
            but DER, PKCS#12 and the like. Or there is no certificate where there must be one.
    """
