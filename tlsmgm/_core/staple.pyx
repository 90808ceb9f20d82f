"""OCSP responses: from when to when one holds that is about a certificate."""

from tlsmgm._core.capi cimport (
    tlsmgm_error,
    tlsmgm_staple,
    tlsmgm_staple_read,
)
from tlsmgm._core.certificate cimport moment
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport view_of


def staple_times(bytes response not None, bytes certificate not None):
    """When what a response says of a certificate begins and ends to hold.

    Args:
        response: DER of an OCSP response (RFC 6960 section 4.2.1).
        certificate: DER; it is found by its serial number.

    Returns:
        thisUpdate and nextUpdate, ``datetime`` in UTC; None for a time that is not there.

    Raises:
        ConfigError: this is no such response, or it is about other certificates.
    """
    cdef tlsmgm_error error
    cdef tlsmgm_staple staple
    check(
        tlsmgm_staple_read(view_of(response), view_of(certificate), NULL, &staple, &error),
        &error,
        None,
    )
    return moment(staple.this_update), moment(staple.next_update)
