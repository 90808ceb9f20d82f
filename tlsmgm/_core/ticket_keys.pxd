from tlsmgm._core.capi cimport tlsmgm_ticket_keys


cdef class TicketKeys:
    cdef tlsmgm_ticket_keys *keys
    cdef readonly object schedule
    cdef double due                 # monotonic time when the schedule must be asked again

    cdef int refresh(self) except -1
