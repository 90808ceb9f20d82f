from libc.stdint cimport uint32_t

from tlsmgm._core.capi cimport tlsmgm_plan, tlsmgm_route_address, tlsmgm_routes
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector


cdef class UpstreamAddress:
    cdef readonly bytes sockaddr
    cdef readonly str text
    cdef readonly Context context
    cdef readonly bytes server_name
    cdef readonly bytes verify_name
    cdef readonly uint32_t weight

    cdef int fill(self, tlsmgm_route_address *out, uint32_t number) except -1


cdef class Routes:
    cdef tlsmgm_routes *routes
    cdef readonly tuple upstreams    # in order of their numbers


cdef class Plan:
    cdef tlsmgm_plan *plan
    cdef readonly Selector selector  # None: no client speaks TLS
    cdef readonly tuple upstreams    # of routes, by number

    cdef Context server_context(self, size_t domain)
    cdef UpstreamAddress upstream(self, size_t number)
