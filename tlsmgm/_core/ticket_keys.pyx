"""The key ring of a TLS domain, which seals its session tickets."""

import os

from tlsmgm._core.capi cimport (
    TLSMGM_TICKET_KEY_SIZE,
    tlsmgm_error,
    tlsmgm_ticket_keys_free,
    tlsmgm_ticket_keys_new,
    tlsmgm_ticket_keys_rotate,
)
from tlsmgm._core.status cimport check

KEY_SIZE = TLSMGM_TICKET_KEY_SIZE


cdef const unsigned char[::1] _material(object material):
    if material is None:
        material = os.urandom(TLSMGM_TICKET_KEY_SIZE)
    cdef const unsigned char[::1] view = material
    if view.shape[0] != <Py_ssize_t> TLSMGM_TICKET_KEY_SIZE:
        raise ValueError(f"a ticket key has {TLSMGM_TICKET_KEY_SIZE} bytes, not {view.shape[0]}")
    return view


cdef class TicketKeys:
    """Keys that seal and open the session tickets of one domain (RFC 5077 section 4).

    Args:
        material: bytes of the first key, ``KEY_SIZE`` of them; None takes fresh random ones.

    Raises:
        ValueError: the material has another size.
    """

    def __cinit__(self, material=None):
        cdef tlsmgm_error error
        cdef const unsigned char[::1] view = _material(material)
        check(tlsmgm_ticket_keys_new(&view[0], &self.keys, &error), &error, None)

    def __dealloc__(self):
        tlsmgm_ticket_keys_free(self.keys)

    def rotate(self, material=None):
        """Seals new tickets with another key; the previous two still open theirs."""
        cdef const unsigned char[::1] view = _material(material)
        tlsmgm_ticket_keys_rotate(self.keys, &view[0])
