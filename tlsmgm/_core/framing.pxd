from libc.stdint cimport uint8_t

from tlsmgm._core.record_ends cimport RecordEnds


cdef class Framing:
    cdef bint is_known          # whether the next byte is where we think it is
    cdef RecordEnds ends

    cdef size_t room_for(self, size_t size) noexcept nogil
    cdef size_t follow(self, const uint8_t *data, size_t size) noexcept nogil
