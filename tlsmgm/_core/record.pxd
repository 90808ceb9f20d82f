from tlsmgm._core.capi cimport tlsmgm_record, tlsmgm_record_ring
from tlsmgm._core.context cimport Context
from tlsmgm._core.plan cimport Plan


cdef class Record:
    cdef tlsmgm_record raw
    cdef readonly Plan plan       # under which it came in; None: it is not known any more
    cdef readonly object client   # what was made of its TLS connections, or None
    cdef readonly object upstream

    cdef bytes name(self)
    cdef Context server_context(self)
    cdef int make_connections(self, object make) except -1


cdef class Records:
    cdef tlsmgm_record_ring *ring
    cdef object make              # what makes Python's connections
