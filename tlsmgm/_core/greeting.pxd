from libc.stdint cimport uint8_t, uint16_t

from tlsmgm._core.capi cimport tlsmgm_acceptor, tlsmgm_conn
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector


cdef class Greeting:
    cdef Selector selector            # None: one context answers whatever name is sent
    cdef tlsmgm_acceptor acceptor

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0
    cdef bint read(self) except -1
    cdef bytes server_name(self)
    cdef bytes alpn(self)
    cdef Context chosen(self)
    cdef tlsmgm_conn *start(self, Context context) except NULL
