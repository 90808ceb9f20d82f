from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport uint8_t

from tlsmgm._core.memory_end cimport End
from tlsmgm._core.record_reader cimport Records
from tlsmgm._core.waiting cimport Deadline


cdef enum:
    RECORD = 16384   # bytes; who asks for so many gets all that came: a record has no more
    PIECE = 1 << 18  # bytes that are received or encrypted at once, if the socket waits
    NOT_YET = -2     # what read_once_into() returns where there is nothing yet

cdef Deadline NEVER  # until when a socket waits that does not wait

cdef int hold(PyThread_type_lock lock) except -1


cdef class SocketSteps(End):
    cdef object sock            # a weak reference
    cdef PyThread_type_lock lock  # of the connection; nobody waits for anything else meanwhile
    cdef object shaking         # of the connection, in the handshake: callbacks may take long
    cdef PyThread_type_lock sending  # so that records leave in the order in which they came
    cdef Records records
    cdef bint expects_much      # the last piece that was received filled its room
    cdef bint has_rest          # the connection was fed beyond the record that it has read
    cdef bytes unsent           # records that wait for the socket
    cdef Py_ssize_t sent        # bytes of them that have left
    cdef Py_ssize_t sealed      # bytes that write() has encrypted, and has not told of yet
    cdef bint owes              # the connection has something for the peer, as was seen last
    cdef size_t kept            # bytes of tickets that wait for something else to be sent
    cdef object shaker          # the thread, or greenlet, that is in a step of the handshake; or None
    cdef bint is_receiving      # somebody is

    cdef object socket(self)
    cdef int descriptor(self, sock) except -1
    cdef Deadline deadline(self, sock, str reason)
    cdef bint receive(self, sock, Deadline deadline, Py_ssize_t size) except -1
    cdef bint receive_now(self, sock, Deadline deadline, Py_ssize_t size) except -1
    cdef bint nothing_came(self, int fd, ssize_t count, int number, Deadline deadline) except -1
    cdef int feed(self, const uint8_t *data, size_t size, bytes owner) except -1
    cdef bint has_output(self) except -1
    cdef int send_all(self, sock, Deadline deadline) except -1
    cdef int raise_alert(self, sock) except -1
    cdef int flush(self, sock, Deadline deadline) except -1
    cdef int flush_if_free(self) except -1
    cdef int send_everything(self, sock, Deadline deadline) except -1
    cdef int drain(self) except -1
    cdef int fail_with(self, error) except -1
    cdef int shake(self) except -1
    cdef int keep_tickets(self) except -1
    cdef bint shake_once(self) except -1
    cdef bytes read_once(self, Py_ssize_t size)
    cdef Py_ssize_t read_once_into(self, uint8_t *room, Py_ssize_t size) except -1
    cdef int settle(self, Py_ssize_t count, Py_ssize_t size) except -1
    cdef int answer(self) except -1
    cdef bytes from_ahead(self, Py_ssize_t size)
    cdef Py_ssize_t acknowledge(self, Py_ssize_t size) except -1
    cdef int seal(self, sock, const uint8_t *data, Py_ssize_t size) except -1
