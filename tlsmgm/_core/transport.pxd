from libc.stdint cimport uint8_t

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.outgoing cimport Outgoing


cdef class TransportCore:
    cdef readonly Connection connection
    cdef readonly object loop
    cdef readonly object protocol
    cdef object facade          # a weak reference to the transport that programs have
    cdef object receive         # takes data for a protocol with buffers of its own; or None
    cdef object settled         # is told when the handshake is over; or None
    cdef object on_lost         # is told of the end; or None
    cdef object deadline        # a timer, or None
    cdef readonly double shutdown_timeout
    cdef Outgoing outgoing
    cdef readonly Py_ssize_t high  # bytes that may wait before the protocol is told to pause
    cdef readonly Py_ssize_t low   # down to which it then waits
    cdef public bint is_blocked  # the wire takes nothing now; flush() is called when it does again
    cdef readonly bint is_established
    cdef readonly bint is_closing
    cdef readonly bint is_lost
    cdef readonly bint is_goodbye_said  # close_notify was sent
    cdef readonly bint is_peer_over     # close_notify was received
    cdef bint is_wire_over      # our direction of it has ended, behind close_notify
    cdef readonly bint is_overdue  # a closing transport did not get on in time
    cdef bytes ahead            # data that a protocol with buffers of its own has not taken; or None
    cdef bint is_corked         # data is being taken: what is written meanwhile gathers
    cdef bint is_reading_paused
    cdef readonly bint is_writing_paused
    cdef bint is_writing_over   # write_eof() was called

    cpdef unsent(self)
    cpdef put(self, bytes wire)
    cpdef listen(self)
    cpdef stop_listening(self)
    cpdef end_sending(self)
    cpdef drop(self)
    cpdef tell_made(self)
    cdef object transport(self)
    cdef int establish(self) except -1
    cdef int settle(self, object error) except -1
    cdef int stop_clock(self) except -1
    cdef int receive_from(self, const uint8_t *wire, Py_ssize_t size, bytes owner) except -1
    cdef int begin_with_handshake(self, double timeout, settled) except -1
    cdef int begin_at_once(self) except -1
    cdef int go_on_reading(self) except -1
    cdef bint gives_data(self) noexcept
    cdef bytes first_data(self, const uint8_t *wire, Py_ssize_t size, bytes owner)
    cdef bytes next_data(self)
    cdef int answer(self) except -1
    cdef int say(self, bytes records) except -1
    cdef int fill(self, bytes data) except -1
    cdef int see_closing(self, Py_ssize_t before) except -1
    cdef int tell_all(self, error) except -1
    cpdef left_here(self)
    cdef int deliver(self, bytes data) except -1
    cdef int receive_goodbye(self) except -1
    cdef bint is_over(self) noexcept
    cdef bytes goodbye(self)
    cdef int finish(self) except -1
    cdef int tell(self, str callback) except -1
    cdef int report(self, object error, str message) except -1
    cdef int fail(self, object error, str what) except -1
    cpdef refuse(self, error)
    cpdef flush(self)
    cpdef lose(self, error)
    cpdef take(self, bytes wire)
    cpdef take_end(self)
    cpdef tell_of_pressure(self)
    cdef int send_data(self, data) except -1
    cdef int leave(self) except -1
