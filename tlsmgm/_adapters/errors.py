"""Errors that are ours and those of Python's ``ssl`` at once, so that existing except clauses work.

Where both have an attribute of one name, ``reason``, it is that of ``ssl``: a word in capitals,
OpenSSL's where it has one.  What tlsmgm says of a refused certificate is in ``verify_reason``.
"""

from __future__ import annotations

import ssl
from typing import Any, Final, NoReturn

from tlsmgm import errors
from tlsmgm._adapters.alerts import alert_words
from tlsmgm._adapters.reasons import reason_of

__all__ = [
    "AlertError",
    "ConfigError",
    "HandshakeError",
    "HelloTooLargeError",
    "InternalError",
    "NoDomainError",
    "ProtocolError",
    "SSLCertVerificationError",
    "SSLEOFError",
    "UnsupportedError",
    "as_stock",
    "refuse",
]

#: Number and words of X509_V_ERR_* in OpenSSL, by our word; numbers are fixed since OpenSSL 1.1.
_VERIFY_WORDS: Final = {
    "expired": (10, "certificate has expired"),
    "not_yet_valid": (9, "certificate is not yet valid"),
    "revoked": (23, "certificate revoked"),
    "crl_missing": (3, "unable to get certificate CRL"),
    "crl_expired": (12, "CRL has expired"),
    "crl_invalid": (8, "CRL signature failure"),
    "staple_missing": (98, "OCSP verification needed"),
    "staple_invalid": (99, "OCSP verification failed"),
    "self_signed": (18, "self-signed certificate"),
    "unknown_ca": (20, "unable to get local issuer certificate"),
    "not_a_ca": (79, "invalid CA certificate"),
    "too_deep": (22, "certificate chain too long"),
    "purpose": (26, "unsuitable certificate purpose"),
    "signature": (7, "certificate signature failure"),
    "weak_key": (66, "EE certificate key too weak"),
}
#: The same for the rules of VERIFY_X509_STRICT, whose words stand in our error's text.
_STRICT_WORDS: Final = {
    "cert info signature and signature algorithm mismatch": 78,
    "invalid CA certificate": 79,
    "Path length invalid for non-CA cert": 80,
    "Path length given without key usage keyCertSign": 81,
    "Key usage keyCertSign invalid for non-CA cert": 82,
    "Issuer name empty": 83,
    "Subject name empty": 84,
    "Missing Authority Key Identifier": 85,
    "Missing Subject Key Identifier": 86,
    "Empty Subject Alternative Name extension": 87,
    "Subject empty and Subject Alt Name extension not critical": 88,
    "Basic Constraints of CA cert not marked critical": 89,
    "CA cert does not include key usage extension": 92,
    "Using cert extension requires at least X509v3": 93,
}
_UNSPECIFIED: Final = (1, "unspecified certificate verification error")


class _Both:
    """What errors need that are ours and those of ``ssl``, in front of both."""

    library: Any = None

    def __init__(self, *args: Any, **details: Any) -> None:
        super().__init__(*args, **details)
        own: Any = self
        _dressed(own, ssl.SSLErrorNumber.SSL_ERROR_SSL, reason_of(own), str(self))

    def __str__(self) -> str:
        """What OpenSSL would say, else what we do."""
        words: object = getattr(self, "strerror", None)
        args: tuple[object, ...] = getattr(self, "args", ())
        return str(args[0] if words is None and args else words)


class HandshakeError(_Both, errors.HandshakeError, ssl.SSLError):
    """The handshake ended without a connection."""


class NoDomainError(_Both, errors.NoDomainError, ssl.SSLError):
    """No TLS domain answers for this address and name; alert 112 was sent (RFC 6066 section 3)."""


class AlertError(_Both, errors.AlertError, ssl.SSLError):
    """The peer ended the connection with a fatal alert, whose number is in ``alert``."""


class ProtocolError(_Both, errors.ProtocolError, ssl.SSLError):
    """The peer's bytes break the TLS protocol, or what was called for is against it."""


class HelloTooLargeError(_Both, errors.HelloTooLargeError, ssl.SSLError):
    """A client's first message is larger than we read."""


class InternalError(_Both, errors.InternalError, ssl.SSLError):
    """A defect of tlsmgm or of the TLS library; please report it."""


class SSLEOFError(_Both, errors.TruncatedError, ssl.SSLEOFError):
    """The transport ended without close_notify (RFC 8446 section 6.1); data may be missing."""


class ConfigError(_Both, errors.ConfigError, ssl.SSLError):
    """A setting, a file or a key cannot be used."""


class UnsupportedError(_Both, errors.UnsupportedError, ssl.SSLError):
    """Python's ``ssl`` can do this, and our libraries, or this one, cannot."""


