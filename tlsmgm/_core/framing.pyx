"""Where records end (RFC 8446 section 5.1), so that nothing behind close_notify is lost.

What stands behind it belongs to whoever gets the plain socket back, and a connection that was fed
with it would not return it.  So a connection gets no more at once than up to the end of a record
that may be close_notify.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t

from tlsmgm._core.record_ends cimport (
    HEADER_SIZE,
    go_on,
    has_known_type,
    is_between,
    length_of,
    missing,
)

cdef enum:
    ALERT = 21
    APPLICATION_DATA = 23
    # Bytes of an encrypted alert of TLS 1.3, which does not say what it is: level and description,
    # the true content type, and the tag. Nobody pads them.
    HIDDEN_ALERT = 2 + 1 + 16


cdef class Framing:
    """Follows the records of what is received.

    Args:
        is_known: whether the next byte begins a record; otherwise nobody knows where they end.
    """

    def __cinit__(self, bint is_known):
        self.is_known = is_known

    def missing(self, size_t size):
        """How many bytes may be received, so that they reach into one record only.

        Args:
            size: at most so many.
        """
        return self.room_for(size)

    cdef size_t room_for(self, size_t size) noexcept nogil:
        """As missing()."""
        if not self.is_known:
            return size
        return min(size, missing(&self.ends))

    def advance(self, data not None):
        """Go on over bytes that were received.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            How many of them come first: up to the end of a record that may be close_notify, or all.
        """
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            return self.follow(<const uint8_t *> view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef size_t follow(self, const uint8_t *data, size_t size) noexcept nogil:
        """As advance()."""
        cdef size_t at = 0
        if is_between(&self.ends) and is_one_record(data, size):
            return size  # the usual case
        while at < size and self.is_known:
            at += go_on(&self.ends, data + at, size - at)
            if self.ends.head_size == 0:
                # Of what is none of TLS the library says what it is.
                self.is_known = has_known_type(self.ends.head)
                if is_between(&self.ends) and may_close(self.ends.head):
                    return at
        return size


cdef bint may_close(const uint8_t *head) noexcept nogil:
    """Whether a record may be close_notify; an empty one has no room for that."""
    cdef size_t length = length_of(head)
    if head[0] == APPLICATION_DATA:
        return 0 < length <= HIDDEN_ALERT
    return head[0] == ALERT and length > 0


cdef bint is_one_record(const uint8_t *data, size_t size) noexcept nogil:
    """Whether it is a whole one with data; an alert would be shorter."""
    if size <= HEADER_SIZE + HIDDEN_ALERT or data[0] != APPLICATION_DATA:
        return False
    return length_of(data) == size - HEADER_SIZE
