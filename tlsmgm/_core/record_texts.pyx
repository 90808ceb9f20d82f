"""What records say, as texts: many values at a time, for logs that write a line per connection."""

cimport cython
from libc.math cimport modf, rint
from libc.stdint cimport uint8_t
from libc.stdio cimport snprintf
from libc.time cimport gmtime_r, time_t, tm

from tlsmgm._core.capi cimport (
    TLSMGM_VERIFY_NONE,
    tlsmgm_conn_info,
    tlsmgm_record_conn,
    tlsmgm_relay_status_word,
)
from tlsmgm._core.connection cimport Connection
from tlsmgm._core.context cimport Context
from tlsmgm._core.negotiated cimport version_word
from tlsmgm._core.record cimport Record
from tlsmgm._core.ring cimport ip_text
from tlsmgm._core.views cimport bytes_of

cdef enum Value:
    TIME, CLIENT, LISTEN, DOMAIN, SERVER_NAME, UPSTREAM, UPSTREAM_DOMAIN, BYTES_IN, BYTES_OUT
    DURATION, STATUS, REASON
    # Of the TLS connection; the first one of them is VERSION.
    VERSION, CIPHER, CIPHER_BITS, VERIFIED, ALPN, GROUP, REUSED
    OTHER

cdef dict _VALUES = {
    "time": TIME,
    "client": CLIENT,
    "listen": LISTEN,
    "domain": DOMAIN,
    "server_name": SERVER_NAME,
    "alpn": ALPN,
    "group": GROUP,
    "reused": REUSED,
    "upstream": UPSTREAM,
    "upstream_domain": UPSTREAM_DOMAIN,
    "bytes_in": BYTES_IN,
    "bytes_out": BYTES_OUT,
    "duration": DURATION,
    "status": STATUS,
    "reason": REASON,
    "tls_version": VERSION,
    "tls_cipher_info": CIPHER,
    "tls_cipher_bits": CIPHER_BITS,
    "tls_peer_verified": VERIFIED,
}

cdef enum:
    SHORT = 96  # bytes for a number, a time, or an address with its port

#: Names of values that :class:`Texts` reads by itself.
KNOWN_NAMES = frozenset(_VALUES)


cdef class Texts:
    """Reads the same values of many records.

    Args:
        names: of the values, in the order in which they are wanted.
        readers: for names that are none of :data:`KNOWN_NAMES`: gets the record, and returns text
            or None.

    Raises:
        KeyError: there is no reader for a name.
    """

    cdef list values   # of Value
    cdef list readers  # where that is OTHER, else None

    def __cinit__(self, names, dict readers not None):
        self.values = [_VALUES.get(name, OTHER) for name in names]
        self.readers = [None if name in _VALUES else readers[name] for name in names]

    def of(self, Record record not None):
        """The values of a record.

        Args:
            record: of a connection that has ended.

        Returns:
            A list of texts; None for a value that is not there.
        """
        cdef _Facts facts = None
        cdef Value value
        cdef Py_ssize_t i
        found = []
        for i in range(len(self.values)):
            value = self.values[i]
            if value == OTHER:
                found.append(self.readers[i](record))
            elif value < VERSION:
                found.append(of_record(record, value))
            else:
                if facts is None:
                    facts = facts_of(record)
                found.append(facts.text(value))
        return found


cdef object of_record(Record record, Value value):
    if value == TIME:
        return time_text(record)
    if value == CLIENT:
        if not record.raw.has_client_address:
            return None
        return address_text(record.raw.client, record.raw.client_port)
    if value == LISTEN:
        return address_text(record.raw.local, record.raw.local_port)
    if value == DOMAIN:
        return name_of(record.server_context())
    if value == SERVER_NAME:
        return record.server_name
    if value == UPSTREAM:
        return record.upstream
    if value == UPSTREAM_DOMAIN:
        if record.upstream_made is None and record.raw.upstream_tls.conn == NULL:
            return None
        return None if record.asked is None else name_of(record.asked.context)
    if value == BYTES_IN:
        return str(record.raw.bytes_in)
    if value == BYTES_OUT:
        return str(record.raw.bytes_out)
    if value == DURATION:
        return duration_text(record)
    if value == STATUS:
        return tlsmgm_relay_status_word(record.raw.status).decode("ascii")
    return None if record.is_plain_end() else record.reason


cdef str time_text(Record record):
    """In UTC, as RFC 3339 has it."""
    cdef char[SHORT] text
    # In whole microseconds first, as datetime has it.
    cdef double whole = 0
    cdef double fraction = modf(record.timestamp, &whole)
    cdef long long microseconds = <long long> rint(fraction * 1e6)
    cdef time_t seconds = <time_t> whole + <time_t> (microseconds // 1000000)
    cdef tm parts
    gmtime_r(&seconds, &parts)
    snprintf(text, SHORT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
             <int> (microseconds % 1000000 // 1000))
    return text.decode("ascii")


cdef str duration_text(Record record):
    cdef char[SHORT] text
    # Not as a floating-point number, for the locale may have a comma in it.
    cdef unsigned long long taken = record.raw.ended - record.raw.accepted
    cdef unsigned long long milliseconds = (taken + 500000) // 1000000
    snprintf(text, SHORT, "%llu.%03d", milliseconds // 1000, <int> (milliseconds % 1000))
    return text.decode("ascii")


cdef str address_text(const uint8_t *address, int port):
    ip = ip_text(address)
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


cdef object name_of(Context context):
    return None if context is None or context.domain is None else context.domain.name


cdef class _Facts:
    """What a TLS connection has negotiated: the client's, or the upstream's of a plain client."""

    cdef tlsmgm_conn_info info
    cdef bint is_there
    cdef bint is_complete  # the handshake
    cdef object alpn

    cdef object text(self, Value value):
        if not self.is_there:
            return None
        if value == VERSION:
            return version_word(self.info.version)
        if value == VERIFIED:
            is_verified = (self.is_complete and self.info.has_peer_certificate
                           and self.info.verify_reason == TLSMGM_VERIFY_NONE)
            return "1" if is_verified else "0"
        if value == REUSED:
            return "1" if self.info.session_reused else "0"
        if value == ALPN:
            return self.alpn
        if value == GROUP:
            return None if self.info.group == NULL else self.info.group.decode("ascii")
        if self.info.cipher == NULL:
            return None
        return self.info.cipher.decode("ascii") if value == CIPHER else str(self.info.cipher_bits)


cdef _Facts facts_of(Record record):
    cdef _Facts facts = _Facts.__new__(_Facts)
    cdef Connection made
    with cython.critical_section(record):
        if record.raw.client_tls.conn != NULL:
            facts.is_complete = record.raw.is_established
            look(facts, &record.raw.client_tls)
            return facts
        if record.client_made is None and record.raw.upstream_tls.conn != NULL:
            facts.is_complete = record.raw.is_attached
            look(facts, &record.raw.upstream_tls)
            return facts
    made = record.client_made or record.upstream_made
    if made is not None:
        facts.is_there = True
        facts.is_complete = made.handshake_complete
        facts.info = made.info()
        facts.alpn = made.alpn
    return facts


cdef int look(_Facts facts, tlsmgm_record_conn *held) except -1:
    held.backend.conn_info(held.conn, &facts.info)
    facts.is_there = True
    if facts.info.alpn.size > 0:
        facts.alpn = bytes_of(facts.info.alpn).decode("ascii", "backslashreplace")
    return 0
