"""Questions: clients for whose name the engine knows no domain, and who wait for an answer."""

from tlsmgm._core.capi cimport (
    tlsmgm_question,
    tlsmgm_record_ring_first,
    tlsmgm_record_ring_take,
)
from tlsmgm._core.ring cimport Ring, place_of

cdef enum:
    BATCH = 64  # questions that are taken at a time


cdef class Question:
    """What is known of a client who waits."""

    @property
    def token(self):
        """Names the client to the worker that has asked."""
        return self.raw.token

    @property
    def asked(self):
        """When, in seconds of ``time.monotonic()``."""
        return self.raw.asked / 1e9

    @property
    def server_name(self):
        """The name as it was sent (RFC 6066 section 3), or None: none was."""
        if self.raw.name_size == 0:
            return None
        return (<const char *> self.raw.name)[:self.raw.name_size]

    @property
    def client(self):
        """Address and port of the client; None: it has none."""
        return place_of(self.raw.has_client_address, self.raw.client, self.raw.client_port)

    @property
    def local(self):
        """The same of the end that it has come in at."""
        return place_of(True, self.raw.local.address, self.raw.local.port)


cdef class Questions(Ring):
    """The questions of one worker, the oldest first; one thread at a time takes them.

    Args:
        capacity: how many may wait, a power of two; the clients of those beyond are refused.
    """

    def __cinit__(self, size_t capacity):
        self.open(sizeof(tlsmgm_question), capacity)

    def take(self):
        """Some of those that wait.

        Returns:
            A list of :class:`Question`; empty: none waits.

        Raises:
            MemoryError: there is none for the first; it is there the next time.
        """
        cdef Question question
        cdef list found = []
        while len(found) < BATCH and tlsmgm_record_ring_first(self.ring) != NULL:
            try:
                question = Question.__new__(Question)
                found.append(question)
            except MemoryError:
                if not found:
                    raise
                break
            # Only now, when nothing can fail any more.
            tlsmgm_record_ring_take(self.ring, &question.raw, 1)
        return found
