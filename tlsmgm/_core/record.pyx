"""Records: what remains of the engine's connections, and how Python gets to see it."""

from libc.stddef cimport size_t

from tlsmgm._core.capi cimport (
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_VERIFY,
    TLSMGM_RECORD_CANNOT_ACCEPT,
    TLSMGM_RECORD_NO_UPSTREAM,
    TLSMGM_RECORD_TURNED_AWAY,
    TLSMGM_RECORD_UNTRUSTED,
    tlsmgm_record,
    tlsmgm_record_conn,
    tlsmgm_record_ring_take,
    tlsmgm_relay_status,
    tlsmgm_relay_status_word,
)
from tlsmgm._core.connection cimport Given
from tlsmgm._core.context cimport Context
from tlsmgm._core.negotiated cimport Negotiated, text_of
from tlsmgm._core.plan cimport Plan, UpstreamAddress
from tlsmgm._core.ring cimport Ring, place_of
from tlsmgm._core.status cimport as_exception

cdef enum:
    BATCH = 64  # records that are copied at a time

#: Limits in the order of the C core's verdicts; the first one is none.
_VERDICTS = (None, "max_connections", "max_handshakes", "max_handshakes_per_network")


cdef class Record:
    """What remains of a connection that has ended; or the news that one was not let in."""

    def __dealloc__(self):
        discard(&self.raw.client_tls)
        discard(&self.raw.upstream_tls)

    @property
    def has_ended(self):
        """Whether it is about a connection that had been let in."""
        return self.refused_by is None and not self.cannot_accept and not self.is_untrusted

    @property
    def refused_by(self):
        """The name of the limit that keeps clients out, such as this one; or None."""
        if self.raw.kind != TLSMGM_RECORD_TURNED_AWAY:
            return None
        return _VERDICTS[<int> self.raw.verdict]

    @property
    def is_untrusted(self):
        """Whether somebody was kept out who may not send the PROXY header that is due."""
        return self.raw.kind == TLSMGM_RECORD_UNTRUSTED

    @property
    def cannot_accept(self):
        """Whether a listening socket could not accept; ``error`` says why."""
        return self.raw.kind == TLSMGM_RECORD_CANNOT_ACCEPT

    @property
    def status(self):
        """How it ended, in a word of the access log."""
        return tlsmgm_relay_status_word(self.raw.status).decode("ascii")

    @property
    def error(self):
        """The number of the system's error that has ended it; 0: none has."""
        return self.raw.error

    @property
    def reason(self):
        """Why it ended, in words; None: it does not need any, or ``failure`` or ``error`` has it."""
        return None if self.raw.reason == NULL else self.raw.reason.decode("utf-8")

    @property
    def failure(self):
        """What TLS has failed with, as an exception, or None."""
        if self.raw.failure.status == TLSMGM_STATUS_OK:
            return None
        # Who speaks with an upstream has let the client in.
        end = self.client if self.upstream is None else self.upstream
        if self.raw.failure.status == TLSMGM_STATUS_VERIFY and isinstance(end, Negotiated):
            return self.refusal(end)
        return as_exception(self.raw.failure.status, &self.raw.failure)

    cdef object refusal(self, Negotiated end):
        end.enter()
        try:
            return end.refusal(&self.raw.failure)
        finally:
            end.leave()

    @property
    def listener(self):
        """The number of the listening socket."""
        return self.raw.listener

    @property
    def accepted(self):
        """When it was accepted, in seconds of :func:`tlsmgm._core.worker.clock`."""
        return self.raw.accepted / 1e9

    @property
    def ended(self):
        """When it was over, in the same."""
        return self.raw.ended / 1e9

    @property
    def bytes_in(self):
        """Application bytes from the client."""
        return self.raw.bytes_in

    @property
    def bytes_out(self):
        """Application bytes from the upstream."""
        return self.raw.bytes_out

    @property
    def client_address(self):
        """16 bytes, IPv4 mapped into IPv6, and a port; None: the client has no such address."""
        return place_of(self.raw.has_client_address, self.raw.client, self.raw.client_port)

    @property
    def sender_address(self):
        """The same of whoever sent the PROXY header that says so; None: there was none."""
        return place_of(self.raw.has_sender, self.raw.sender, self.raw.sender_port)

    @property
    def local_address(self):
        """The same of the end that it has come in at."""
        return place_of(True, self.raw.local, self.raw.local_port)

    @property
    def server_name(self):
        """The name that the client has asked for, or None."""
        return text_of(self.name())

    @property
    def domain(self):
        """The TLS domain of the client, or None."""
        context = self.server_context()
        return None if context is None else context.domain

    @property
    def is_established(self):
        """Whether the client's handshake has come to a good end."""
        return self.raw.is_established

    @property
    def upstream_address(self):
        """The address that was asked last, an UpstreamAddress, or None."""
        return self.asked

    @property
    def is_attached(self):
        """Whether that upstream has answered."""
        return self.raw.is_attached

    cdef bytes name(self):
        if not self.raw.has_name:
            return None
        return (<const char *> self.raw.name)[:self.raw.name_size]

    cdef Context server_context(self):
        return None if self.plan is None else self.plan.server_context(self.raw.domain)

    cdef int find_upstream(self, dict adopted) except -1:
        """Which one its number stands for."""
        if self.raw.upstream == TLSMGM_RECORD_NO_UPSTREAM or self.plan is None:
            return 0
        found = adopted.get(self.raw.upstream)
        if found is None:
            self.asked = self.plan.upstream(self.raw.upstream)
            return 0
        self.asked, group = found
        for number in group:
            adopted.pop(number, None)
        return 0

    cdef int make_connections(self, object make) except -1:
        """Python's connections, of what the record has of the library's."""
        cdef Given given
        if self.plan is None:
            return 0
        given = given_of(&self.raw.client_tls, self.server_context(), self.name())
        if given is not None:
            given.is_server = True
            given.is_established = self.raw.is_established
            self.client = make(given=given)
        if self.asked is None:
            return 0
        given = given_of(&self.raw.upstream_tls, self.asked.context, self.asked.server_name)
        if given is not None:
            given.is_established = self.raw.is_attached
            self.upstream = make(given=given)
            if isinstance(self.upstream, Negotiated):
                (<Negotiated> self.upstream).checked_name = self.asked.verify_name
        return 0


