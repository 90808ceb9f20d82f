"""What an end that a peer has not announced is called in the access log, and why it was.

Many TLS peers never send close_notify, or close without a look at ours: SIP servers, Python's ssl,
mail clients.  That is ordinary once everything was delivered, and has words of its own; how
the other side is ended does not depend on them.
"""

from __future__ import annotations

from typing import Final

from tlsmgm._service.endpoint import Endpoint
from tlsmgm._service.status import Status
from tlsmgm.errors import TruncatedError, VerificationError

__all__ = ["reason_of", "status_and_reason"]

_UNANNOUNCED: Final = "closed without close_notify"


def reason_of(error: BaseException | None) -> str:
    """Say why a connection has ended, in the same words whatever the library.

    Args:
        error: what has ended it; None: it was closed.
    """
    if error is None:
        return "connection closed"
    if isinstance(error, VerificationError):
        return f"the peer's certificate is refused: {error.reason}"
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
