"""What a listening socket asks: which context answers this ClientHello?"""

from libc.stdlib cimport calloc, free

from tlsmgm._core.capi cimport (
    TLSMGM_CLIENT_HELLO_LIMIT,
    tlsmgm_ctx_handle,
    tlsmgm_error,
    tlsmgm_selector_free,
    tlsmgm_selector_new,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.match_index cimport MatchIndex
from tlsmgm._core.status cimport check


cdef class Selector:
    """An index over server domains and their contexts; immutable, shared by connections.

    Args:
        index: the filters of all server domains.
        contexts: one server Context per domain number of the index.
        hello_limit: largest ClientHello that is read, in bytes.

    Raises:
        ConfigError: one of the contexts is a client's.
    """

    def __cinit__(self, MatchIndex index not None, contexts,
                  size_t hello_limit=TLSMGM_CLIENT_HELLO_LIMIT):
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
                    index.index, handles, count, hello_limit, 0, &self.selector, &error
                ),
                &error, None,
            )
        finally:
            free(handles)

    def __dealloc__(self):
        tlsmgm_selector_free(self.selector)
