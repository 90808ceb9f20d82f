"""What an end that a peer has not announced is called in the access log, and why it was.

Many TLS peers never send close_notify, or close without a look at ours: SIP servers, Python's ssl,
mail clients.  That is ordinary once everything was delivered, and has words of its own; how
the other side is ended does not depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tlsmgm.errors import AlertError, TruncatedError, VerificationError
from tlsmgm.proxy.endpoint import Endpoint
from tlsmgm.proxy.status import Status

__all__ = ["reason_of", "status_and_reason"]

_UNANNOUNCED: Final = "closed without close_notify"

#: Of fatal alerts, by RFC 8446 section 6, RFC 5246 section 7.2 and RFC 7301.
_ALERTS: Final[Mapping[int, str]] = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


def reason_of(error: BaseException | None) -> str:
    """Say why a connection has ended, in the same words whatever the library.

    Args:
        error: what has ended it; None: it was closed.
    """
    if error is None:
        return "connection closed"
    if isinstance(error, VerificationError):
        return f"the peer's certificate is refused: {error.reason}"
    if isinstance(error, AlertError) and error.alert is not None:
        name = _ALERTS.get(error.alert, "unknown")
        return f"the peer sent alert {error.alert} ({name})"
    return str(error) or type(error).__name__


def status_and_reason(
    endpoint: Endpoint, other: Endpoint | None, error: BaseException | None, *, is_client: bool
) -> tuple[Status, str | None]:
    """Name an unclean end of a relayed connection.

    Args:
        endpoint: has ended so.
        other: the other side.
        error: what has ended it; None: it was closed.
        is_client: whether it is the client's side.

    Returns:
        Status and reason for the access log.
    """
    is_truncated = isinstance(error, TruncatedError)
    is_delivered = not endpoint.pending and (other is None or not other.pending)
    if endpoint.is_tls and is_delivered and (is_truncated or isinstance(error, ConnectionError)):
        if endpoint.is_between_records and other is not None and other.input_ended:
            return Status.OK, None  # the other side had ended, and it knew
        if is_truncated and endpoint.is_between_records:
            status = Status.CLIENT_CLOSED if is_client else Status.UPSTREAM_CLOSED
            return status, _UNANNOUNCED
    if is_truncated:
        status = Status.CLIENT_TRUNCATED if is_client else Status.UPSTREAM_TRUNCATED
        return status, _UNANNOUNCED
    return (Status.CLIENT_ERROR if is_client else Status.UPSTREAM_ERROR), reason_of(error)
