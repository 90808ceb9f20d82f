from tlsmgm._core.match_index cimport MatchIndex


cdef class Selector:
    cdef MatchIndex index
    cdef tuple contexts             # Context number i is that of the index's domain i
    cdef readonly size_t hello_limit
