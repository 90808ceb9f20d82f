from tlsmgm._core.capi cimport tlsmgm_backend


cdef class Backend:
    cdef const tlsmgm_backend *table
    cdef object capsule           # keeps the module that owns the table alive
    cdef readonly str name
    cdef readonly str version
    cdef readonly frozenset features
    cdef readonly tuple cipher_names

    cdef tuple _list_ciphers(self)
