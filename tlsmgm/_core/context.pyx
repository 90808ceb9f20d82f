"""Contexts: a TLS domain as the library sees it. Immutable."""

cimport cython
from libc.string cimport memset

from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport (
    tlsmgm_bytes,
    tlsmgm_ctx_config,
    tlsmgm_ctx_handle,
    tlsmgm_directory,
    tlsmgm_error,
    tlsmgm_source,
    tlsmgm_status,
)
from tlsmgm._core.certificate cimport certificate_from
from tlsmgm._core.material cimport Folder, Material, name_of
from tlsmgm._core.status cimport check, note_warning
from tlsmgm._core.ticket_keys cimport TicketKeys
from tlsmgm._core.views cimport view_of


cdef class _Strings:
    """Keeps the bytes alive to which a configuration points."""

    cdef list kept

    def __cinit__(self):
        self.kept = []

    cdef const char *text(self, object value) except? NULL:
        if value is None:
            return NULL
        data = name_of(value, "parameter")
        self.kept.append(data)
        return <const char *> (<bytes> data)

    cdef tlsmgm_bytes blob(self, object value) except *:
        data = None if value is None else bytes(value)
        self.kept.append(data)
        return view_of(data)

    cdef tlsmgm_directory directory(self, object value) except *:
        cdef tlsmgm_directory result
        if isinstance(value, Folder):
            self.kept.append(value)
            return (<Folder> value).directory()
        result.path = self.text(value)
        result.files = NULL
        result.count = 0
        return result

    cdef tlsmgm_source source(self, object value) except *:
        cdef tlsmgm_source result
        if isinstance(value, Material):
            self.kept.append(value)
            return (<Material> value).source()
        result.path = NULL
        result.data = self.blob(value if isinstance(value, (bytes, bytearray)) else None)
        if value is not None and result.data.data == NULL:
            result.path = self.text(value)
        return result


