from tlsmgm._core.capi cimport (
    tlsmgm_backend,
    tlsmgm_conn,
    tlsmgm_conn_info,
    tlsmgm_entry_guard,
    tlsmgm_error,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context


cdef object text_of(bytes name)
cdef object version_word(int version)


cdef class Negotiated:
    cdef tlsmgm_entry_guard guard     # one thread at a time
    cdef const tlsmgm_backend *table  # of the context; __dealloc__ must not ask the context itself
    cdef tlsmgm_conn *conn            # NULL on a server until the ClientHello has been read
    cdef Context chosen               # None just as long
    cdef readonly bint is_server
    cdef readonly bint handshake_complete
    cdef bytes name                   # server name, or None
    cdef bytes checked_name           # client: name that the certificate must carry, or None
    cdef object peer_cache            # the peer's certificate, once the handshake is complete

    cdef int enter(self) except -1
    cdef bint enter_if_there(self) except -1
    cdef void leave(self) noexcept
    cdef int belong_to(self, Context context, bytes name) except -1
    cdef bytes name_now(self)
    cdef int check(self, tlsmgm_status status, const tlsmgm_error *error) except -1
    cdef object refusal(self, const tlsmgm_error *error)
    cdef tuple chain_sent(self)
    cdef tlsmgm_conn_info info(self) except *
    cdef object signature(self, bint of_peer)
    cdef object version_in_use(self)
