from libc.stdint cimport uint8_t, uint16_t

from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport (
    tlsmgm_alert,
    tlsmgm_backend,
    tlsmgm_buffer,
    tlsmgm_client_hello,
    tlsmgm_conn,
    tlsmgm_conn_config,
    tlsmgm_conn_info,
    tlsmgm_entry_guard,
    tlsmgm_error,
    tlsmgm_hello_reader,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector


cdef class Connection:
    cdef tlsmgm_entry_guard guard     # one thread at a time
    cdef const tlsmgm_backend *table  # of the context; __dealloc__ must not ask the context itself
    cdef tlsmgm_conn *conn            # NULL on a server until the ClientHello has been read
    cdef readonly Context context     # None just as long
    cdef readonly bint is_server
    cdef readonly bint handshake_complete
    cdef readonly bint ended          # closed by either side, failed, or without a transport
    cdef size_t unread                # bytes fed since read() had more room than data
    cdef bytes lent                   # what was fed last, while conn may look at it
    cdef bytes outgoing               # records for drain(), older than what waits in conn
    cdef object name                  # server name as bytes, or None
    cdef object checked_name          # client: name that the certificate must carry, or None
    cdef object keeper                # client: takes the session that the server will give, or None
    cdef object peer_cache            # the peer's certificate, once the handshake is complete

    # Only a server uses these, and only until conn has read what came before it existed.
    cdef Selector selector
    cdef uint8_t[16] address
    cdef uint16_t port
    cdef tlsmgm_hello_reader reader
    cdef tlsmgm_buffer wire           # what was fed, for the library to read again
    cdef size_t wire_read             # how much of it the reader has seen
    cdef bint wire_ended
    cdef tlsmgm_buffer early          # an alert of ours, sent without any library
    cdef object failure               # the exception that ended the connection before conn

    cdef int enter(self) except -1
    cdef void leave(self) noexcept
    cdef Backend backend_in_use(self)
    cdef int check(self, tlsmgm_status status, const tlsmgm_error *error) except -1
    cdef int keep_session(self) except -1
    cdef object version_in_use(self)
    cdef int settle(self, tlsmgm_status status, const tlsmgm_error *error) except -1
    cdef int start(self, bytes name, bytes verify_name, object session,
                   const tlsmgm_client_hello *hello) except -1
    cdef void describe_client(self, tlsmgm_conn_config *config,
                              const tlsmgm_client_hello *hello) noexcept
    cdef bint greet(self) except -1
    cdef bint advance(self) except -1
    cdef int take(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0
    cdef int lend(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef void reclaim(self) noexcept
    cdef int take_hello(self, const tlsmgm_client_hello *hello) except -1
    cdef int hand_over(self) except -1
    cdef int replay(self) except -1
    cdef Context choose(self, const tlsmgm_client_hello *hello)
    cdef int refuse(self, object failure, tlsmgm_alert alert) except -1
    cdef int need_conn(self) except -1
    cdef tlsmgm_conn_info info(self) except *
    cdef Py_ssize_t read_to(self, uint8_t *data, size_t size) except -1
    cdef size_t write_from(self, const uint8_t *data, size_t size) except? 0
    cdef tlsmgm_status encrypt(self, const uint8_t *data, size_t size, size_t *count,
                               tlsmgm_error *error) except *
    cdef tuple peer_certificates(self, size_t limit)
