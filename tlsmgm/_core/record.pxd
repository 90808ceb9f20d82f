from libc.stdint cimport uint32_t

from tlsmgm._core.capi cimport tlsmgm_record, tlsmgm_record_conn
from tlsmgm._core.connection cimport Given
from tlsmgm._core.context cimport Context
from tlsmgm._core.plan cimport Plan, UpstreamAddress
from tlsmgm._core.ring cimport Ring


cdef class Record:
    cdef tlsmgm_record raw
    cdef Plan plan                    # under which it came in; None: it is not known any more
    cdef str given_upstream           # as it was configured, or None
    cdef UpstreamAddress asked        # last of all, or None
    cdef double since                 # seconds since 1970 when the worker's clock was at 0
    cdef object make                  # what makes a connection
    cdef object client_made           # connections, once somebody has asked for them
    cdef object upstream_made

    cdef bint is_plain_end(self) noexcept
    cdef bytes name(self)
    cdef Context server_context(self)
    cdef tuple find_upstream(self, uint32_t number, dict adopted)


cdef Given given_of(tlsmgm_record_conn *held, Context context, bytes name)


cdef class Notice:
    cdef tlsmgm_record raw            # has no connections


cdef class Records(Ring):
    cdef type kind                # what the records are
    cdef object make              # what makes Python's connections

    cdef int take_ended(self, const tlsmgm_record *raw, double since, dict plans, dict adopted,
                        list ended) except -1
    cdef int take_notice(self, list notices) except -1
