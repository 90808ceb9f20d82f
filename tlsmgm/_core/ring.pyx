"""Rings: what workers put down for Python, and the addresses that stand in it."""

from libc.string cimport memcmp

from tlsmgm._core.capi cimport (
    tlsmgm_error,
    tlsmgm_record_ring_free,
    tlsmgm_record_ring_lost,
    tlsmgm_record_ring_new,
)
from tlsmgm._core.status cimport check

cdef extern from "<arpa/inet.h>" nogil:
    int AF_INET
    int AF_INET6
    enum: INET6_ADDRSTRLEN
    const char *inet_ntop(int, const void *, char *, unsigned int)

cdef const char *_MAPPED_IPV4 = b"\0\0\0\0\0\0\0\0\0\0\xff\xff"


cdef class Ring:
    """What one worker has put down and nobody has taken yet; one thread at a time takes it.

    Whoever inherits takes out what is in it, before the ring goes.
    """

    cdef int open(self, size_t size, size_t capacity) except -1:
        """Makes it: of entries of so many bytes, and a power of two of them."""
        cdef tlsmgm_error error
        return check(tlsmgm_record_ring_new(size, capacity, &self.ring, &error), &error, None)

    def __dealloc__(self):
        tlsmgm_record_ring_free(self.ring)

    @property
    def lost(self):
        """How many found no room."""
        return 0 if self.ring == NULL else tlsmgm_record_ring_lost(self.ring)


cdef object place_of(bint is_known, const uint8_t *address, uint16_t port):
    """An address as people know it, and a port; None if it is not known."""
    return (ip_text(address), port) if is_known else None


cdef str ip_text(const uint8_t *address):
    """Of 16 bytes; IPv4 mapped into IPv6 is IPv4."""
    cdef char[INET6_ADDRSTRLEN] text
    if memcmp(address, _MAPPED_IPV4, 12) == 0:
        inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN)
    else:
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN)
    return text.decode("ascii")
