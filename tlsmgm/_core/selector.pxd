from tlsmgm._core.capi cimport tlsmgm_selector


cdef class Selector:
    cdef tlsmgm_selector *selector
    cdef tuple contexts             # Context number i is that of the index's domain i
    cdef readonly size_t hello_limit
