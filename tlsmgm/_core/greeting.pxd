from libc.stdint cimport uint8_t, uint16_t

from tlsmgm._core.capi cimport (
    tlsmgm_backend,
    tlsmgm_buffer,
    tlsmgm_bytes,
    tlsmgm_client_hello,
    tlsmgm_conn,
    tlsmgm_error,
    tlsmgm_hello_reader,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector


cdef class Greeting:
    cdef Selector selector            # None: one context answers whatever name is sent
    cdef uint8_t[16] address
    cdef uint16_t port
    cdef tlsmgm_hello_reader reader
    cdef tlsmgm_buffer wire           # what was fed, for the library to read again
    cdef size_t wire_read             # how much of it the reader has seen

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0
    cdef tlsmgm_status read(self, tlsmgm_client_hello *hello, tlsmgm_error *error) noexcept
    cdef Context choose(self, const tlsmgm_client_hello *hello)
    cdef tlsmgm_status hand_over(self, const tlsmgm_backend *table, tlsmgm_conn *conn,
                                 tlsmgm_error *error) noexcept
    cdef tlsmgm_status replay(self, const tlsmgm_backend *table, tlsmgm_conn *conn,
                              tlsmgm_error *error) noexcept
