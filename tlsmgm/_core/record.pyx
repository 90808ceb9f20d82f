"""Records: what remains of the engine's connections, how Python gets to see it, and notices."""

from time import time

cimport cython
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

from tlsmgm._core.capi cimport (
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_VERIFY,
    TLSMGM_RECORD_CANNOT_ACCEPT,
    TLSMGM_RECORD_ENDED,
    TLSMGM_RECORD_NO_UPSTREAM,
    TLSMGM_RECORD_TURNED_AWAY,
    tlsmgm_record,
    tlsmgm_record_conn,
    tlsmgm_record_ring_first,
    tlsmgm_record_ring_take,
    tlsmgm_relay_status_word,
    tlsmgm_worker_clock,
)
from tlsmgm._core.connection cimport Given
from tlsmgm._core.context cimport Context
from tlsmgm._core.negotiated cimport Negotiated, text_of
from tlsmgm._core.plan cimport Plan, UpstreamAddress
from tlsmgm._core.ring cimport Ring, place_of
from tlsmgm._core.status cimport as_exception

#: Limits in the order of the C core's verdicts; the first one is none.
_VERDICTS = (None, "max_connections", "max_handshakes", "max_handshakes_per_network")


cdef class Record:
    """What remains of a connection that has ended."""

    def __dealloc__(self):
        discard(&self.raw.client_tls)
        discard(&self.raw.upstream_tls)

    # --- how it ended --------------------------------------------------------------------------

    @property
    def status(self):
        """How it ended, in one word; docs/python.md has them all."""
        return tlsmgm_relay_status_word(self.raw.status).decode("ascii")

    @property
    def error(self):
        """The number of the system's error that has ended it; 0: none has."""
        return self.raw.error

    @property
    def is_established(self):
        """Whether the client's handshake has come to a good end."""
        return self.raw.is_established

    @property
    def is_attached(self):
        """Whether the upstream has answered that was asked last."""
        return self.raw.is_attached

    cdef bint is_plain_end(self) noexcept:
        """Whether there is no reason to tell."""
        return (self.raw.reason == NULL and self.raw.error == 0
                and self.raw.failure.status == TLSMGM_STATUS_OK)

    # --- when ----------------------------------------------------------------------------------

    @property
    def timestamp(self):
        """When it was accepted, in seconds since 1970, as :func:`time.time` has them."""
        return self.since + self.raw.accepted / 1e9

    @property
    def duration(self):
        """Seconds from accept to the end."""
        return (self.raw.ended - self.raw.accepted) / 1e9

    # --- who and where -------------------------------------------------------------------------

    @property
    def client(self):
        """Address and port of the client; None: it has none, as on a unix socket.

        Where the listener takes PROXY headers, the one in the header.
        """
        return place_of(self.raw.has_client_address, self.raw.client, self.raw.client_port)

    @property
    def peer(self):
        """The other end of the connection itself: who sent the PROXY header, else the client."""
        if not self.raw.has_sender:
            return self.client
        return place_of(True, self.raw.sender, self.raw.sender_port)

    @property
    def local(self):
        """Address and port that it came in at, or that the PROXY header names."""
        return place_of(True, self.raw.local, self.raw.local_port)

    @property
    def listener(self):
        """Which of the listener's addresses that was, from 0 on."""
        return self.raw.listener

    @property
    def domain(self):
        """The server domain that has answered, or None."""
        context = self.server_context()
        return None if context is None else context.domain

    @property
    def server_name(self):
        """Server name (SNI) that the client sent, or None."""
        return text_of(self.name())

    @property
    def upstream(self):
        """Address of the upstream: the one that has answered, else the one that was given."""
        if self.asked is None or not self.raw.is_attached:
            return self.given_upstream
        return self.asked.text

    # --- bytes ---------------------------------------------------------------------------------

    @property
    def bytes_in(self):
        """Application bytes from the client."""
        return self.raw.bytes_in

    @property
    def bytes_out(self):
        """Application bytes from the upstream."""
        return self.raw.bytes_out

    # --- its TLS connections -------------------------------------------------------------------

    @property
    @cython.critical_section
    def connection(self):
        """The TLS connection with the client, to be looked at; None: there was none."""
        cdef Given given = given_of(&self.raw.client_tls, self.server_context(), self.name())
        if given is not None:
            given.is_server = True
            given.is_established = self.raw.is_established
            self.client_made = self.make(given=given)
        return self.client_made

    @property
    @cython.critical_section
    def upstream_connection(self):
        """The same with the upstream."""
        cdef Context context = None if self.asked is None else self.asked.context
        cdef bytes name = None if self.asked is None else self.asked.server_name
        cdef Given given = given_of(&self.raw.upstream_tls, context, name)
        if given is not None:
            given.is_established = self.raw.is_attached
            self.upstream_made = self.make(given=given)
            if isinstance(self.upstream_made, Negotiated):
                (<Negotiated> self.upstream_made).checked_name = self.asked.verify_name
        return self.upstream_made

    # --- of the engine -------------------------------------------------------------------------

    cdef bytes name(self):
        if not self.raw.has_name:
            return None
        return (<const char *> self.raw.name)[:self.raw.name_size]

    cdef Context server_context(self):
        return None if self.plan is None else self.plan.server_context(self.raw.domain)

    cdef tuple find_upstream(self, uint32_t number, dict adopted):
        """Which one a number stands for; returns the numbers that stand for no other from now on."""
        if number == TLSMGM_RECORD_NO_UPSTREAM or self.plan is None:
            return ()
        found = adopted.get(number)
        if found is None:
            self.asked = self.plan.upstream(number)
            return ()
        self.asked, group = found
        return group


