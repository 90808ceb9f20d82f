from libc.stdint cimport uint8_t


cdef class Framing:
    cdef bint is_known          # whether the next byte is where we think it is
    cdef bint may_close         # whether the present record may be close_notify
    cdef uint8_t[5] header      # of a record that has begun
    cdef size_t header_size     # bytes of it that have come
    cdef size_t left            # bytes of the present record that are still to come

    cdef size_t room_for(self, size_t size) noexcept nogil
    cdef size_t follow(self, const uint8_t *data, size_t size) noexcept nogil
    cdef size_t begin(self, const uint8_t *data, size_t at, size_t size) noexcept nogil
