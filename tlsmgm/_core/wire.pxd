from libc.stdint cimport uint8_t

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.framing cimport Framing

cdef enum:
    PIECE = 65536  # bytes that are received at once, or encrypted at once: four records


cdef class Wire:
    cdef readonly Connection connection
    cdef int fd
    cdef int wanted             # what a step that cannot go on waits for: READ, WRITE or both
    cdef readonly bint has_failed  # TLS has, or the way to the peer
    cdef readonly bint is_shut  # our close_notify was made, so nothing more can be sent
    cdef public bint is_deaf    # the program wants nothing more of the peer
    cdef public bint has_heard  # something has come since the handshake
    cdef bint is_over           # the peer's close_notify was read
    cdef bint expects_much      # the last piece that was received filled its room
    cdef object unsent          # records that wait for the socket
    cdef size_t unsent_size     # bytes of them
    cdef size_t done            # bytes of the first one that have left
    cdef object send_error      # why nothing can be sent any more, or None
    cdef Framing framing
    cdef bytes held             # received, and not fed: see framing; or None
    cdef size_t fed             # bytes of it that have been
    cdef bytes ahead            # decrypted before anybody asked

    cdef bint flush(self) except -1
    cdef int put(self, bytes records) except -1
    cdef bint send_first(self) except -1
    cdef bint send(self) except -1
    cdef int encrypt(self, const uint8_t *data, size_t size) except -1
    cdef bint flush_or_wait(self) except -1
    cdef bytes take(self, Py_ssize_t size, size_t most)
    cdef bytes read(self, Py_ssize_t size)
    cdef Py_ssize_t read_into(self, uint8_t *room, size_t size) except -1
    cdef bint receive(self, size_t size, int looks) except -1
    cdef int feed(self, bytes data) except -1
    cdef int feed_held(self) except -1