def ended_at(Record record not None):
    """When it was over, in seconds of :func:`tlsmgm._core.worker.clock`."""
    return record.raw.ended / 1e9


def note_of(Record record not None):
    """Why it ended, in words; None: it does not need any, or its trouble or error has it."""
    return None if record.raw.reason == NULL else record.raw.reason.decode("utf-8")


def trouble_of(Record record not None):
    """What TLS, or its PROXY header, has failed with, as an exception, or None."""
    if record.raw.failure.status == TLSMGM_STATUS_OK:
        return None
    if record.raw.failure.status == TLSMGM_STATUS_VERIFY:
        # Who speaks with an upstream has let the client in.
        end = record.upstream_connection or record.connection
        if isinstance(end, Negotiated):
            return refusal_of(record, end)
    return as_exception(record.raw.failure.status, &record.raw.failure)


cdef object refusal_of(Record record, Negotiated end):
    """In words for people, and with what the peer has shown."""
    end.enter()
    try:
        return end.refusal(&record.raw.failure)
    finally:
        end.leave()


def give_upstream(Record record not None, str text):
    """Say which upstream was configured, for where none has answered."""
    record.given_upstream = text


cdef class Notice:
    """News of somebody who was not let in, told now and then.

    Where no limit keeps him out, and accepting is possible, he may not send the PROXY header that
    is due.
    """

    @property
    def refused_by(self):
        """The name of the limit that keeps clients out, such as this one; or None."""
        if self.raw.kind != TLSMGM_RECORD_TURNED_AWAY:
            return None
        return _VERDICTS[<int> self.raw.verdict]

    @property
    def cannot_accept(self):
        """Whether a listening socket could not accept; ``error`` says why."""
        return self.raw.kind == TLSMGM_RECORD_CANNOT_ACCEPT

    @property
    def error(self):
        """The number of the system's error, or 0."""
        return self.raw.error

    @property
    def client(self):
        """Address and port of the client; None: it has none."""
        return place_of(self.raw.has_client_address, self.raw.client, self.raw.client_port)


cdef class Records(Ring):
    """The records of one worker, the oldest first; one thread takes them.

    Args:
        kind: what those of connections become, a subclass of :class:`Record`.
        make: is called with ``given=...`` when somebody asks for a TLS connection of a record, and
            returns it.
        capacity: how many may wait, a power of two; those beyond are lost and counted.
    """

    def __cinit__(self, type kind not None, make, size_t capacity):
        if not issubclass(kind, Record):
            raise TypeError(f"{kind} is no Record")
        self.open(sizeof(tlsmgm_record), capacity)
        self.kind = kind
        self.make = make

    def __dealloc__(self):
        cdef tlsmgm_record raw
        if self.ring == NULL:
            return
        while tlsmgm_record_ring_take(self.ring, &raw, 1) > 0:
            discard(&raw.client_tls)
            discard(&raw.upstream_tls)

    def take(self, dict plans not None, dict adopted not None, list ended not None,
             list notices not None):
        """Move all records that are there to the ends of two lists.

        Args:
            plans: all that may still be in use, by number.
            adopted: upstreams of connections that the program has sent on, by number, each with all
                numbers of its group; groups of the records are taken out.
            ended: gets those of connections that have ended.
            notices: gets the others.

        Raises:
            MemoryError: there is none for more; those that are left are there the next time, and so
                they are after whatever else is raised.
        """
        cdef const tlsmgm_record *raw
        cdef double since = time() - tlsmgm_worker_clock() / 1e9
        while True:
            raw = <const tlsmgm_record *> tlsmgm_record_ring_first(self.ring)
            if raw == NULL:
                return
            if raw.kind == TLSMGM_RECORD_ENDED:
                self.take_ended(raw, since, plans, adopted, ended)
            else:
                self.take_notice(notices)

    cdef int take_ended(self, const tlsmgm_record *raw, double since, dict plans, dict adopted,
                        list ended) except -1:
        cdef Record record = self.kind.__new__(self.kind)
        cdef tuple group
        record.make = self.make
        record.since = since
        record.plan = plans.get(raw.plan)
        group = record.find_upstream(raw.upstream, adopted)
        ended.append(record)
        # Only now, when nothing can fail any more.
        tlsmgm_record_ring_take(self.ring, &record.raw, 1)
        for number in group:
            adopted.pop(number, None)
        return 0

    cdef int take_notice(self, list notices) except -1:
        cdef Notice notice = Notice.__new__(Notice)
        notices.append(notice)
        tlsmgm_record_ring_take(self.ring, &notice.raw, 1)
        return 0


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