class SSLCertVerificationError(_Both, errors.VerificationError, ssl.SSLCertVerificationError):
    """The peer's certificate was refused.

    Attributes:
        verify_code: OpenSSL's number for the cause.
        verify_message: OpenSSL's words for it.
        verify_reason: our word for it, the same for all libraries, such as ``"expired"``.
    """

    verify_reason: str


#: Which of the classes above stands for which of ours; the first that fits counts.
_CLASSES: Final = (
    (errors.AlertError, AlertError),
    (errors.HelloTooLargeError, HelloTooLargeError),
    (errors.ProtocolError, ProtocolError),
    (errors.NoDomainError, NoDomainError),
    (errors.InternalError, InternalError),
    (errors.ConfigError, ConfigError),
    (errors.UnsupportedError, UnsupportedError),
    (errors.HandshakeError, HandshakeError),
)


def refuse(reason: str, words: str) -> NoReturn:
    """Raise the error of a call that makes no sense now, as OpenSSL would."""
    raise _dressed(ProtocolError(words), ssl.SSLErrorNumber.SSL_ERROR_SSL, reason, words)


def as_stock(error: errors.TLSError, *, name: str | None = None, chain: int = 0) -> Exception:
    """Return what stands for an error of ours where ``ssl`` is expected.

    Args:
        error: of the connection, or of a context that is being built.
        name: with which the certificate was compared, if it was.
        chain: how many certificates the peer has sent.
    """
    if isinstance(error, (ssl.SSLError, errors.NoMemoryError)):
        return error
    if isinstance(error, errors.TruncatedError):
        made: Exception = _dressed(
            SSLEOFError(str(error), backend=error.backend),
            ssl.SSLErrorNumber.SSL_ERROR_EOF,
            "UNEXPECTED_EOF_WHILE_READING",
            "EOF occurred in violation of protocol",
        )
        return made
    if isinstance(error, errors.VerificationError):
        made = _refused_peer(error, name, chain)
        return made
    kind = next((ours for base, ours in _CLASSES if isinstance(error, base)), ProtocolError)
    made = _translated(kind, error)
    return made


def _details(error: errors.TLSError) -> dict[str, Any]:
    kept = {
        "backend": error.backend,
        "alert": error.alert,
        "library_code": error.library_code,
    }
    if isinstance(error, errors.PlacedError):
        names = ("origin", "domain", "parameter", "hint")
        kept |= {name: getattr(error, name) for name in names}
    return kept


def _translated(kind: type[Any], error: errors.TLSError) -> Any:
    text = error.reason if isinstance(error, errors.PlacedError) else str(error)
    made = kind(text, **_details(error))
    if isinstance(error, errors.AlertError) and error.alert is not None:
        _dressed(made, ssl.SSLErrorNumber.SSL_ERROR_SSL, *alert_words(error.alert))
    return made


def _refused_peer(error: errors.VerificationError, name: str | None, chain: int) -> Any:
    if error.reason == "missing":
        made: Any = _translated(HandshakeError, error)
        words = "peer did not return a certificate"
        number = ssl.SSLErrorNumber.SSL_ERROR_SSL
        return _dressed(made, number, "PEER_DID_NOT_RETURN_A_CERTIFICATE", words)
    code, words = _VERIFY_WORDS.get(error.reason, _UNSPECIFIED)
    if error.reason == "name_mismatch":
        code, words = _name_words(name)
    elif error.reason == "self_signed" and chain > 1:
        code, words = 19, "self-signed certificate in certificate chain"
    place = ""
    if error.reason == "other":
        code, words, place = _strict_words(str(error)) or (code, words, place)
    made = SSLCertVerificationError(str(error), reason=error.reason, **_details(error))
    made.verify_reason, made.verify_code, made.verify_message = error.reason, code, words
    number = ssl.SSLErrorNumber.SSL_ERROR_SSL
    text = f"certificate verify failed: {words}{place}"
    return _dressed(made, number, "CERTIFICATE_VERIFY_FAILED", text)


def _strict_words(text: str) -> tuple[int, str, str] | None:
    """Number and words of the rule that a text of ours is about, and which certificate."""
    for words, code in _STRICT_WORDS.items():
        _, found, place = text.partition(f": {words} (")
        if found:
            return code, words, f" ({place}"
    return None


def _name_words(name: str | None) -> tuple[int, str]:
    """As CPython says it."""
    is_address = name is not None and (":" in name or name.replace(".", "").isdigit())
    if is_address:
        return 64, f"IP address mismatch, certificate is not valid for '{name}'."
    return 62, f"Hostname mismatch, certificate is not valid for '{name}'."


def _dressed(made: Any, number: int, reason: str, words: str) -> Any:
    text = f"[SSL: {reason}] {words}" if reason else words
    OSError.__init__(made, int(number), text)
    made.reason = reason or None
    made.library = "SSL" if reason else None
    return made
