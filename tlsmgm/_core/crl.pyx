"""Revocation lists (RFC 5280 section 5): who has issued one, and when it is in force."""

import datetime

from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport free, malloc

from tlsmgm._core.capi cimport (
    tlsmgm_blob,
    tlsmgm_blob_free,
    tlsmgm_bytes,
    tlsmgm_certificate,
    tlsmgm_certificate_read,
    tlsmgm_crl,
    tlsmgm_crl_free,
    tlsmgm_crl_read,
    tlsmgm_error,
    tlsmgm_key_reference_fits,
    tlsmgm_name_text,
    tlsmgm_names_match,
    tlsmgm_source,
    tlsmgm_source_read,
)
from tlsmgm._core.certificate cimport Certificate
from tlsmgm._core.status cimport check

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


cdef object _time(int64_t seconds):
    """None is a time that is out of Python's reach, or no time at all."""
    try:
        return _EPOCH + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return None


cdef class RevocationList:
    """A list of revoked certificates. It is not verified.

    Args:
        der: the list's bytes in DER.

    Raises:
        ConfigError: they cannot be decoded to their last byte.
    """

    cdef tlsmgm_crl crl

    def __cinit__(self, bytes der not None):
        cdef tlsmgm_error error
        cdef tlsmgm_source source
        cdef tlsmgm_blob blob
        source.path = NULL
        source.data.data = <const unsigned char *> <const char *> der
        source.data.size = len(der)
        check(tlsmgm_source_read(&source, NULL, &blob, &error), &error, None)
        status = tlsmgm_crl_read(&blob, &self.crl, &error)
        tlsmgm_blob_free(&blob)
        check(status, &error, None)

    def __dealloc__(self):
        tlsmgm_crl_free(&self.crl)

    @property
    def issuer(self):
        """Its issuer in one line, such as ``/C=AT/O=enum.at``. For people only."""
        cdef size_t size = tlsmgm_name_text(self.crl.issuer, NULL, 0) + 1
        cdef char *text = <char *> malloc(size)
        if text == NULL:
            raise MemoryError
        try:
            tlsmgm_name_text(self.crl.issuer, text, size)
            return text[:size - 1].decode("ascii")
        finally:
            free(text)

    @property
    def this_update(self):
        """When it was made, ``datetime`` in UTC."""
        return _time(self.crl.this_update)

    @property
    def next_update(self):
        """When there must be another one, ``datetime`` in UTC; None: never."""
        return None if self.crl.next_update == INT64_MAX else _time(self.crl.next_update)

    @property
    def is_delta(self):
        """Whether it speaks only of changes (RFC 5280 section 5.2.4)."""
        return self.crl.is_delta

    @property
    def flaw(self):
        """Why nobody can tell from it alone who is not revoked; None where one can.

        Certificates of its issuer are refused unless another list speaks for them
        (RFC 5280 sections 5.2 and 5.2.5).
        """
        if self.crl.has_unknown_critical:
            return "it has a critical extension of an unknown kind"
        if self.crl.scope.is_contradictory:
            return "its issuingDistributionPoint contradicts itself"
        if self.crl.scope.only_attributes:
            return "it speaks of attribute certificates only"
        if self.crl.scope.is_indirect:
            return "it is an indirect CRL"
        if self.crl.scope.has_reasons:
            return "it speaks of some reasons only"
        return None

    def may_be_by(self, Certificate certificate not None):
        """Whether this certificate's owner has issued it, by name and key identifier."""
        cdef tlsmgm_error error
        cdef tlsmgm_certificate signer
        cdef tlsmgm_bytes der
        if not tlsmgm_names_match(self.crl.issuer, certificate.fields.subject):
            return False
        der.data = <const unsigned char *> <const char *> certificate.der
        der.size = len(certificate.der)
        check(tlsmgm_certificate_read(der, &signer, &error), &error, None)
        return tlsmgm_key_reference_fits(&self.crl.signer, &signer)

    def __repr__(self):
        return f"<RevocationList {self.issuer}>"
