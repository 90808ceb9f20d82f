from tlsmgm._core.capi cimport tlsmgm_ticket_keys


cdef class TicketKeys:
    cdef tlsmgm_ticket_keys *keys
