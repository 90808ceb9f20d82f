"""A server's connection before its context is known: the ClientHello, and who answers it."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from tlsmgm._core.capi cimport (
    TLSMGM_ALERT_UNRECOGNIZED_NAME,
    TLSMGM_MATCH_NONE,
    TLSMGM_STATUS_OK,
    tlsmgm_bytes,
    tlsmgm_first_flight_free,
    tlsmgm_first_flight_hold,
    tlsmgm_first_flight_init,
    tlsmgm_match_index_find,
)
from tlsmgm._core.negotiated cimport text_of

from tlsmgm.errors import NoDomainError, NoMemoryError


cdef class Greeting:
    """What a client has sent so far, kept until the hello in it is complete.

    Args:
        selector: chooses the context by address and name; None where there is no choice.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
        hello_limit: bytes of the largest ClientHello that is read; 0: as the selector says.
    """

    def __cinit__(self, Selector selector, bytes address, uint16_t port, size_t hello_limit):
        if hello_limit == 0 and selector is not None:
            hello_limit = selector.hello_limit
        tlsmgm_first_flight_init(&self.flight, hello_limit)
        self.selector = selector
        if selector is None:
            return
        if address is None or len(address) != 16:
            raise ValueError("an address has 16 bytes")
        memcpy(self.address, <const char *> address, 16)
        self.port = port

    def __dealloc__(self):
        tlsmgm_first_flight_free(&self.flight)

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0:
        """Keeps bytes; returns how many found room."""
        cdef size_t taken = 0
        if tlsmgm_first_flight_hold(&self.flight, data, size, &taken) != TLSMGM_STATUS_OK:
            raise NoMemoryError("out of memory")
        return taken

    cdef Context choose(self):
        """The context that answers the hello that was read."""
        cdef tlsmgm_bytes name = self.flight.hello.server_name
        cdef uint32_t found
        with nogil:
            found = tlsmgm_match_index_find(
                self.selector.index.index, self.address, self.port, name
            )
        if found != TLSMGM_MATCH_NONE:
            context = <Context> self.selector.contexts[found]
            self.selector = None  # it holds the contexts of all other domains, too
            return context
        asked = "clients that send no name"
        if self.flight.hello.has_server_name:
            asked = f"the name {text_of((<const char *> name.data)[:name.size])!r}"
        raise NoDomainError(
            f"no server domain answers at this address for {asked}",
            alert=TLSMGM_ALERT_UNRECOGNIZED_NAME,
        )
