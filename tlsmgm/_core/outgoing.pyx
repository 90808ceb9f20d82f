"""Data that waits to be sent."""

from collections import deque

cdef enum:
    SHORT = 16 * 1024  # pieces below it are put together first: a record each costs more


cdef class Outgoing:
    """Application data in order, not encrypted yet: records are made when they can be sent.

    So whatever gathers while a peer is slow leaves in full records, and is in memory once.
    """

    cdef int append(self, bytes piece) except -1:
        """Puts data behind what waits."""
        if self.first is None:
            self.first = piece
        else:
            if self.others is None:
                self.others = deque()
            self.others.append(piece)
        self.size += len(piece)
        return 0

    cdef object take(self):
        """Takes what is to be encrypted next: bytes, or a memoryview of some."""
        cdef object piece = self.first
        cdef Py_ssize_t size = len(piece)
        if size > AT_ONCE:
            rest = memoryview(piece)
            piece, self.first = rest[:AT_ONCE], rest[AT_ONCE:]
        elif size < SHORT and self.others:
            piece = self.gather()
        else:
            self.first = self.next_one()
        self.size -= len(piece)
        return piece

    cdef object gather(self):
        """Puts short pieces together."""
        cdef Py_ssize_t size = 0
        gathered = []
        while self.first is not None and (not gathered or size + len(self.first) <= AT_ONCE):
            gathered.append(self.first)
            size += len(self.first)
            self.first = self.next_one()
        return b"".join(gathered)

    cdef object next_one(self):
        return self.others.popleft() if self.others else None

    cdef void clear(self) noexcept:
        """Forgets everything."""
        self.first = self.others = None
        self.size = 0
