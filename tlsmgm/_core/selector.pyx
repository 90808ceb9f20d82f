"""What a listening socket asks: which context answers this ClientHello?"""

from tlsmgm._core.capi cimport TLSMGM_CLIENT_HELLO_LIMIT
from tlsmgm._core.context cimport Context
from tlsmgm._core.match_index cimport MatchIndex


cdef class Selector:
    """An index over server domains and their contexts; immutable, shared by connections.

    Args:
        index: the filters of all server domains.
        contexts: one server Context per domain number of the index.
        hello_limit: largest ClientHello that is read, in bytes.
    """

    def __cinit__(self, MatchIndex index not None, contexts,
                  size_t hello_limit=TLSMGM_CLIENT_HELLO_LIMIT):
        self.index = index
        self.contexts = tuple(contexts)
        self.hello_limit = hello_limit
        for context in self.contexts:
            if not (<Context?> context).is_server:
                raise ValueError("a client context cannot answer")
