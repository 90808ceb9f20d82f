from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport tlsmgm_ctx


cdef class Context:
    cdef tlsmgm_ctx *ctx
    cdef readonly Backend backend
    cdef readonly object domain     # whatever the caller wants connections to remember
    cdef readonly bint is_server
    cdef object ticket_keys         # the ring that ctx refers to
    cdef object certificate_cache
