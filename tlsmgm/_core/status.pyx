"""The one place where what C says goes to Python: a status as an exception, a warning into a list."""

from tlsmgm._core.capi cimport (
    TLSMGM_STATUS_CLOSED,
    TLSMGM_STATUS_CONFIG,
    TLSMGM_NO_ALERT,
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_VERIFY,
    TLSMGM_STATUS_WANT_READ,
    TLSMGM_STATUS_WANT_WRITE,
    tlsmgm_error,
    tlsmgm_status,
    tlsmgm_status_exception,
    tlsmgm_status_text,
    tlsmgm_verify_reason_word,
)

from tlsmgm import errors
from tlsmgm._core.refusals import explained


cdef int check(tlsmgm_status status, const tlsmgm_error *error, str backend,
               str domain=None, object origin=None) except -1:
    """Returns the status when it is a value, raises its exception otherwise."""
    if status in (TLSMGM_STATUS_OK, TLSMGM_STATUS_WANT_READ, TLSMGM_STATUS_WANT_WRITE, TLSMGM_STATUS_CLOSED):
        return <int> status
    raise _exception(status, error, backend, domain, origin)


cdef object as_exception(tlsmgm_status status, const tlsmgm_error *error):
    """What a failure would have been raised as."""
    return _exception(status, error, None, None, None)


cdef object as_refusal(const tlsmgm_error *error, str backend, object peer):
    """The exception of a certificate that was refused, with what is known of the peer.

    ``peer`` is a Peer of :mod:`tlsmgm._core.refusals`.
    """
    reason = (<bytes> tlsmgm_verify_reason_word(error.verify_reason)).decode()
    told = (<bytes> error.text).decode("utf-8", "replace")
    text = explained(reason, peer, told)
    return _exception(TLSMGM_STATUS_VERIFY, error, backend, None, None, text)


cdef void note_warning(void *argument, const char *parameter, const char *text) noexcept with gil:
    """For tlsmgm_ctx_config.warn, with a list: what can be used in part; it is lost without memory."""
    try:
        (<list> argument).append((parameter.decode(), text.decode("utf-8", "replace")))
    except MemoryError:
        pass


cdef object _exception(tlsmgm_status status, const tlsmgm_error *error, str backend, str domain,
                       object origin, str text=None):
    kind = getattr(errors, (<bytes> tlsmgm_status_exception(status)).decode())
    if text is None:
        text = (<bytes> error.text).decode("utf-8", "replace")
    if not text:
        text = (<bytes> tlsmgm_status_text(status)).decode()
    details = {
        "backend": backend,
        "alert": None if error.alert == TLSMGM_NO_ALERT else error.alert,
        "library_code": error.library_code or None,
    }
    if status == TLSMGM_STATUS_VERIFY:
        details["reason"] = (<bytes> tlsmgm_verify_reason_word(error.verify_reason)).decode()
    if status == TLSMGM_STATUS_CONFIG:
        details["domain"] = domain
        details["origin"] = origin
        if error.parameter != NULL:
            details["parameter"] = error.parameter.decode()
    return kind(text, **details)
