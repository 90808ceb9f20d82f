"""What a listening socket asks: which context answers this ClientHello?"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from tlsmgm._core.capi cimport (
    TLSMGM_CLIENT_HELLO_LIMIT,
    tlsmgm_bytes,
    tlsmgm_ctx_handle,
    tlsmgm_error,
    tlsmgm_local,
    tlsmgm_selector_choose,
    tlsmgm_selector_free,
    tlsmgm_selector_new,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.match_index cimport MatchIndex
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport view_of


cdef int fill_local(tlsmgm_local *local, bytes address, uint16_t port) except -1:
    """Says where a client has come in."""
    if address is None or len(address) != 16:
        raise ValueError("an address has 16 bytes")
    memcpy(local.address, <const char *> address, 16)
    local.port = port
    local.listener = 0
    return 0


cdef class Selector:
    """An index over server domains and their contexts; immutable, shared by connections.

    Args:
        index: the filters of all server domains.
        contexts: one server Context per domain number of the index.
        hello_limit: largest ClientHello that is read, in bytes.
        generation: tells it from the selectors of other states.

    Raises:
        ConfigError: one of the contexts is a client's.
    """

    def __cinit__(self, MatchIndex index not None, contexts,
                  size_t hello_limit=TLSMGM_CLIENT_HELLO_LIMIT, uint64_t generation=0):
        cdef tlsmgm_error error
        cdef Py_ssize_t i
        self.contexts = tuple(contexts)
        self.hello_limit = hello_limit
        cdef Py_ssize_t count = len(self.contexts)
        cdef tlsmgm_ctx_handle *handles = <tlsmgm_ctx_handle *> calloc(
            count + 1, sizeof(tlsmgm_ctx_handle)
        )
        if handles == NULL:
            raise MemoryError
        try:
            for i in range(count):
                handles[i] = (<Context?> self.contexts[i]).handle()
            check(
                tlsmgm_selector_new(
                    index.index, handles, count, hello_limit, generation, &self.selector, &error
                ),
                &error, None,
            )
        finally:
            free(handles)

    def __dealloc__(self):
        tlsmgm_selector_free(self.selector)

    def choose(self, bytes address not None, uint16_t port, bytes name):
        """Which context answers.

        Args:
            address: 16 bytes, the local address, IPv4 mapped into IPv6.
            port: the local port.
            name: what the client sent in SNI, or None.

        Returns:
            The Context.

        Raises:
            NoDomainError: none does; its alert is what the client must be sent.
        """
        cdef tlsmgm_local local
        cdef tlsmgm_bytes asked = view_of(name)
        cdef tlsmgm_error error
        cdef uint32_t domain = 0
        fill_local(&local, address, port)
        check(tlsmgm_selector_choose(self.selector, &local, asked, &domain, &error), &error, None)
        return self.contexts[domain]
