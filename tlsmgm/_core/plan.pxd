from tlsmgm._core.capi cimport tlsmgm_plan
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector


cdef class Plan:
    cdef tlsmgm_plan *plan
    cdef readonly Selector selector  # None: no client speaks TLS
    cdef readonly tuple upstreams    # of routes, by number

    cdef Context server_context(self, size_t domain)
    cdef Context client_context(self, size_t upstream)
