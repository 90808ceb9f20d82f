"""What a connection has negotiated: parameters, names, certificates, sessions."""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t
from libc.string cimport memset

from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport (
    TLSMGM_DESCRIPTION_SIZE,
    TLSMGM_FINISHED_MAX,
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_VERIFY,
    TLSMGM_VERIFY_MISSING,
    TLSMGM_VERIFY_NONE,
    tlsmgm_bytes,
    tlsmgm_conn_info,
    tlsmgm_entry_guard_enter,
    tlsmgm_entry_guard_leave,
    tlsmgm_error,
    tlsmgm_session,
    tlsmgm_status,
    tlsmgm_verify_reason_word,
)
from tlsmgm._core.certificate cimport certificate_from
from tlsmgm._core.fresh_bytes cimport (
    fresh_bytes,
    fresh_bytes_drop,
    fresh_bytes_finish,
    fresh_bytes_room,
)
from tlsmgm._core.session cimport wrap_session
from tlsmgm._core.status cimport as_refusal
from tlsmgm._core.status cimport check as check_status
from tlsmgm._core.views cimport bytes_of, view_of

from tlsmgm._core.refusals import Peer
from tlsmgm.errors import TLSError

cdef size_t _CHAIN_MAX = 100

cdef dict _VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}


cdef object version_word(int version):
    """What people call a version of the protocol; None: they have no word for it."""
    return _VERSIONS.get(version)


cdef object text_of(bytes name):
    """A server name as people read it; bytes outside ASCII stay visible."""
    return None if name is None else name.decode("ascii", "backslashreplace")


