from tlsmgm._core.capi cimport tlsmgm_match_index


cdef class MatchIndex:
    cdef tlsmgm_match_index *index
    cdef readonly Py_ssize_t size
