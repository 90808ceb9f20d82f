"""Where records begin and end on the wire (RFC 8446 section 5.1), for who reads them one by one.

All zero: nothing has come yet.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cdef enum:
    HEADER_SIZE = 5
    FIRST_TYPE = 20  # of records, heartbeats among them
    LAST_TYPE = 24


cdef struct RecordEnds:
    uint8_t[5] head   # of the record that has begun last
    size_t head_size  # bytes of a header that has begun, and is not whole
    size_t left       # bytes of the present record that are still to come


cdef inline size_t missing(const RecordEnds *ends) noexcept nogil:
    """How many bytes the present header or record lacks."""
    return ends.left if ends.left > 0 else HEADER_SIZE - ends.head_size


cdef inline bint is_between(const RecordEnds *ends) noexcept nogil:
    """Whether no record is left unfinished."""
    return ends.left == 0 and ends.head_size == 0


cdef inline size_t length_of(const uint8_t *head) noexcept nogil:
    """What a header says of the length of its record."""
    return (<size_t> head[3] << 8) | head[4]


cdef inline bint has_known_type(const uint8_t *head) noexcept nogil:
    """Whether a header has a type that TLS has."""
    return FIRST_TYPE <= head[0] <= LAST_TYPE


cdef inline size_t go_on(RecordEnds *ends, const uint8_t *data, size_t size) noexcept nogil:
    """Goes on to the end of the present header or record, or of the data; returns how far."""
    cdef size_t step = min(missing(ends), size)
    if ends.left > 0:
        ends.left -= step
        return step
    memcpy(ends.head + ends.head_size, data, step)
    ends.head_size += step
    if ends.head_size == HEADER_SIZE:
        ends.head_size = 0
        ends.left = length_of(ends.head)
    return step
