"""A buffer as ``ssl.MemoryBIO`` is one, which keeps the bytes that it is given.

Python's own copies everything in, and out again.
"""

import ssl
from collections import deque

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.long cimport PyLong_AsLong
from cpython.object cimport PyObject
from libc.limits cimport INT_MAX, INT_MIN
from libc.string cimport memcpy

from tlsmgm._core.fresh_bytes cimport fresh_bytes, fresh_bytes_finish, fresh_bytes_room

cdef object _SSLError = ssl.SSLError


@cython.final
@cython.auto_pickle(False)
cdef class MemoryBIO:
    """A buffer between a program and an ``ssl.SSLObject``, as ``ssl.MemoryBIO``.

    Contexts of ours take both kinds in ``wrap_bio()``, Python's own take theirs. What is written as
    ``bytes`` is kept, and not copied; ``read()`` of all of it returns that object.

    Any thread may use it at any time.
    """

    def __cinit__(self, *more):
        if more:  # without that they would be ignored
            raise TypeError("MemoryBIO() takes no arguments")

    # Nothing that is done here under a critical section runs anybody's Python, but for put().

    def read(self, size=-1, /):
        """Take bytes, oldest first.

        Args:
            size: how many at most; below zero: all.

        Returns:
            ``bytes``; ``b""`` if there are none now.
        """
        return self.read_now(as_int(size))

    @cython.critical_section
    cdef bytes read_now(self, Py_ssize_t size):
        if not 0 <= size < self.size:
            size = self.size
        if size == 0:
            return b""
        if size <= len(self.first) - self.done:
            return self.take_one(size)
        return self.join(size)

    def write(self, data, /):
        """Add bytes.

        Args:
            data: any contiguous buffer of bytes. A ``bytes`` object is kept until it is read,
                anything else is copied.

        Returns:
            How many there were.

        Raises:
            TypeError: that is no buffer.
            BufferError: it is not contiguous.
            OverflowError: it has 2 GiB or more.
            ssl.SSLError: ``write_eof()`` was called.
        """
        cdef bytes kept = data if type(data) is bytes else copied(data)
        check_size(len(kept))
        self.write_now(kept)
        return len(kept)

    @cython.critical_section
    cdef int write_now(self, bytes data) except -1:
        if self.is_closed:
            raise _SSLError("cannot write() after write_eof()")
        return self.put(data)

    @cython.critical_section
    def write_eof(self):
        """Say that nothing more will be written."""
        self.is_closed = True

    @property
    def pending(self):
        """How many bytes wait."""
        return self.waiting()

    @property
    def eof(self):
        """Whether all has been read that there will ever be."""
        return self.has_ended()

    # --- for who moves bytes in C ----------------------------------------------------------

    @cython.critical_section
    cdef Py_ssize_t waiting(self) except -1:
        """As pending."""
        return self.size

    @cython.critical_section
    cdef bint has_ended(self) except -1:
        """As eof."""
        return self.is_closed and self.size == 0

    @cython.critical_section
    cdef int put(self, bytes data) except -1:
        """As write(); what a connection has to say is taken behind write_eof(), too, as by ssl."""
        if self.first is not None and self.others is None:
            fresh = deque()  # before anything else: who collects garbage may come back here
            if self.others is None:
                self.others = fresh
        if len(data) == 0:
            return 0
        if self.first is None:
            self.first = data
        else:
            self.others.append(data)
        self.size += len(data)
        return 0

    @cython.critical_section
    cdef bytes take(self, Py_ssize_t most, Py_ssize_t *begin, Py_ssize_t *count):
        """Takes bytes of one piece; returns all of that piece, or None: there is none.

        Args:
            most: how many at most.
            begin: is set to where they begin in it.
            count: is set to how many they are.
        """
        piece = self.first
        begin[0] = self.done
        count[0] = 0
        if piece is not None:
            count[0] = min(most, len(piece) - self.done)
            self.go_on(count[0])
        return piece

    # --- inside ----------------------------------------------------------------------------

    cdef bytes take_one(self, Py_ssize_t size):
        """Some bytes of the first piece; the piece itself, if they are all of it."""
        piece = self.first
        if size < len(piece):
            piece = PyBytes_FromStringAndSize(PyBytes_AS_STRING(piece) + self.done, size)
        self.go_on(size)
        return piece

    cdef bytes join(self, Py_ssize_t size):
        """Bytes of several pieces, in one."""
        cdef PyObject *joined = fresh_bytes(NULL, size)
        cdef char *room = fresh_bytes_room(joined)
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t count
        while at < size:
            count = min(size - at, len(self.first) - self.done)
            memcpy(room + at, PyBytes_AS_STRING(self.first) + self.done, count)
            self.go_on(count)
            at += count
        return fresh_bytes_finish(joined, size)

    cdef int go_on(self, Py_ssize_t count) except -1:
        """So many bytes of the first piece have been read."""
        self.size -= count
        self.done += count
        if self.done == len(self.first):
            self.done = 0
            self.first = self.others.popleft() if self.others else None
        return 0


cdef int as_int(number) except? -1:
    """As Python's own buffer reads it: no float, and nothing larger than C's int."""
    cdef long found = PyLong_AsLong(number)
    if not INT_MIN <= found <= INT_MAX:
        raise OverflowError("Python int too large to convert to C int")
    return <int> found


cdef bytes copied(data):
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        check_size(view.len)
        return PyBytes_FromStringAndSize(<const char *> view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


cdef int check_size(Py_ssize_t size) except -1:
    if size > INT_MAX:
        raise OverflowError(f"string longer than {INT_MAX} bytes")
    return 0
