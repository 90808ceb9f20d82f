"""PEM: takes a text apart with the reader that the backends use."""

from typing import NamedTuple

from tlsmgm._core.capi cimport (
    TLSMGM_STATUS_CLOSED,
    TLSMGM_PEM_A_CERTIFICATE,
    TLSMGM_PEM_A_PRIVATE_KEY,
    TLSMGM_PEM_AN_OPENSSH_KEY,
    tlsmgm_blob,
    tlsmgm_blob_free,
    tlsmgm_error,
    tlsmgm_pem,
    tlsmgm_pem_begin,
    tlsmgm_pem_decode,
    tlsmgm_pem_fail_missing,
    tlsmgm_pem_item,
    tlsmgm_pem_next,
    tlsmgm_pem_place,
    tlsmgm_status,
)
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport bytes_of, view_of


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


cdef object _item(tlsmgm_pem *pem, const tlsmgm_pem_item *item):
    cdef char place[256]
    cdef tlsmgm_blob blob
    cdef tlsmgm_error error
    cdef bint is_key = item.noun == TLSMGM_PEM_A_PRIVATE_KEY or item.noun == TLSMGM_PEM_AN_OPENSSH_KEY
    der = None
    if not is_key:
        check(tlsmgm_pem_decode(item, &blob, &error), &error, None)
        try:
            der = (<const char *> blob.data)[:blob.size]
        finally:
            tlsmgm_blob_free(&blob)
    tlsmgm_pem_place(pem, item, place, sizeof(place))
    return PemItem(
        label=bytes_of(item.label).decode("ascii"),
        der=der,
        line=item.line,
        number=item.number,
        place=(<bytes> place).decode("utf-8", "replace"),
        is_certificate=item.noun == TLSMGM_PEM_A_CERTIFICATE,
        is_private_key=is_key,
    )


def split(data, name=None, *, certificates=False):
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
    cdef tlsmgm_pem pem
    cdef tlsmgm_pem_item item
    cdef tlsmgm_error error
    cdef tlsmgm_status status
    cdef const char *called_as = NULL
    cdef bytes text = (
        data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)
    )
    cdef bytes called = b"" if name is None else str(name).encode("utf-8", "surrogateescape")
    if name is not None:
        called_as = <const char *> called
    tlsmgm_pem_begin(&pem, view_of(text), NULL, called_as)
    found = []
    while True:
        status = tlsmgm_pem_next(&pem, &item, &error)
        if status == TLSMGM_STATUS_CLOSED:
            break
        check(status, &error, None)
        found.append(_item(&pem, &item))
    if certificates and pem.numbers[<int> TLSMGM_PEM_A_CERTIFICATE] == 0:
        check(tlsmgm_pem_fail_missing(&pem, TLSMGM_PEM_A_CERTIFICATE, &error), &error, None)
    return tuple(found)
