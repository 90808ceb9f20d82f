from libc.stdint cimport uint8_t, uint16_t

from tlsmgm._core.capi cimport tlsmgm_first_flight
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector


cdef class Greeting:
    cdef Selector selector            # None: one context answers whatever name is sent
    cdef uint8_t[16] address
    cdef uint16_t port
    cdef tlsmgm_first_flight flight

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0
    cdef Context choose(self)
