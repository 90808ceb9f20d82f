cdef enum:
    # Bytes of data that are encrypted at a time. Their records stay below 128 KiB, from where on
    # malloc gets pages of the system for each piece, and gives them back.
    AT_ONCE = 120 * 1024


cdef class Outgoing:
    cdef object first           # what leaves next: bytes, or a memoryview of them; None: nothing
    cdef object others          # what is behind it: a deque, made when it is needed
    cdef readonly Py_ssize_t size  # bytes that wait

    cdef int append(self, bytes piece) except -1
    cdef object take(self)
    cdef object gather(self)
    cdef object next_one(self)
    cdef void clear(self) noexcept
