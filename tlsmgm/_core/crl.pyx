"""Revocation lists (RFC 5280 section 5): who has issued one, and when it is in force."""

from libc.stdint cimport INT64_MAX

from tlsmgm._core.capi cimport (
    tlsmgm_blob,
    tlsmgm_blob_free,
    tlsmgm_certificate,
    tlsmgm_certificate_read,
    tlsmgm_crl,
    tlsmgm_crl_free,
    tlsmgm_crl_read,
    tlsmgm_error,
    tlsmgm_key_reference_fits,
    tlsmgm_names_match,
    tlsmgm_source,
    tlsmgm_source_read,
)
from tlsmgm._core.certificate cimport Certificate, moment_at, one_line
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport view_of


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
        source.data = view_of(der)
        check(tlsmgm_source_read(&source, NULL, &blob, &error), &error, None)
        status = tlsmgm_crl_read(&blob, &self.crl, &error)
        tlsmgm_blob_free(&blob)
        check(status, &error, None)

    def __dealloc__(self):
        tlsmgm_crl_free(&self.crl)

    @property
    def issuer(self):
        """Its issuer in one line, such as ``/C=AT/O=enum.at``. For people only."""
        return one_line(self.crl.issuer)

    @property
    def this_update(self):
        """When it was made, ``datetime`` in UTC."""
        return moment_at(self.crl.this_update)

    @property
    def next_update(self):
        """When there must be another one, ``datetime`` in UTC; None: never."""
        return None if self.crl.next_update == INT64_MAX else moment_at(self.crl.next_update)

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
        if not tlsmgm_names_match(self.crl.issuer, certificate.fields.subject):
            return False
        check(tlsmgm_certificate_read(view_of(certificate.der), &signer, &error), &error, None)
        return tlsmgm_key_reference_fits(&self.crl.signer, &signer)

    def __repr__(self):
        return f"<RevocationList {self.issuer}>"
