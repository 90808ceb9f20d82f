from libc.stdint cimport uint16_t

from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport tlsmgm_backend, tlsmgm_ctx, tlsmgm_ctx_handle
from tlsmgm._core.ticket_keys cimport TicketKeys


cdef class Context:
    # The table is kept here because __dealloc__ must not look at Python attributes: the garbage
    # collector may have cleared them.
    cdef const tlsmgm_backend *table
    cdef tlsmgm_ctx *ctx
    cdef readonly Backend backend
    cdef readonly object domain     # whatever the caller wants connections to remember
    cdef readonly bint is_server
    cdef uint16_t lowest_version    # 0: open
    cdef uint16_t highest_version
    cdef TicketKeys ticket_keys     # the ring that ctx refers to
    cdef readonly tuple warnings    # of (parameter, sentence): what can be used in part only
    cdef object certificate_cache

    cdef tlsmgm_ctx_handle handle(self) noexcept  # borrowed: no reference is taken
