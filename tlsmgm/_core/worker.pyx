"""Workers: threads of the engine, which carry connections from accept to the last byte."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import os

from tlsmgm._core.capi cimport (
    TLSMGM_FAILURE_COUNT,
    TLSMGM_STATUS_CLOSED,
    TLSMGM_STATUS_OK,
    TLSMGM_RELAY_STATUS_COUNT,
    tlsmgm_admission_count,
    tlsmgm_admission_counts,
    tlsmgm_admission_free,
    tlsmgm_admission_leave,
    tlsmgm_admission_limits,
    tlsmgm_admission_new,
    tlsmgm_buffer_append,
    tlsmgm_buffer_init,
    tlsmgm_error,
    tlsmgm_handover_discard,
    tlsmgm_network,
    tlsmgm_plan,
    tlsmgm_relay_status,
    tlsmgm_relay_status_word,
    tlsmgm_siphash_key,
    tlsmgm_status,
    tlsmgm_worker_adopt,
    tlsmgm_worker_answer,
    tlsmgm_worker_clock,
    tlsmgm_worker_config,
    tlsmgm_worker_count,
    tlsmgm_worker_counts,
    tlsmgm_worker_drain,
    tlsmgm_worker_forget,
    tlsmgm_worker_free,
    tlsmgm_worker_hold,
    tlsmgm_worker_listener,
    tlsmgm_worker_new,
    tlsmgm_worker_post,
    tlsmgm_worker_release,
    tlsmgm_worker_run,
    tlsmgm_worker_stop,
)
from tlsmgm._core.connection cimport Connection, Given
from tlsmgm._core.handover cimport Handover, Handovers
from tlsmgm._core.plan cimport Plan, Routes
from tlsmgm._core.question cimport Questions
from tlsmgm._core.record cimport Records
from tlsmgm._core.selector cimport fill_local
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport view_of

from tlsmgm.errors import NoMemoryError

cdef enum:
    UNSENT_MAX = 1 << 26  # bytes, as the engine has it

#: Why a client's handshake has failed, in the order of the C core.
_FAILURES = (
    "no_domain", "hello_too_large", "first_byte_timeout", "handshake_timeout", "drained",
    "certificate", "alert", "protocol", "lost", "other",
)


def clock():
    """Seconds of the clock that the engine's times are of."""
    return tlsmgm_worker_clock() / 1e9


def status_words():
    """All words for how a connection can end."""
    return tuple(word_of(number) for number in range(TLSMGM_RELAY_STATUS_COUNT))


def failure_words():
    """All words for why a client's handshake has failed."""
    return _FAILURES


cdef str word_of(int number):
    return tlsmgm_relay_status_word(<tlsmgm_relay_status> number).decode("ascii")


cdef class Admission:
    """Who may come in: counted over all workers that share it.

    Args:
        max_connections, max_handshakes, max_handshakes_per_network: 0 is no bound.
        ipv4_prefix, ipv6_prefix: bits of an address that tell its network.

    Raises:
        ConfigError: a prefix is too long.
    """

    def __cinit__(self, *, uint32_t max_connections, uint32_t max_handshakes,
                  uint32_t max_handshakes_per_network, uint8_t ipv4_prefix, uint8_t ipv6_prefix):
        cdef tlsmgm_admission_limits limits
        cdef tlsmgm_siphash_key key
        cdef tlsmgm_error error
        cdef bytes secret = os.urandom(sizeof(key.bytes))
        memcpy(key.bytes, <const char *> secret, sizeof(key.bytes))
        limits.max_connections = max_connections
        limits.max_handshakes = max_handshakes
        limits.max_handshakes_per_network = max_handshakes_per_network
        limits.ipv4_prefix = ipv4_prefix
        limits.ipv6_prefix = ipv6_prefix
        check(tlsmgm_admission_new(&limits, &key, &self.admission, &error), &error, None)

    def __dealloc__(self):
        tlsmgm_admission_free(self.admission)

    def leave(self):
        """Gives back the place of a connection that was handed over; once for each of them."""
        tlsmgm_admission_leave(self.admission)

    def counts(self):
        """Connections and handshakes at this moment, and how often each limit has struck."""
        cdef tlsmgm_admission_counts counts
        with nogil:
            tlsmgm_admission_count(self.admission, &counts)
        return {
            "connections": counts.connections,
            "handshakes": counts.handshakes,
            "max_connections": counts.refused_max_connections,
            "max_handshakes": counts.refused_max_handshakes,
            "max_handshakes_per_network": counts.refused_max_handshakes_per_network,
        }


