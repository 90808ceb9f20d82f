"""Receives from a socket up to the end of a record, or all that there is."""

from libc.errno cimport errno as system_errno
from libc.stdint cimport uint8_t

from tlsmgm._core.record_ends cimport go_on, has_known_type, is_between, length_of, missing
from tlsmgm._core.sockets_api cimport system_recv

cdef enum:
    LONGEST = 16384 + 2048  # what a record may say of its length (RFC 5246 section 6.2.3)
    MAJOR = 3               # first byte of all versions


cdef ssize_t receive_all(int fd, uint8_t *room, size_t size, Records *records,
                         int *number) noexcept nogil:
    """Receives once; returns as recv(2) does, and sets its error, if any."""
    cdef ssize_t count = system_recv(fd, room, size, 0)
    number[0] = system_errno if count < 0 else 0
    if count > 0:
        follow(records, room, count)
    return count


cdef ssize_t receive_record(int fd, uint8_t *room, size_t size, Records *records,
                            int *number) noexcept nogil:
    """The same again and again, up to the end of a record, or as far as there is room for it."""
    cdef size_t at = 0
    cdef ssize_t count
    while at == 0 or (missing(&records.ends) <= size - at and not is_between(&records.ends)):
        count = receive_all(fd, room + at, missing(&records.ends), records, number)
        if count <= 0:
            return count if at == 0 else <ssize_t> at
        at += count
        if records.is_astray:
            break
    return at


cdef void follow(Records *records, const uint8_t *data, size_t size) noexcept nogil:
    """Goes on with what came."""
    cdef size_t at = 0
    while at < size and not records.is_astray:
        at += go_on(&records.ends, data + at, size - at)
        if records.ends.head_size == 0:
            records.is_astray = not is_of_tls(records.ends.head)
            records.ended += is_between(&records.ends)


cdef bint is_of_tls(const uint8_t *head) noexcept nogil:
    """Whether that is a header of TLS."""
    return has_known_type(head) and head[1] == MAJOR and length_of(head) <= LONGEST
