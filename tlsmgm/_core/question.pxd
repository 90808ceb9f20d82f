from tlsmgm._core.capi cimport tlsmgm_question
from tlsmgm._core.ring cimport Ring


cdef class Question:
    cdef tlsmgm_question raw


cdef class Questions(Ring):
    pass
