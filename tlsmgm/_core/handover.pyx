"""Handovers: connections whose handshake the engine has done, on their way to the program."""

from libc.stddef cimport size_t
from posix.unistd cimport close, getpid

from tlsmgm._core.capi cimport (
    tlsmgm_buffer_free,
    tlsmgm_buffer_size,
    tlsmgm_buffer_view,
    tlsmgm_handover,
    tlsmgm_handover_discard,
    tlsmgm_record_ring_first,
    tlsmgm_record_ring_take,
)
from tlsmgm._core.connection cimport Given
from tlsmgm._core.plan cimport Plan
from tlsmgm._core.record cimport given_of
from tlsmgm._core.ring cimport Ring, place_of
from tlsmgm._core.views cimport bytes_of

cdef void let_go(tlsmgm_handover *raw, int process) noexcept:
    # In a forked process the socket is the parent's, too, whom a reset would hit.
    if raw.fd >= 0 and process != getpid():
        close(raw.fd)
        raw.fd = -1
    tlsmgm_handover_discard(raw)


cdef class Handover:
    """A connection that belongs to the program; whoever drops it resets the client."""

    def __cinit__(self):
        self.raw.fd = -1
        self.process = getpid()

    def __dealloc__(self):
        let_go(&self.raw, self.process)

    def discard(self):
        """Reset the client, unless somebody has taken it; more than once does no harm.

        Without an interpreter lock an object lives on for a while when another thread has made it.
        """
        let_go(&self.raw, self.process)

    @property
    def client(self):
        """Address and port of the client; None: it has none."""
        return place_of(self.raw.has_client_address, self.raw.client, self.raw.client_port)

    @property
    def local(self):
        """The same of the end that it has come in at."""
        return place_of(True, self.raw.local.address, self.raw.local.port)

    @property
    def listener(self):
        """The number of the listening socket."""
        return self.raw.listener

    @property
    def accepted(self):
        """When it was accepted, in seconds of :func:`tlsmgm._core.worker.clock`."""
        return self.raw.accepted / 1e9

    @property
    def handed_over(self):
        """When the worker let it go, in the same."""
        return self.raw.handed_over / 1e9

    def fileno(self):
        """Its descriptor, which stays here; -1: it was taken, or closed."""
        return self.raw.fd

    def close_socket(self):
        """Close the socket, unless somebody has taken it."""
        fd = self.take_socket()
        if fd >= 0:
            close(fd)

    def take_socket(self):
        """Its descriptor, which is the caller's from now on; -1: it was taken."""
        cdef object found = self.raw.fd  # first, for it may raise MemoryError
        self.raw.fd = -1
        return found

    def return_socket(self, int descriptor):
        """The opposite.

        Args:
            descriptor: that was taken.
        """
        self.raw.fd = descriptor

    def take_connection(self, make):
        """Make a connection of it.

        Args:
            make: is called with ``given=...``.

        Returns:
            What that returns; None for a client that speaks plain TCP.
        """
        cdef Given given
        cdef bytes name = None
        if self.raw.server_name.size > 0:
            name = (<const char *> self.raw.server_name.data)[:self.raw.server_name.size]
        context = None if self.plan is None else self.plan.server_context(self.raw.domain)
        given = given_of(&self.raw.tls, context, name)
        if given is None:
            return None
        given.is_server = True
        given.is_established = True
        given.is_over = False
        given.records = self.raw.records
        if tlsmgm_buffer_size(&self.raw.unsent) > 0:
            given.unsent = bytes_of(tlsmgm_buffer_view(&self.raw.unsent))
            tlsmgm_buffer_free(&self.raw.unsent)
        return make(given=given)


cdef class Handovers(Ring):
    """The handovers of one worker, the oldest first; one thread at a time takes them.

    Args:
        capacity: how many may wait, a power of two; those beyond are reset and counted.
    """

    def __cinit__(self, size_t capacity):
        self.open(sizeof(tlsmgm_handover), capacity)

    def __dealloc__(self):
        cdef tlsmgm_handover raw
        if self.ring == NULL:
            return
        while tlsmgm_record_ring_take(self.ring, &raw, 1) > 0:
            tlsmgm_handover_discard(&raw)

    def take(self, dict plans not None, waiting not None):
        """Move all that are there to the end of a queue.

        Args:
            plans: all that may still be in use, by number.
            waiting: the queue, of :class:`Handover`.

        Raises:
            MemoryError: there is none for more; those that are left are there the next time.
        """
        cdef const tlsmgm_handover *raw
        cdef Handover handover
        while True:
            raw = <const tlsmgm_handover *> tlsmgm_record_ring_first(self.ring)
            if raw == NULL:
                return
            handover = Handover.__new__(Handover)
            handover.plan = plans.get(raw.plan.number)
            waiting.append(handover)
            # Only now, when nothing can fail any more.
            tlsmgm_record_ring_take(self.ring, &handover.raw, 1)