cdef class Senders:
    """Those who may send PROXY headers.

    Args:
        networks: tuples of 16 bytes, IPv4 mapped into IPv6, and how many bits of them count.
    """

    cdef tlsmgm_network *networks
    cdef size_t count

    def __cinit__(self, list networks not None):
        cdef bytes address
        self.networks = <tlsmgm_network *> calloc(len(networks) + 1, sizeof(tlsmgm_network))
        if self.networks == NULL:
            raise MemoryError
        for address, prefix in networks:
            if len(address) != 16 or not 0 <= prefix <= 128:
                raise ValueError("a network has 16 bytes and 0 to 128 bits")
            memcpy(self.networks[self.count].address, <const char *> address, 16)
            self.networks[self.count].prefix = prefix
            self.count += 1

    def __dealloc__(self):
        free(self.networks)


cdef class Worker:
    """One thread of the engine, with listening sockets of its own.

    Args:
        admission: who may come in.
        plan: what holds at first.
        listeners: tuples ``(descriptor, number, is_plain, has_wildcard, is_exclusive, address,
            port, senders)``; the descriptors are the worker's from now on, whatever happens; those
            that are exclusive nobody else has; with :class:`Senders`, connections begin with a
            PROXY header, with None they do not.
        records: where it tells what has become of its connections.
        bell: descriptor to which eight bytes are written when there is a record again.
        handovers: where it puts connections for the program.
        handover_bell: as bell.
        questions: where it puts clients whom no domain answers, if the plan says so; None: nobody
            would answer.
        question_bell: as bell.
        tells_ends: everything that is over leaves a record, with its TLS connections; else only
            what the program has sent on does.

    Raises:
        NoMemoryError: memory or descriptors are exhausted.
    """

    def __cinit__(self, Admission admission not None, Plan plan not None, list listeners not None,
                  Records records not None, int bell, Handovers handovers not None,
                  int handover_bell, Questions questions, int question_bell, *, bint tells_ends):
        cdef tlsmgm_worker_config config
        cdef tlsmgm_error error
        cdef tlsmgm_worker_listener *array = <tlsmgm_worker_listener *> calloc(
            len(listeners) + 1, sizeof(tlsmgm_worker_listener)
        )
        if array == NULL:
            raise MemoryError
        self.admission = admission
        self.records = records
        self.handovers = handovers
        self.questions = questions
        self.listeners = list(listeners)
        memset(&config, 0, sizeof(config))
        try:
            for i in range(len(listeners)):
                fill_listener(&array[i], listeners[i])
            config.listeners = array
            config.listener_count = len(listeners)
            config.admission = admission.admission
            config.plan = plan.plan
            config.records = records.ring
            config.bell = bell
            config.handovers = handovers.ring
            config.handover_bell = handover_bell
            config.questions = NULL if questions is None else questions.ring
            config.question_bell = question_bell
            config.tells_ends = config.keeps_tls = tells_ends
            check(tlsmgm_worker_new(&config, &self.worker, &error), &error, None)
        finally:
            free(array)

    def __dealloc__(self):
        tlsmgm_worker_free(self.worker)

    def run(self):
        """Works until ``stop()``, or until nothing is left after ``drain()``; once."""
        with nogil:
            tlsmgm_worker_run(self.worker)

    def post(self, Plan plan not None):
        """What holds for the connections that come in from now on.

        Args:
            plan: the caller keeps it as long as it is in use.
        """
        with nogil:
            tlsmgm_worker_post(self.worker, plan.plan)

    def drain(self, uint32_t timeout):
        """No new connections; those that are there have so long. A second call may shorten that.

        Args:
            timeout: milliseconds.
        """
        with nogil:
            tlsmgm_worker_drain(self.worker, timeout)

    def stop(self):
        """At once; whoever is there is reset."""
        with nogil:
            tlsmgm_worker_stop(self.worker)

    def adopt(self, Handover handover not None, Connection connection, int fd,
              Routes routes not None):
        """Relay a connection that was handed over.

        Args:
            handover: of it; its place of admission is the worker's again.
            connection: that was made of it, which can do nothing from now on; None: it is plain.
            fd: its descriptor, which is the worker's from now on.
            routes: with one route for all.

        Raises:
            ValueError: the connection has ended; then the client is reset, as in what follows.
            RuntimeError: the worker has ended; then the client is reset.
            NoMemoryError: memory is exhausted; the same.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef Given given
        handover.raw.fd = fd  # whatever happens from here on, it is not lost
        if connection is not None:
            given = connection.surrender()
            if given is None:
                tlsmgm_handover_discard(&handover.raw)
                raise ValueError("the connection has ended")
            handover.raw.tls.backend = given.table
            handover.raw.tls.conn = given.let_go()
            handover.raw.records = given.records
            if given.unsent is not None:
                tlsmgm_buffer_init(&handover.raw.unsent, UNSENT_MAX)
                status = tlsmgm_buffer_append(&handover.raw.unsent, view_of(given.unsent).data,
                                              len(given.unsent))
                if status != TLSMGM_STATUS_OK:
                    tlsmgm_handover_discard(&handover.raw)
                    raise NoMemoryError("out of memory")
        # Whoever forks has the mailbox, and wants the interpreter.
        with nogil:
            status = tlsmgm_worker_adopt(self.worker, &handover.raw, routes.routes, &error)
        if status == TLSMGM_STATUS_OK:
            return
        tlsmgm_handover_discard(&handover.raw)
        if status == TLSMGM_STATUS_CLOSED:
            raise RuntimeError("the listener is closed")
        check(status, &error, None)

    def answer(self, uint64_t token, Plan plan):
        """Answer a question of this worker; nothing happens where nobody waits any more.

        Args:
            token: of the question.
            plan: under which the client goes on; the caller keeps it as long as it is in use.
                None: it is refused.

        Raises:
            NoMemoryError: memory is exhausted.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef tlsmgm_plan *raw = NULL if plan is None else plan.plan
        with nogil:
            status = tlsmgm_worker_answer(self.worker, token, raw, &error)
        if status != TLSMGM_STATUS_CLOSED:
            check(status, &error, None)

    def hold(self):
        """Before a fork: wait until it does nothing, and let it do nothing."""
        with nogil:
            tlsmgm_worker_hold(self.worker)

    def release(self):
        """After a fork, in the parent: let it go on."""
        tlsmgm_worker_release(self.worker)

    def forget(self):
        """After a fork, in the child: close all descriptors; there is no thread of it here."""
        tlsmgm_worker_forget(self.worker)

    def counts(self):
        """What it has seen, by name; see :mod:`tlsmgm._engine.statistics`."""
        cdef tlsmgm_worker_counts counts
        tlsmgm_worker_count(self.worker, &counts)
        found = {
            "connections": counts.connections,
            "accepted": counts.accepted,
            "accept_errors": counts.accept_errors,
            "untrusted": counts.untrusted,
            "handshakes_started": counts.handshakes_started,
            "handshakes_completed": counts.handshakes_completed,
            "handshakes_resumed": counts.handshakes_resumed,
            "handed_over": counts.handed_over,
            "asked": counts.asked,
            "flooded": counts.flooded,
            "pieces": counts.pieces,
            "paused": counts.paused,
            "bytes_in": counts.bytes_in,
            "bytes_out": counts.bytes_out,
        }
        for i in range(TLSMGM_FAILURE_COUNT):
            found["failed_" + _FAILURES[i]] = counts.failed[i]
        for i in range(TLSMGM_RELAY_STATUS_COUNT):
            found["ended_" + word_of(i)] = counts.ended[i]
        return found


cdef int fill_listener(tlsmgm_worker_listener *out, tuple source) except -1:
    cdef Senders senders
    fd, number, is_plain, has_wildcard, is_exclusive, address, port, senders = source
    out.fd = fd
    out.number = number
    out.is_plain = is_plain
    out.has_wildcard = has_wildcard
    out.is_exclusive = is_exclusive
    if senders is not None:
        out.expects_header = True
        out.senders = senders.networks
        out.sender_count = senders.count
    return fill_local(&out.local, address, port)
