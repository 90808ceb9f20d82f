"""Plans: what holds for the connections of an engine that come in from now on."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from tlsmgm._core.capi cimport (
    TLSMGM_ROUTE_ANY,
    tlsmgm_balance,
    tlsmgm_error,
    tlsmgm_plan,
    tlsmgm_plan_free,
    tlsmgm_plan_is_alone,
    tlsmgm_plan_new,
    tlsmgm_preface_kind,
    tlsmgm_preface_values,
    tlsmgm_route,
    tlsmgm_route_address,
    tlsmgm_routes_free,
    tlsmgm_routes_new,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.selector cimport Selector
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport view_of

cdef enum:
    ADDRESS_MAX = 128  # bytes


cdef class UpstreamAddress:
    """An address to which connections go.

    Args:
        sockaddr: its bytes, as the system has them.
        text: the same for people.
        context: of a client, to speak TLS there; None: plain TCP.
        server_name: to send (RFC 6066 section 3), or None.
        verify_name: host name or IP address that its certificate must carry; None: any will do.
        weight: its share among those of its route, 1 to 100.

    Raises:
        ValueError: the address is empty or longer than any that there is.
    """

    def __cinit__(self, bytes sockaddr not None, str text not None, Context context=None,
                  bytes server_name=None, bytes verify_name=None, uint32_t weight=1):
        if not 0 < len(sockaddr) <= ADDRESS_MAX:
            raise ValueError("an address has 1 to 128 bytes")
        if verify_name is not None and b"\0" in verify_name:
            raise ValueError("a name has no NUL")
        self.sockaddr = sockaddr
        self.text = text
        self.context = context
        self.server_name = server_name
        self.verify_name = verify_name
        self.weight = weight

    cdef int fill(self, tlsmgm_route_address *out, uint32_t number) except -1:
        """Describes it to C, which copies what it needs."""
        memcpy(out.sockaddr, <const char *> self.sockaddr, len(self.sockaddr))
        out.size = <uint32_t> len(self.sockaddr)
        out.number = number
        out.weight = self.weight
        if self.context is None:
            return 0
        out.tls.context = self.context.handle()
        out.tls.server_name = view_of(self.server_name)
        if self.verify_name is not None:
            out.tls.verify_name = <const char *> self.verify_name
        return 0


cdef class Routes:
    """Where connections go; immutable, but for whose turn it is and which addresses failed last.

    Args:
        routes: domain number, or None for all others, to a sequence of :class:`UpstreamAddress`,
            which may be empty, for nobody; or to None: they are handed over to the program.
        first_number: of the upstreams, which are counted from there on; records have it.
        balance: whose turn it is: 0 one after the other, 1 the one with the fewest connections.

    Raises:
        ConfigError: the context of an upstream is a server's, or weights are too large.
    """

    def __cinit__(self, dict routes not None, uint32_t first_number=0, int balance=0):
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef size_t used = 0
        cdef size_t count = sum(len(group) for group in routes.values() if group is not None)
        cdef list upstreams = []
        cdef tlsmgm_route *rows = <tlsmgm_route *> calloc(len(routes) + 1, sizeof(tlsmgm_route))
        cdef tlsmgm_route_address *addresses = <tlsmgm_route_address *> calloc(
            count + 1, sizeof(tlsmgm_route_address)
        )
        try:
            if rows == NULL or addresses == NULL:
                raise MemoryError
            for row, (domain, group) in enumerate(routes.items()):
                rows[row].domain = TLSMGM_ROUTE_ANY if domain is None else <uint32_t> domain
                rows[row].addresses = &addresses[used]
                rows[row].hands_over = group is None
                rows[row].balance = <tlsmgm_balance> balance
                for upstream in group or ():
                    (<UpstreamAddress?> upstream).fill(
                        &addresses[used], first_number + <uint32_t> used
                    )
                    upstreams.append(upstream)
                    used += 1
                rows[row].count = &addresses[used] - rows[row].addresses
            status = tlsmgm_routes_new(rows, len(routes), &self.routes, &error)
            check(status, &error, None)
        finally:
            free(rows)
            free(addresses)
        self.upstreams = tuple(upstreams)

    def __dealloc__(self):
        tlsmgm_routes_free(self.routes)


cdef class Plan:
    """What holds for the connections that come in from now on; immutable, shared by workers.

    Args:
        number: tells it from others; records have it.
        selector: chooses the domain of clients that speak TLS; None: none does.
        routes: as for :class:`Routes`.
        first_byte_timeout, handshake_timeout, connect_timeout, idle_timeout, send_timeout,
            linger_timeout: milliseconds; 0 is no bound for the first and for ``idle_timeout``.
        idle_records: TLS records in a row that may bring no data; 0: no bound.
        high_water: bytes that may wait for one peer before the other one is not read.
        ends_plain_with_fin: what a plain neighbour sees of an unclean end is no reset.
        asks: who takes the questions of the worker may know a domain where none answers.
        hello_limit: bytes of the largest ClientHello; 0: as the selector says.
        preface: what upstreams are told about clients first: 0 nothing, 1 or 2 a PROXY protocol
            header of that version.
        preface_values: how much of the client's TLS is told: 0 nothing, 1 a part, 2 all.
        balance: as for :class:`Routes`.

    Raises:
        ConfigError: the context of an upstream is a server's, or weights are too large.
    """

    def __cinit__(self, uint64_t number, Selector selector, dict routes not None, *,
                  uint32_t first_byte_timeout, uint32_t handshake_timeout,
                  uint32_t connect_timeout, uint32_t idle_timeout, uint32_t send_timeout,
                  uint32_t linger_timeout, uint32_t idle_records, size_t high_water,
                  bint ends_plain_with_fin=False, bint asks=False,
                  size_t hello_limit=0, int preface=0, int preface_values=0, int balance=0):
        cdef tlsmgm_plan parts
        cdef tlsmgm_error error
        cdef Routes table = Routes(routes, 0, balance)
        memset(&parts, 0, sizeof(parts))
        self.selector = selector
        self.upstreams = table.upstreams
        parts.number = number
        parts.selector = NULL if selector is None else selector.selector
        parts.settings.first_byte_timeout = first_byte_timeout
        parts.settings.handshake_timeout = handshake_timeout
        parts.settings.connect_timeout = connect_timeout
        parts.settings.idle_timeout = idle_timeout
        parts.settings.send_timeout = send_timeout
        parts.settings.linger_timeout = linger_timeout
        parts.settings.idle_records = idle_records
        parts.settings.high_water = high_water
        parts.settings.ends_plain_with_fin = ends_plain_with_fin
        parts.settings.asks = asks
        parts.hello_limit = hello_limit
        parts.preface = <tlsmgm_preface_kind> preface
        parts.values = <tlsmgm_preface_values> preface_values
        parts.routes = table.routes
        check(tlsmgm_plan_new(&parts, &self.plan, &error), &error, None)

    def __dealloc__(self):
        tlsmgm_plan_free(self.plan)

    @property
    def number(self):
        """As given."""
        return self.plan.number

    @property
    def is_alone(self):
        """Whether no worker and no connection has it any more; then all its records are there."""
        return tlsmgm_plan_is_alone(self.plan)

    def turn_ticket_keys(self):
        """Brings the keys of session tickets up to date, before connections need them."""
        if self.selector is None:
            return
        for context in self.selector.contexts:
            if (<Context> context).ticket_keys is not None:
                (<Context> context).ticket_keys.refresh()

    cdef Context server_context(self, size_t domain):
        if self.selector is None or domain >= <size_t> len(self.selector.contexts):
            return None
        return <Context> self.selector.contexts[domain]

    cdef UpstreamAddress upstream(self, size_t number):
        if number >= <size_t> len(self.upstreams):
            return None
        return <UpstreamAddress> self.upstreams[number]
