"""A server's connection before its context is known: the ClientHello, and who answers it."""

from libc.stddef cimport size_t

from tlsmgm._core.capi cimport (
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_WANT_READ,
    tlsmgm_acceptor_free,
    tlsmgm_acceptor_hold,
    tlsmgm_acceptor_init,
    tlsmgm_acceptor_read,
    tlsmgm_acceptor_start,
    tlsmgm_bytes,
    tlsmgm_conn,
    tlsmgm_ctx_handle,
    tlsmgm_error,
    tlsmgm_local,
    tlsmgm_status,
)
from tlsmgm._core.selector cimport fill_local
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport bytes_of

from tlsmgm.errors import NoMemoryError


cdef class Greeting:
    """What a client has sent so far, kept until the hello in it is complete.

    Args:
        selector: chooses the context by address and name; None where there is no choice.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
        hello_limit: bytes of the largest ClientHello that is read; 0: as the selector says.
    """

    def __cinit__(self, Selector selector, bytes address, uint16_t port, size_t hello_limit):
        cdef tlsmgm_local local
        if selector is None:
            tlsmgm_acceptor_init(&self.acceptor, NULL, NULL, hello_limit)
            return
        fill_local(&local, address, port)
        self.selector = selector
        tlsmgm_acceptor_init(&self.acceptor, selector.selector, &local, hello_limit)

    def __dealloc__(self):
        tlsmgm_acceptor_free(&self.acceptor)

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0:
        """Keeps bytes; returns how many found room."""
        cdef size_t taken = 0
        if tlsmgm_acceptor_hold(&self.acceptor, data, size, &taken) != TLSMGM_STATUS_OK:
            raise NoMemoryError("out of memory")
        return taken

    cdef bint read(self) except -1:
        """Reads the hello and finds who answers; False as long as it is not complete."""
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        with nogil:
            status = tlsmgm_acceptor_read(&self.acceptor, &error)
        check(status, &error, None)
        return status != TLSMGM_STATUS_WANT_READ

    cdef bytes server_name(self):
        """The name that the client asks for, once it is known."""
        if not self.acceptor.flight.hello.has_server_name:
            return None
        return bytes_of(self.acceptor.flight.hello.server_name)

    cdef bytes alpn(self):
        """The protocols that the client offers (RFC 7301), in wire form, once they are known."""
        cdef tlsmgm_bytes offered = self.acceptor.flight.hello.alpn
        return bytes_of(offered) if offered.size > 0 else None

    cdef Context chosen(self):
        """The context that the selector has found."""
        if self.selector is None:
            raise RuntimeError("nobody says which context answers")
        context = <Context> self.selector.contexts[self.acceptor.domain]
        self.selector = None  # it holds the contexts of all other domains, too
        return context

    cdef tlsmgm_conn *start(self, Context context) except NULL:
        """Starts the library, and hands over all that came; it stays lent, as this object does."""
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef tlsmgm_conn *conn = NULL
        cdef tlsmgm_ctx_handle handle = context.handle()
        if context.ticket_keys is not None:
            context.ticket_keys.refresh()
        with nogil:
            status = tlsmgm_acceptor_start(&self.acceptor, &handle, &conn, &error)
        check(status, &error, context.backend.name)
        return conn