cdef class Records(Ring):
    """The records of one worker, the oldest first; one thread takes them.

    Args:
        make: is called with ``given=...``, and returns what stands in the records for a TLS
            connection.
        capacity: how many may wait, a power of two; those beyond are lost and counted.
    """

    def __cinit__(self, make, size_t capacity):
        self.open(sizeof(tlsmgm_record), capacity)
        self.make = make

    def __dealloc__(self):
        cdef tlsmgm_record raw
        if self.ring == NULL:
            return
        while tlsmgm_record_ring_take(self.ring, &raw, 1) > 0:
            discard(&raw.client_tls)
            discard(&raw.upstream_tls)

    def take(self, dict plans not None, dict adopted not None):
        """Some of the records that wait.

        Args:
            plans: all that may still be in use, by number.
            adopted: upstreams of connections that the program has sent on, by number, each with all
                numbers of its group; groups of the records are taken out.

        Returns:
            A list of :class:`Record`; empty: none waits.
        """
        cdef tlsmgm_record[BATCH] raw
        cdef size_t count = tlsmgm_record_ring_take(self.ring, raw, BATCH)
        cdef size_t i
        cdef Record record
        found = []
        for i in range(count):
            record = Record.__new__(Record)
            record.raw = raw[i]
            found.append(record)
        for record in found:
            record.plan = plans.get(record.raw.plan)
            record.find_upstream(adopted)
            record.make_connections(self.make)
        return found


cdef void discard(tlsmgm_record_conn *held) noexcept:
    if held.conn != NULL:
        held.backend.conn_free(held.conn)
        held.conn = NULL


cdef Given given_of(tlsmgm_record_conn *held, Context context, bytes name):
    """Takes a connection out of a record; None: there is none, or nobody knows its domain."""
    cdef Given given
    if held.conn == NULL or context is None:
        return None
    given = Given.__new__(Given)
    given.table = held.backend
    given.conn = held.conn
    held.conn = NULL
    given.context = context
    given.name = name
    given.is_over = True
    return given
