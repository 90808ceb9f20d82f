"""Workers: threads of the engine, which carry connections from accept to the last byte."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import os

from tlsmgm._core.capi cimport (
    TLSMGM_FAILURE_COUNT,
    TLSMGM_RELAY_STATUS_COUNT,
    tlsmgm_admission,
    tlsmgm_admission_count,
    tlsmgm_admission_counts,
    tlsmgm_admission_free,
    tlsmgm_admission_limits,
    tlsmgm_admission_new,
    tlsmgm_error,
    tlsmgm_relay_status,
    tlsmgm_relay_status_word,
    tlsmgm_siphash_key,
    tlsmgm_worker,
    tlsmgm_worker_config,
    tlsmgm_worker_count,
    tlsmgm_worker_counts,
    tlsmgm_worker_drain,
    tlsmgm_worker_free,
    tlsmgm_worker_listener,
    tlsmgm_worker_new,
    tlsmgm_worker_post,
    tlsmgm_worker_run,
    tlsmgm_worker_stop,
)
from tlsmgm._core.plan cimport Plan
from tlsmgm._core.record cimport Records
from tlsmgm._core.selector cimport fill_local
from tlsmgm._core.status cimport check

#: Why a client's handshake has failed, in the order of the C core.
_FAILURES = (
    "no_domain", "hello_too_large", "first_byte_timeout", "handshake_timeout", "drained",
    "certificate", "alert", "protocol", "lost", "other",
)


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

    cdef tlsmgm_admission *admission

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


cdef class Worker:
    """One thread of the engine, with listening sockets of its own.

    Args:
        admission: who may come in.
        plan: what holds at first.
        listeners: tuples ``(descriptor, number, is_plain, has_wildcard, address, port)``; the
            descriptors are the worker's from now on, whatever happens.
        records: where it tells what has become of its connections.
        bell: descriptor to which eight bytes are written when there is a record again.
        keeps_tls: the records have the TLS connections.

    Raises:
        NoMemoryError: memory or descriptors are exhausted.
    """

    cdef tlsmgm_worker *worker
    cdef Admission admission    # C does not own them
    cdef Records records

    def __cinit__(self, Admission admission not None, Plan plan not None, list listeners not None,
                  Records records not None, int bell, *, bint keeps_tls):
        cdef tlsmgm_worker_config config
        cdef tlsmgm_error error
        cdef tlsmgm_worker_listener *array = <tlsmgm_worker_listener *> calloc(
            len(listeners) + 1, sizeof(tlsmgm_worker_listener)
        )
        if array == NULL:
            raise MemoryError
        self.admission = admission
        self.records = records
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
            config.keeps_tls = keeps_tls
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

    def counts(self):
        """What it has seen, by name; see :mod:`tlsmgm._engine.statistics`."""
        cdef tlsmgm_worker_counts counts
        tlsmgm_worker_count(self.worker, &counts)
        found = {
            "connections": counts.connections,
            "accepted": counts.accepted,
            "accept_errors": counts.accept_errors,
            "handshakes_started": counts.handshakes_started,
            "handshakes_completed": counts.handshakes_completed,
            "handshakes_resumed": counts.handshakes_resumed,
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
    fd, number, is_plain, has_wildcard, address, port = source
    out.fd = fd
    out.number = number
    out.is_plain = is_plain
    out.has_wildcard = has_wildcard
    return fill_local(&out.local, address, port)
