from tlsmgm._core.capi cimport tlsmgm_admission, tlsmgm_worker
from tlsmgm._core.handover cimport Handovers
from tlsmgm._core.question cimport Questions
from tlsmgm._core.record cimport Records


cdef class Admission:
    cdef tlsmgm_admission *admission


cdef class Worker:
    cdef tlsmgm_worker *worker
    cdef Admission admission    # C does not own these
    cdef Records records
    cdef Handovers handovers
    cdef Questions questions
    cdef list listeners         # with their senders
