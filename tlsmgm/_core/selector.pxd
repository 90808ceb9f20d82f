from libc.stdint cimport uint16_t

from tlsmgm._core.capi cimport tlsmgm_local, tlsmgm_selector


cdef int fill_local(tlsmgm_local *local, bytes address, uint16_t port) except -1


cdef class Selector:
    cdef tlsmgm_selector *selector
    cdef tuple contexts             # Context number i is that of the index's domain i
    cdef readonly size_t hello_limit
