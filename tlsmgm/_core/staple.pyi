"""OCSP responses: from when to when one holds that is about a certificate."""

import datetime

def staple_times(
    response: bytes, certificate: bytes
) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """When what a response says of a certificate begins and ends to hold.

    Args:
        response: DER of an OCSP response (RFC 6960 section 4.2.1).
        certificate: DER; it is found by its serial number.

    Returns:
        thisUpdate and nextUpdate, ``datetime`` in UTC; None for a time that is not there.

    Raises:
        ConfigError: this is no such response, or it is about other certificates.
    """
