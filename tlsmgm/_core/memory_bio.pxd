cdef class MemoryBIO:
    cdef bytes first            # the piece that is read next; None: there is nothing
    cdef Py_ssize_t done        # bytes of it that have been read
    cdef object others          # deque of those behind it; None: there never were any
    cdef Py_ssize_t size        # bytes in all that wait
    cdef bint is_closed         # nothing more will be written

    cdef bytes read_now(self, Py_ssize_t size)
    cdef int write_now(self, bytes data) except -1
    cdef Py_ssize_t waiting(self) except -1
    cdef bint has_ended(self) except -1
    cdef int put(self, bytes data) except -1
    cdef bytes take(self, Py_ssize_t most, Py_ssize_t *begin, Py_ssize_t *count)
    cdef bytes take_one(self, Py_ssize_t size)
    cdef bytes join(self, Py_ssize_t size)
    cdef int go_on(self, Py_ssize_t count) except -1
