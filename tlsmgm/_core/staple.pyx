"""OCSP responses: from when to when one holds that is about a certificate."""

import datetime

from libc.stdint cimport int64_t

from tlsmgm._core.capi cimport (
    tlsmgm_bytes,
    tlsmgm_certificate_time,
    tlsmgm_error,
    tlsmgm_staple,
    tlsmgm_staple_read,
    tlsmgm_time_unix,
)
from tlsmgm._core.status cimport check

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


cdef object _time(tlsmgm_certificate_time time):
    cdef int64_t seconds = 0
    if not tlsmgm_time_unix(time, &seconds):
        return None
    return _EPOCH + datetime.timedelta(seconds=seconds)


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
    cdef tlsmgm_bytes shown
    cdef tlsmgm_bytes about
    shown.data = <const unsigned char *> <const char *> response
    shown.size = len(response)
    about.data = <const unsigned char *> <const char *> certificate
    about.size = len(certificate)
    check(tlsmgm_staple_read(shown, about, NULL, &staple, &error), &error, None)
    return _time(staple.this_update), _time(staple.next_update)