cdef class Negotiated:
    """The half of a connection that only looks: :class:`Connection` adds the traffic.

    Everything here is None, false or empty while there is nothing to tell, and stays after the
    connection has ended. One thread may look at a time; a second one gets RuntimeError.
    """

    # --- one thread at a time --------------------------------------------------------------

    cdef int enter(self) except -1:
        if tlsmgm_entry_guard_enter(&self.guard):
            return 0
        raise RuntimeError("this connection is in use by another thread")

    cdef bint enter_if_there(self) except -1:
        """As enter(); False, and nobody has entered, before there is a connection of the library.

        There is none either once another thread has sent it on to an upstream.
        """
        if self.conn == NULL:
            return False
        self.enter()
        if self.conn == NULL:
            self.leave()
            return False
        return True

    cdef void leave(self) noexcept:
        tlsmgm_entry_guard_leave(&self.guard)

    # Any thread may ask for the name and the context, without entering. Both are set once, by
    # whoever is inside; critical sections order that where there is no interpreter lock.

    @cython.critical_section
    cdef int belong_to(self, Context context, bytes name) except -1:
        self.chosen = context
        self.name = name
        return 0

    @property
    @cython.critical_section
    def context(self):
        """The native context, or None on a server until the ClientHello has been read."""
        return self.chosen

    @cython.critical_section
    cdef bytes name_now(self):
        return self.name

    # --- the library -----------------------------------------------------------------------

    cdef int check(self, tlsmgm_status status, const tlsmgm_error *error) except -1:
        """As check_status(); for who has entered."""
        if status == TLSMGM_STATUS_VERIFY:
            raise self.refusal(error)
        return check_status(status, error, None if self.chosen is None else self.chosen.backend.name)

    cdef object refusal(self, const tlsmgm_error *error):
        """The exception of a peer that was refused, in words for people; for who has entered."""
        try:
            chain = self.chain_sent()
        except TLSError:  # one of them cannot be read
            chain = ()
        peer = Peer(
            is_client=self.is_server,
            chain=chain,
            wanted=text_of(self.checked_name),
            domain=self.chosen.domain,
        )
        return as_refusal(error, self.chosen.backend.name, peer)

    cdef tlsmgm_conn_info info(self) except *:
        """What the library tells; without a connection of it, that nothing is there."""
        cdef tlsmgm_conn_info info
        memset(&info, 0, sizeof(info))
        info.verify_reason = TLSMGM_VERIFY_MISSING
        if not self.enter_if_there():
            return info
        try:
            self.table.conn_info(self.conn, &info)
        finally:
            self.leave()
        return info

    cdef object signature(self, bint of_peer):
        cdef const char *own = NULL
        cdef const char *peer = NULL
        if not self.enter_if_there():
            return None
        try:
            self.table.signatures(self.conn, &own, &peer)
        finally:
            self.leave()
        if of_peer:
            own = peer
        return None if own == NULL else own.decode("ascii")

    cdef object version_in_use(self):
        """As version; for who has entered already."""
        cdef tlsmgm_conn_info info
        self.table.conn_info(self.conn, &info)
        return version_word(info.version)

    # --- parameters -------------------------------------------------------------------------

    @property
    def backend(self):
        """Name of the TLS library, or None before the domain is known."""
        context = self.context
        return None if context is None else context.backend.name

    @property
    def server_name(self):
        """Server name of the ClientHello, or None. Not trusted input until it matched."""
        return text_of(self.name_now())

    @property
    def verify_name(self):
        """Client: host name or IP address that the certificate must carry; None: any will do."""
        return text_of(self.checked_name)

    @property
    def version(self):
        """``TLSv1``, ``TLSv1.1``, ``TLSv1.2``, ``TLSv1.3``, or None before it is settled."""
        return version_word(self.info().version)

    @property
    def cipher(self):
        """The suite: OpenSSL's name up to TLS 1.2, IANA's in TLS 1.3; None before."""
        cdef tlsmgm_conn_info info = self.info()
        return None if info.cipher == NULL else info.cipher.decode("ascii")

    @property
    def cipher_bits(self):
        """Secret bits of the cipher, or None before."""
        cdef tlsmgm_conn_info info = self.info()
        return None if info.cipher == NULL else info.cipher_bits

    @property
    def cipher_description(self):
        """The cipher in the columns of ``openssl ciphers -v``, newline at the end, or None."""
        cdef char[TLSMGM_DESCRIPTION_SIZE] text
        if not self.enter_if_there():
            return None
        try:
            self.table.cipher_description(self.conn, text)
        finally:
            self.leave()
        return text.decode("ascii") if text[0] else None

    @property
    def group(self):
        """Key exchange group, such as ``x25519``, or None."""
        cdef tlsmgm_conn_info info = self.info()
        return None if info.group == NULL else info.group.decode("ascii")

    @property
    def own_signature(self):
        """Scheme by which this end has signed in the handshake, such as ``rsa_pss_rsae_sha256``.

        None: it has not, or the library does not tell: a client of wolfSSL, or OpenSSL before 3.5.
        """
        return self.signature(False)

    @property
    def peer_signature(self):
        """Scheme by which the peer has signed, or None; see :attr:`own_signature`."""
        return self.signature(True)

    @property
    def alpn(self):
        """Protocol agreed on by ALPN (RFC 7301), or None."""
        cdef tlsmgm_conn_info info
        if not self.enter_if_there():
            return None
        try:
            self.table.conn_info(self.conn, &info)
            name = bytes_of(info.alpn) if info.alpn.size > 0 else None
        finally:
            self.leave()
        return None if name is None else name.decode("ascii", "backslashreplace")

    @property
    def session_reused(self):
        """Whether a session was resumed."""
        return self.info().session_reused

    @property
    def verify_reason(self):
        """``ok``, ``missing`` without a peer certificate, or why it would be refused."""
        return tlsmgm_verify_reason_word(self.info().verify_reason).decode("ascii")

    @property
    def peer_verified(self):
        """Whether the peer showed a certificate that verified."""
        cdef tlsmgm_conn_info info
        if not self.handshake_complete:
            return False
        info = self.info()
        return info.has_peer_certificate and info.verify_reason == TLSMGM_VERIFY_NONE

    # --- certificates ------------------------------------------------------------------------

    @property
    def certificate(self):
        """The certificate that we show, or None."""
        if not self.is_server or not self.enter_if_there():
            context = self.context
            return None if context is None else context.certificate
        try:
            return certificate_from(self.table.own_certificate(self.conn))
        finally:
            self.leave()

    @property
    def peer_certificate(self):
        """The peer's certificate, or None."""
        if not self.enter_if_there():
            return None
        try:
            found = self.peer_cache
            if found is None:
                found = certificate_from(self.table.peer_certificate(self.conn, 0))
                if self.handshake_complete:
                    self.peer_cache = found
            return found
        finally:
            self.leave()

    @property
    def peer_chain(self):
        """The certificates that the peer sent, leaf first; after resumption the leaf only."""
        if not self.enter_if_there():
            return ()
        try:
            return self.chain_sent()
        finally:
            self.leave()

    cdef tuple chain_sent(self):
        """As peer_chain; for who has entered."""
        cdef size_t index
        cdef tlsmgm_bytes der
        found = []
        for index in range(_CHAIN_MAX):
            der = self.table.peer_certificate(self.conn, index)
            if der.size == 0:
                break
            found.append(certificate_from(der))
        return tuple(found)

    # --- secrets -----------------------------------------------------------------------------

    def export_keying_material(self, bytes label not None, size_t size, bytes context=None):
        """Secret bytes that both ends have, and nobody else (RFC 5705, RFC 8446 section 7.5).

        Args:
            label: what they are for, such as ``b"EXPORTER-Channel-Binding"``.
            size: bytes to make, 1 to 1024.
            context: more of what they are for; up to TLS 1.2 None is something else than b"".

        Raises:
            ValueError: the handshake is not complete, or the size is out of bounds.
            UnsupportedError: the library refuses this label.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef PyObject *secret
        if not self.handshake_complete:
            raise ValueError("keying material comes after the handshake")
        if not 0 < size <= 1024 or b"\0" in label:
            raise ValueError("keying material has 1 to 1024 bytes, and a label without NUL")
        if not self.enter_if_there():
            raise ValueError("the connection was sent on, and its keys with it")
        try:
            secret = fresh_bytes(NULL, size)
            status = self.table.export_keying_material(
                self.conn, <const char *> label, view_of(context),
                <uint8_t *> fresh_bytes_room(secret), size, &error
            )
        finally:
            self.leave()
        if status != TLSMGM_STATUS_OK:
            fresh_bytes_drop(secret)
            self.check(status, &error)
        return fresh_bytes_finish(secret, size)

    def _finished_message(self, *, bint of_peer):
        """The Finished message of this end or the peer, of which ``tls-unique`` is made, or None."""
        cdef uint8_t room[TLSMGM_FINISHED_MAX]
        cdef size_t size
        if not self.enter_if_there():
            return None
        try:
            size = self.table.finished(self.conn, of_peer, room)
        finally:
            self.leave()
        return None if size == 0 else <bytes> room[:size]

    @property
    def binds_channel(self):
        """Whether exported keying material is of this connection alone (RFC 9266 section 4.1):
        in TLS 1.3, or with the extended master secret, as far as the library tells."""
        return self.info().is_unique

    @property
    def session(self):
        """Client: a Session to offer next time, or None while the server has given none.

        In TLS 1.3 it comes with data after the handshake: read first.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_session *session = NULL
        if self.is_server or not self.enter_if_there():
            return None
        try:
            self.check(self.table.conn_session(self.conn, &session, &error), &error)
        finally:
            self.leave()
        return None if session == NULL else wrap_session(self.chosen.backend, session)
