from libc.stdint cimport uint8_t, uint32_t

from tlsmgm._core.capi cimport (
    tlsmgm_backend,
    tlsmgm_conn,
    tlsmgm_conn_config,
    tlsmgm_error,
    tlsmgm_record_count,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.greeting cimport Greeting
from tlsmgm._core.negotiated cimport Negotiated
from tlsmgm._core.session cimport Session


cdef class Given:
    """A connection that the engine has made, on its way to a Connection."""

    cdef const tlsmgm_backend *table
    cdef tlsmgm_conn *conn      # owned, until a Connection takes it
    cdef Context context
    cdef bytes name
    cdef bint is_server
    cdef bint is_established
    cdef bint is_over           # nothing more can be sent
    cdef tlsmgm_record_count records  # of the peer, as far as they were read
    cdef bytes unsent           # records that wait for the peer, older than what waits in conn

    cdef tlsmgm_conn *let_go(self) noexcept


cdef class Connection(Negotiated):
    cdef readonly bint ended          # closed by either side, failed, or without a transport
    cdef bint wire_ended              # the transport has ended
    cdef size_t unread                # bytes fed, at least as many as data may come
    cdef bytes lent                   # what was fed last, while conn may look at it
    cdef bytes outgoing               # records for drain(), older than what waits in conn
    cdef Greeting greeting            # server: until conn has read what came before it existed
    cdef object failure               # the exception by which we have ended it, not the library
    cdef tlsmgm_record_count records  # where those of the peer begin and end
    cdef bint counts                  # whether they are counted
    cdef uint32_t idle_records        # that have brought no data, in a row
    cdef public uint32_t records_without_data  # how many of them may come; 0: no bound
    cdef object chooser               # server: finds the context, until it has been asked; or None
    cdef object keeper                # client: takes the session that the server will give, or None

    cdef int adopt(self, Given given) except -1
    cdef Given surrender(self)
    cdef int settle(self, tlsmgm_status status, const tlsmgm_error *error) except -1
    cdef int keep_session(self) except -1
    cdef int start(self, bytes verify_name, Session offered) except -1
    cdef int begin(self, const tlsmgm_conn_config *config) except -1
    cdef bint greet(self) except -1
    cdef Context answering(self)
    cdef int refuse(self, object failure, object alert) except -1
    cdef int fail(self, object failure) except -1
    cdef void latch(self, object failure) noexcept
    cdef bint advance(self) except -1
    cdef int take(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0
    cdef int lend(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef void reclaim(self) noexcept
    cdef int bound_idle_records(self) except -1
    cdef bytes read_short(self, Py_ssize_t size)
    cdef bytes read_long(self, Py_ssize_t size)
    cdef Py_ssize_t read_to(self, uint8_t *data, size_t size) except -1
    cdef bytes read_bytes(self, Py_ssize_t size)
    cdef bytes carry_off(self)
    cdef int check_free(self) except -1
    cdef bytes carry_off_any(self)
    cdef bint handshake_some(self) except -1
    cdef bytes decrypt_from(self, const uint8_t *wire, size_t size, bytes owner)
    cdef int feed_from(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef bytes read_some(self, Py_ssize_t size)
    cdef Py_ssize_t read_some_into(self, uint8_t *data, size_t size) except -1
    cdef bytes encrypt_from(self, const uint8_t *data, size_t size)
    cdef size_t write_from(self, const uint8_t *data, size_t size) except? 0
    cdef size_t write_records(self, const uint8_t *data, size_t size) except? 0
    cdef tlsmgm_status seal_short(self, const uint8_t *data, size_t size, size_t *count,
                                  tlsmgm_error *error) except *
    cdef tlsmgm_status seal_long(self, const uint8_t *data, size_t size, size_t *count,
                                 tlsmgm_error *error) except *
    cdef tlsmgm_status seal(self, const uint8_t *data, size_t size, size_t *count,
                            tlsmgm_error *error) noexcept
