"""The key ring of a TLS domain, which seals its session tickets."""

cimport cython
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from tlsmgm._core.capi cimport (
    TLSMGM_TICKET_KEY_SIZE,
    TLSMGM_TICKET_RING_MAX,
    tlsmgm_error,
    tlsmgm_ticket_keys_free,
    tlsmgm_ticket_keys_new,
    tlsmgm_ticket_keys_replace,
)
from tlsmgm._core.status cimport check

KEY_SIZE = TLSMGM_TICKET_KEY_SIZE
RING_MAX = TLSMGM_TICKET_RING_MAX


cdef double _now() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec / 1e9


cdef class TicketKeys:
    """Keys that seal and open the session tickets of one domain (RFC 5077 section 4).

    Args:
        schedule: says which keys are in force, see :mod:`tlsmgm._material.ticket_schedule`. Connections ask
            it again as soon as its last answer is too old, so no thread is needed.

    Raises:
        ValueError: the schedule gives no key, too many, or one of another size.
    """

    def __cinit__(self, schedule not None):
        cdef tlsmgm_error error
        check(tlsmgm_ticket_keys_new(&self.keys, &error), &error, None)
        self.schedule = schedule
        self.turn()

    def __dealloc__(self):
        tlsmgm_ticket_keys_free(self.keys)

    def turn(self):
        """Asks the schedule now."""
        materials, wait = self.schedule.turn()
        cdef bytes whole = b"".join(materials)
        count = len(materials)
        if not 0 < count <= TLSMGM_TICKET_RING_MAX or len(whole) != count * TLSMGM_TICKET_KEY_SIZE:
            raise ValueError(f"a ring has 1 to {RING_MAX} keys of {KEY_SIZE} bytes each")
        # Of two threads that ask at once, one replaces both the keys and the time, or the other.
        with cython.critical_section(self):
            tlsmgm_ticket_keys_replace(
                self.keys, <const unsigned char *> <const char *> whole, count
            )
            self.due = _now() + wait

    cdef int refresh(self) except -1:
        """Asks the schedule if its last answer is too old; cheap enough for each connection."""
        if _now() >= self.due:
            self.turn()
        return 0
