from tlsmgm._core.capi cimport tlsmgm_conn_config, tlsmgm_error, tlsmgm_status
from tlsmgm._core.context cimport Context
from tlsmgm._core.greeting cimport Greeting
from tlsmgm._core.negotiated cimport Negotiated
from tlsmgm._core.session cimport Session


cdef class Beginning(Negotiated):
    cdef readonly bint ended          # closed by either side, failed, or without a transport
    cdef bint wire_ended              # the transport has ended
    cdef bytes lent                   # what was fed last, while conn may look at it
    cdef bytes outgoing               # records for drain(), older than what waits in conn
    cdef Greeting greeting            # server: until conn has read what came before it existed
    cdef object failure               # the exception by which we have ended it, not the library
    cdef object chooser               # server: finds the context, until it has been asked; or None
    cdef object keeper                # client: takes the session that the server will give, or None

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
    cdef void reclaim(self) noexcept
