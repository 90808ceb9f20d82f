"""Where records end (RFC 8446 section 5.1), so that nothing behind close_notify is lost.

What stands behind it belongs to whoever gets the plain socket back, and a connection that was fed
with it would not return it.  So a connection gets no more at once than up to the end of a record
that may be close_notify.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t

cdef enum:
    HEADER = 5  # bytes
    LEAST_TYPE = 20
    ALERT = 21
    APPLICATION_DATA = 23
    MOST_TYPE = 24
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
        return min(size, self.left if self.left > 0 else HEADER - self.header_size)

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
        cdef size_t step
        if self.left == 0 and self.header_size == 0 and is_one_record(data, size):
            return size  # the usual case
        while at < size and self.is_known:
            if self.left == 0:
                at = self.begin(data, at, size)
                continue
            step = min(self.left, size - at)
            self.left -= step
            at += step
            if self.left == 0 and self.may_close:
                return at
        return size

    cdef size_t begin(self, const uint8_t *data, size_t at, size_t size) noexcept nogil:
        """Goes on with a header; returns where it, or what has come of it, ends."""
        cdef uint8_t kind = 0
        while at < size and self.header_size < HEADER:
            self.header[self.header_size] = data[at]
            self.header_size += 1
            at += 1
        if self.header_size < HEADER:
            return at
        self.header_size = 0
        kind = self.header[0]
        self.left = (<size_t> self.header[3] << 8) | self.header[4]
        self.is_known = LEAST_TYPE <= kind <= MOST_TYPE  # of others the library says what they are
        self.may_close = kind == ALERT or (kind == APPLICATION_DATA and self.left <= HIDDEN_ALERT)
        return at


cdef bint is_one_record(const uint8_t *data, size_t size) noexcept nogil:
    """Whether it is a whole one with data; an alert would be shorter."""
    if size <= HEADER + HIDDEN_ALERT or data[0] != APPLICATION_DATA:
        return False
    return ((<size_t> data[3] << 8) | data[4]) == size - HEADER
