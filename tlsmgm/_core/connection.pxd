from libc.stdint cimport uint8_t, uint32_t

from tlsmgm._core.beginning cimport Beginning
from tlsmgm._core.capi cimport (
    tlsmgm_backend,
    tlsmgm_conn,
    tlsmgm_error,
    tlsmgm_record_count,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context


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


cdef class Connection(Beginning):
    cdef size_t unread                # bytes fed, at least as many as data may come
    cdef tlsmgm_record_count records  # where those of the peer begin and end
    cdef bint counts                  # whether they are counted
    cdef uint32_t idle_records        # that have brought no data, in a row
    cdef public uint32_t records_without_data  # how many of them may come; 0: no bound

    cdef int adopt(self, Given given) except -1
    cdef Given surrender(self)
    cdef int take(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0
    cdef int lend(self, const uint8_t *data, size_t size, bytes owner) except -1
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
