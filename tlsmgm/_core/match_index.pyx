"""Which TLS domain answers for an address and a name."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import os

from tlsmgm._core.capi cimport (
    TLSMGM_MATCH_NONE,
    tlsmgm_error,
    tlsmgm_match_entry,
    tlsmgm_match_index_find,
    tlsmgm_match_index_free,
    tlsmgm_match_index_memory,
    tlsmgm_match_index_new,
    tlsmgm_siphash_key,
    tlsmgm_status,
)
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport view_of


cdef int _fill(tlsmgm_match_entry *entry, tuple source) except -1:
    address, port, pattern, domain = source
    entry.any_address = address is None
    if address is not None:
        if len(<bytes?> address) != 16:
            raise ValueError("an address has 16 bytes")
        memcpy(entry.address, <const char *> (<bytes> address), 16)
        entry.port = port
    entry.no_name = pattern is None
    if pattern is not None:
        # The index copies what it needs; the list of the caller keeps the bytes until then.
        entry.pattern = view_of(<bytes?> pattern)
    entry.domain = domain
    return 0


cdef class MatchIndex:
    """An immutable index over the filters of many domains.

    Args:
        entries: tuples ``(address, port, pattern, domain)`` in order of definition, a later one
            beats an equal earlier one. ``address``: 16 bytes (IPv4 mapped into IPv6) or None for
            any; ``pattern``: bytes, or None for clients that send no name; ``domain``: a number
            from 0 on.

    Raises:
        ConfigError: a pattern is empty or longer than 255 bytes.
        ValueError: an address does not have 16 bytes.

    Source: tls_mgm manual 1.9.34 and 1.9.35.
    """

    def __cinit__(self, entries):
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef tlsmgm_siphash_key key
        cdef bytes secret = os.urandom(sizeof(key.bytes))
        cdef list kept = [tuple(entry) for entry in entries]
        cdef Py_ssize_t i
        memcpy(key.bytes, <const char *> secret, sizeof(key.bytes))
        self.size = len(kept)
        cdef tlsmgm_match_entry *array = <tlsmgm_match_entry *> calloc(
            self.size + 1, sizeof(tlsmgm_match_entry)
        )
        if array == NULL:
            raise MemoryError
        try:
            for i in range(self.size):
                _fill(&array[i], <tuple> kept[i])
            with nogil:
                status = tlsmgm_match_index_new(array, self.size, &key, &self.index, &error)
            check(status, &error, None)
        finally:
            free(array)

    def __dealloc__(self):
        tlsmgm_match_index_free(self.index)

    def __len__(self):
        return self.size

    @property
    def memory(self):
        """Bytes of memory that the index holds."""
        return tlsmgm_match_index_memory(self.index)

    def find(self, bytes address not None, uint16_t port, bytes name):
        """The domain's number, or None when nothing answers.

        Args:
            address: 16 bytes, IPv4 mapped into IPv6.
            port: TCP port.
            name: bytes of the name, or None when the client sent none.
        """
        cdef uint32_t found
        if len(address) != 16:
            raise ValueError("an address has 16 bytes")
        found = tlsmgm_match_index_find(
            self.index, <const unsigned char *> <const char *> address, port, view_of(name)
        )
        return None if found == TLSMGM_MATCH_NONE else found
