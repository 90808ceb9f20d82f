from tlsmgm._core.capi cimport tlsmgm_record, tlsmgm_record_conn
from tlsmgm._core.connection cimport Given
from tlsmgm._core.context cimport Context
from tlsmgm._core.negotiated cimport Negotiated
from tlsmgm._core.plan cimport Plan, UpstreamAddress
from tlsmgm._core.ring cimport Ring


cdef class Record:
    cdef tlsmgm_record raw
    cdef readonly Plan plan       # under which it came in; None: it is not known any more
    cdef readonly object client   # what was made of its TLS connections, or None
    cdef readonly object upstream
    cdef UpstreamAddress asked

    cdef object refusal(self, Negotiated end)
    cdef bytes name(self)
    cdef Context server_context(self)
    cdef int find_upstream(self, dict adopted) except -1
    cdef int make_connections(self, object make) except -1


cdef Given given_of(tlsmgm_record_conn *held, Context context, bytes name)


cdef class Records(Ring):
    cdef object make              # what makes Python's connections
