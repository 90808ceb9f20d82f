from tlsmgm._core.capi cimport tlsmgm_handover, tlsmgm_record_ring
from tlsmgm._core.plan cimport Plan


cdef class Handover:
    cdef tlsmgm_handover raw
    cdef int process  # that it belongs to
    cdef readonly Plan plan


cdef class Handovers:
    cdef tlsmgm_record_ring *ring
