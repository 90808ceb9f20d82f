from tlsmgm._core.capi cimport tlsmgm_question, tlsmgm_record_ring


cdef class Question:
    cdef tlsmgm_question raw


cdef class Questions:
    cdef tlsmgm_record_ring *ring
