from libc.stdint cimport uint8_t

from tlsmgm._core.record_ends cimport RecordEnds


cdef struct Records:
    RecordEnds ends
    bint is_astray  # what came is no TLS, so no length in it means anything
    size_t ended    # records that have come to their end


cdef void follow(Records *records, const uint8_t *data, size_t size) noexcept nogil
cdef ssize_t receive_all(int fd, uint8_t *room, size_t size, Records *records,
                         int *number) noexcept nogil
cdef ssize_t receive_record(int fd, uint8_t *room, size_t size, Records *records,
                            int *number) noexcept nogil