cdef class Context:
    """One TLS domain inside one library.

    Args:
        backend: the library.
        is_server: whether its connections accept (True) or connect (False).
        domain: any object; connections show it as their ``domain``.
        name: name of the domain, for error messages.
        origin: where the domain was defined, for error messages.
        lowest_version, highest_version: wire values 0x0301 to 0x0304; 0 leaves the end open.
        cipher_list: TLS 1.2 names and TLS 1.3 suites, separated by colons.
        groups: key exchange groups, separated by colons, best first.
        signature_algorithms, client_signature_algorithms: schemes by which servers and clients
            sign, such as ``"ecdsa_secp256r1_sha256:RSA+SHA256"``, best first; without the second
            one the first counts for both.
        certificate, private_key, dh_params, ca_list: PEM as ``bytes``, a file that was read
            (:class:`~tlsmgm._core.material.Material`), or the path of one that is read now.
        certificate2, private_key2: a second pair, with a key of another kind.
        passphrase: bytes that open encrypted private keys.
        ca_dir, crl_dir: directories that were read (:class:`~tlsmgm._core.material.Folder`), or
            paths of some that are read now.
        crl_check_all: check the whole chain against CRLs, not the leaf only.
        ocsp_response: DER of the response that a server staples; given as the certificate is.
        require_staple: a client refuses servers that staple no good response.
        verify_peer, require_peer, verify_depth: rules for the peer's certificate.
        min_rsa_bits: smallest RSA keys in a peer's chain, 2048 to 16384; 0: the library's.
        strict_certificates: a peer's chain keeps to all of RFC 5280, as OpenSSL's
            X509_V_FLAG_X509_STRICT asks for it.
        accept_server_eku: a server takes clients whose certificates are for servers only.
        sip_identity: names are SIP domains (RFC 5922), not hosts and addresses (RFC 9525).
        peer_names: names separated by commas, of which the peer must have one; or None.
        alpn: protocol list in wire form (RFC 7301).
        ticket_keys: key ring for session tickets; None: no resumption.
        tickets: of TLS 1.3, after each handshake, 16 at most; 0: one.
        keylog_file: secrets of all connections are appended to it; None: nothing is.
        scope: 1 to 31 bytes; sessions are good only where it is the same.

    Attributes:
        warnings: pairs of a parameter and a sentence, of what can be used in part only.

    Raises:
        ConfigError: a parameter cannot be used; it is named.
    """

    def __cinit__(
        self,
        Backend backend not None,
        *,
        bint is_server,
        domain=None,
        str name=None,
        origin=None,
        int lowest_version=0,
        int highest_version=0,
        cipher_list=None,
        groups=None,
        signature_algorithms=None,
        client_signature_algorithms=None,
        certificate=None,
        private_key=None,
        certificate2=None,
        private_key2=None,
        passphrase=None,
        dh_params=None,
        ca_list=None,
        ca_dir=None,
        crl_dir=None,
        bint crl_check_all=False,
        ocsp_response=None,
        bint require_staple=False,
        bint verify_peer=False,
        bint require_peer=False,
        int verify_depth=3,
        int min_rsa_bits=0,
        bint strict_certificates=False,
        bint accept_server_eku=False,
        bint sip_identity=False,
        peer_names=None,
        bytes alpn=None,
        TicketKeys ticket_keys=None,
        unsigned int tickets=0,
        keylog_file=None,
        bytes scope=None,
    ):
        cdef tlsmgm_ctx_config config
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef _Strings strings = _Strings()
        cdef list warnings = []
        memset(&config, 0, sizeof(config))
        config.is_server = is_server
        config.lowest_version = lowest_version
        config.highest_version = highest_version
        config.cipher_list = strings.text(cipher_list)
        config.groups = strings.text(groups)
        config.certificate = strings.source(certificate)
        config.private_key = strings.source(private_key)
        config.certificate2 = strings.source(certificate2)
        config.private_key2 = strings.source(private_key2)
        config.passphrase = strings.blob(passphrase)
        config.dh_params = strings.source(dh_params)
        config.ca_list = strings.source(ca_list)
        config.ca_dir = strings.directory(ca_dir)
        config.crl_dir = strings.directory(crl_dir)
        config.crl_check_all = crl_check_all
        config.ocsp_response = strings.source(ocsp_response)
        config.require_staple = require_staple
        config.verify_peer = verify_peer
        config.require_peer = require_peer
        config.verify_depth = verify_depth
        config.min_rsa_bits = min_rsa_bits
        config.strict_certificates = strict_certificates
        config.signature_algorithms = strings.text(signature_algorithms)
        config.client_signature_algorithms = strings.text(client_signature_algorithms)
        config.accept_server_eku = accept_server_eku
        config.sip_identity = sip_identity
        config.peer_names = strings.text(peer_names)
        config.alpn = strings.blob(alpn)
        config.ticket_keys = NULL if ticket_keys is None else ticket_keys.keys
        config.tickets = tickets
        config.keylog_file = strings.text(keylog_file)
        config.scope = strings.blob(scope)
        config.warn = note_warning
        config.warn_argument = <void *> warnings
        self.table = backend.table
        self.backend = backend
        self.domain = domain
        self.is_server = is_server
        self.lowest_version = lowest_version
        self.highest_version = highest_version
        self.ticket_keys = ticket_keys
        with nogil:
            status = self.table.ctx_new(&config, &self.ctx, &error)
        check(status, &error, backend.name, name, origin)
        self.warnings = tuple(warnings)

    def __dealloc__(self):
        if self.ctx != NULL:
            self.table.ctx_free(self.ctx)

    cdef tlsmgm_ctx_handle handle(self) noexcept:
        """The context as C hands it around, borrowed."""
        cdef tlsmgm_ctx_handle handle
        handle.backend = self.table
        handle.ctx = self.ctx
        handle.is_server = self.is_server
        handle.lowest_version = self.lowest_version
        handle.highest_version = self.highest_version
        return handle

    @property
    @cython.critical_section  # threads may ask at once, and the first one has it parsed
    def certificate(self):
        """The context's own leaf certificate, or None."""
        if self.certificate_cache is None:
            self.certificate_cache = certificate_from(self.table.ctx_certificate(self.ctx))
        return self.certificate_cache

    def __repr__(self):
        kind = "server" if self.is_server else "client"
        return f"<Context {self.backend.name} {kind} {self.domain!r}>"
