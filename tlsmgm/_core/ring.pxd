from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t

from tlsmgm._core.capi cimport tlsmgm_record_ring


cdef class Ring:
    cdef tlsmgm_record_ring *ring

    cdef int open(self, size_t size, size_t capacity) except -1


cdef object place_of(bint is_known, const uint8_t *address, uint16_t port)
cdef str ip_text(const uint8_t *address)
