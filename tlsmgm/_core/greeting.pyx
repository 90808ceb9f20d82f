"""A server's connection before its context is known: the ClientHello, and who answers it."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from tlsmgm._core.capi cimport (
    TLSMGM_ALERT_UNRECOGNIZED_NAME,
    TLSMGM_MATCH_NONE,
    TLSMGM_OK,
    tlsmgm_buffer_append,
    tlsmgm_buffer_free,
    tlsmgm_buffer_init,
    tlsmgm_buffer_size,
    tlsmgm_buffer_view,
    tlsmgm_client_hello_parse,
    tlsmgm_hello_reader_feed,
    tlsmgm_hello_reader_free,
    tlsmgm_hello_reader_init,
    tlsmgm_hello_reader_is_plain,
    tlsmgm_hello_reader_replay,
    tlsmgm_match_index_find,
)
from tlsmgm._core.negotiated cimport text_of

from tlsmgm.errors import NoDomainError, NoMemoryError

# Beyond the ClientHello a client sends nothing before it has an answer, but it may all be there
# when we look, and the records around a fragmented hello take their room.
cdef size_t _WIRE_SLACK = 8


cdef class Greeting:
    """What a client has sent so far, kept until the hello in it is complete.

    Args:
        selector: chooses the context by address and name; None where there is no choice.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
    """

    def __cinit__(self, Selector selector, bytes address, uint16_t port):
        tlsmgm_hello_reader_init(&self.reader, 0 if selector is None else selector.hello_limit)
        # Room for a hello cut into records of one byte each: 5 more bytes for every one of it.
        tlsmgm_buffer_init(&self.wire, self.reader.message.limit * _WIRE_SLACK)
        self.selector = selector
        if selector is None:
            return
        if address is None or len(address) != 16:
            raise ValueError("an address has 16 bytes")
        memcpy(self.address, <const char *> address, 16)
        self.port = port

    def __dealloc__(self):
        tlsmgm_hello_reader_free(&self.reader)
        tlsmgm_buffer_free(&self.wire)

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0:
        """Keeps bytes; returns how many found room."""
        size = min(size, self.wire.limit - tlsmgm_buffer_size(&self.wire))
        if tlsmgm_buffer_append(&self.wire, data, size) != TLSMGM_OK:
            raise NoMemoryError("out of memory")
        return size

    cdef tlsmgm_status read(self, tlsmgm_client_hello *hello, tlsmgm_error *error) noexcept:
        """OK once the hello is complete; its pieces are borrowed from here."""
        cdef tlsmgm_bytes wire
        cdef tlsmgm_status status
        with nogil:
            wire = tlsmgm_buffer_view(&self.wire)
            status = tlsmgm_hello_reader_feed(
                &self.reader, wire.data + self.wire_read, wire.size - self.wire_read, error
            )
            self.wire_read = wire.size
            if status == TLSMGM_OK:
                status = tlsmgm_client_hello_parse(
                    tlsmgm_buffer_view(&self.reader.message), hello, error
                )
        return status

    cdef Context choose(self, const tlsmgm_client_hello *hello):
        """The context that answers."""
        cdef uint32_t found
        with nogil:
            found = tlsmgm_match_index_find(
                self.selector.index.index, self.address, self.port, hello.server_name
            )
        if found != TLSMGM_MATCH_NONE:
            context = <Context> self.selector.contexts[found]
            self.selector = None  # it holds the contexts of all other domains, too
            return context
        asked = "no name"
        if hello.has_server_name:
            name = (<const char *> hello.server_name.data)[:hello.server_name.size]
            asked = f"the name {text_of(name)!r}"
        raise NoDomainError(
            f"no server domain answers at this address for {asked}",
            alert=TLSMGM_ALERT_UNRECOGNIZED_NAME,
        )

    cdef tlsmgm_status hand_over(self, const tlsmgm_backend *table, tlsmgm_conn *conn,
                                 tlsmgm_error *error) noexcept:
        """Gives the library what has been read. A plain hello is lent as it came, so this object
        must stay until the library's next call is over and what it has left is reclaimed."""
        cdef tlsmgm_bytes wire = tlsmgm_buffer_view(&self.wire)
        if tlsmgm_hello_reader_is_plain(&self.reader):
            return table.lend_input(conn, wire.data, wire.size, error)
        return self.replay(table, conn, error)

    cdef tlsmgm_status replay(self, const tlsmgm_backend *table, tlsmgm_conn *conn,
                              tlsmgm_error *error) noexcept:
        """Feeds the hello in one piece, and whatever came behind it."""
        cdef tlsmgm_buffer hello
        cdef tlsmgm_bytes wire = tlsmgm_buffer_view(&self.wire)
        cdef tlsmgm_bytes piece
        cdef tlsmgm_status status
        tlsmgm_buffer_init(&hello, 2 * self.reader.message.limit)
        status = tlsmgm_hello_reader_replay(&self.reader, &hello)
        error.text[0] = 0  # the replay tells no more than its status
        piece = tlsmgm_buffer_view(&hello)
        if status == TLSMGM_OK:
            status = table.feed(conn, piece.data, piece.size, error)
        tlsmgm_buffer_free(&hello)
        if status != TLSMGM_OK:
            return status
        return table.feed(conn, wire.data + self.reader.consumed,
                          wire.size - self.reader.consumed, error)
