from libc.stdint cimport uint8_t

from tlsmgm._core.waiting cimport Deadline
from tlsmgm._core.wire cimport Wire


cdef class Line:
    cdef readonly Wire wire
    cdef readonly object lock     # around each use of the connection
    cdef readonly object turn     # of those who send
    cdef public object timeout    # seconds that a call may take, or None; see Channel
    cdef public bint is_fresh     # the handshake is still to be done
    cdef public bint is_torn      # something that was to be sent was not
    cdef public bint is_closing   # nobody may use the socket any more
    cdef readonly bint is_forgotten  # this is a forked process, see forget()
    cdef readonly bytes owed      # encrypted, and not yet told to have been sent
    cdef readonly object release  # closes the socket
    cdef readonly int waiting     # threads that wait for the descriptor

    cdef int enter(self) except -1
    cdef int refuse(self) except -1
    cdef int will_wait(self) except -1
    cdef Deadline wait_for(self, int wanted, Deadline deadline)
    cdef Deadline take_turn(self)
    cdef int fail(self) except -1
    cdef bint send_piece(self, const uint8_t *data, size_t size) except -1
    cdef int owe(self, bytes data) except -1
    cdef object timeout_now(self)
    cdef int check_repeated(self, const uint8_t *data, size_t size) except -1
    cdef int push(self, const uint8_t *data, size_t size, Deadline deadline) except -1
