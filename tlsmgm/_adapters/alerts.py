"""Alerts in OpenSSL's words, which programs look for in ``reason``."""

from __future__ import annotations

import ssl
from typing import Final

__all__ = ["alert_words"]

#: Alerts that SSL 3.0 had already; OpenSSL says so in their names.
_OF_SSL3: Final = frozenset((0, 10, 20, 30, 40, 41, 42, 43, 44, 45, 46, 47))

#: Names that differ from the pattern.
_OTHERS: Final = {
    20: "SSLV3_ALERT_BAD_RECORD_MAC",
    109: "TLSV13_ALERT_MISSING_EXTENSION",
    110: "TLSV1_UNSUPPORTED_EXTENSION",
    111: "TLSV1_CERTIFICATE_UNOBTAINABLE",
    112: "TLSV1_UNRECOGNIZED_NAME",
    113: "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
    114: "TLSV1_BAD_CERTIFICATE_HASH_VALUE",
    116: "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    120: "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
}


def alert_words(alert: int) -> tuple[str, str]:
    """Return the reason of a received alert, in capitals, and its words.

    Args:
        alert: its number (RFC 8446 section 6).
    """
    reason = _OTHERS.get(alert)
    if reason is None:
        try:
            name = ssl.AlertDescription(alert).name.removeprefix("ALERT_DESCRIPTION_")
        except ValueError:
            return "UNKNOWN_ALERT_TYPE", f"unknown alert type {alert}"
        reason = f"{'SSLV3' if alert in _OF_SSL3 else 'TLSV1'}_ALERT_{name}"
    return reason, reason.replace("_", " ").lower()
