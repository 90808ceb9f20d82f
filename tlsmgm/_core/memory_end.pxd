from libc.stdint cimport uint8_t

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.memory_bio cimport MemoryBIO
from tlsmgm._core.order cimport tlsmgm_order


cdef class End:
    cdef object __weakref__
    cdef public object _context
    cdef public bint server_side
    cdef public object server_hostname
    cdef public object _owner           # a weak reference to what shows it to the program, or None
    cdef public object _session         # to be offered, or None
    cdef public Connection _connection  # None until the first call that needs it
    cdef public bint _is_open           # the handshake is complete
    cdef public bint _shut              # we have said goodbye
    cdef public bint _maybe_more        # the connection may have data without further bytes
    cdef public bytes _ahead            # data that pending() has seen
    cdef MemoryBIO source               # holds what the peer has sent; None: the next one does
    cdef object stock_source            # ssl.MemoryBIO; None: over a socket
    cdef MemoryBIO sink                 # takes what is for the peer; None: the next one does
    cdef object stock_sink
    cdef tlsmgm_order coming            # of bytes between their buffer and the connection
    cdef tlsmgm_order going             # of records between the connection and their buffer

    cpdef Connection _start(self)
    cpdef _established(self)
    cdef int count(self, str what) except -1
    cdef int belong_to(self, context, bint is_server, server_hostname, owner, session) except -1
    cdef int lie_between(self, incoming, outgoing) except -1
    cdef int take(self) except -1
    cdef int take_in_order(self) except -1
    cdef bint has_more(self) except -1
    cdef bint has_ended(self) except -1
    cdef int give(self) except -1
    cdef int put(self, bytes wire) except -1
    cdef int give_sealed(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef bint advance(self) except -1
    cdef int fail(self, error) except -1
    cdef bytes read_data(self, Py_ssize_t size)
    cdef Py_ssize_t read_straight(self, buffer, Py_ssize_t size) except -1
    cdef int no_data(self) except -1


cdef int writable(buffer, Py_buffer *view) except -1
