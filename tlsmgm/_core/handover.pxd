from tlsmgm._core.capi cimport tlsmgm_handover
from tlsmgm._core.plan cimport Plan
from tlsmgm._core.ring cimport Ring


cdef class Handover:
    cdef tlsmgm_handover raw
    cdef int process  # that it belongs to
    cdef readonly Plan plan


cdef class Handovers(Ring):
    pass
