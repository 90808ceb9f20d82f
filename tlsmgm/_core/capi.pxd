# Declarations of csrc/*.h, nothing else. Read the headers for what they mean.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t


cdef extern from "tlsmgm.h" nogil:
    const unsigned int TLSMGM_CONTRACT_VERSION
    const size_t TLSMGM_RECORD_MAX
    const size_t TLSMGM_RECORD_OVERHEAD
    const char *TLSMGM_BACKEND_CAPSULE
    const unsigned int TLSMGM_SCOPE_MAX
    const int TLSMGM_NO_ALERT

    cdef enum tlsmgm_status:
        TLSMGM_OK
        TLSMGM_WANT_READ
        TLSMGM_WANT_WRITE
        TLSMGM_CLOSED
        TLSMGM_TRUNCATED
        TLSMGM_ALERT
        TLSMGM_PROTOCOL
        TLSMGM_VERIFY
        TLSMGM_CONFIG
        TLSMGM_UNSUPPORTED
        TLSMGM_NO_MEMORY
        TLSMGM_INTERNAL
        TLSMGM_HELLO_TOO_LARGE

    cdef enum tlsmgm_verify_reason:
        TLSMGM_VERIFY_NONE
        TLSMGM_VERIFY_MISSING

    cdef enum tlsmgm_feature:
        TLSMGM_FEATURE_TLS1_0
        TLSMGM_FEATURE_TLS1_1
        TLSMGM_FEATURE_TLS1_3
        TLSMGM_FEATURE_CIPHER_EXPRESSIONS
        TLSMGM_FEATURE_DH_PARAMS
        TLSMGM_FEATURE_SESSION_EXPORT
        TLSMGM_FEATURE_MLKEM

    cdef enum tlsmgm_alert:
        TLSMGM_ALERT_UNEXPECTED_MESSAGE
        TLSMGM_ALERT_INTERNAL_ERROR
        TLSMGM_ALERT_PROTOCOL_VERSION
        TLSMGM_ALERT_UNRECOGNIZED_NAME

    cdef struct tlsmgm_bytes:
        const uint8_t *data
        size_t size

    cdef struct tlsmgm_error:
        tlsmgm_status status
        tlsmgm_verify_reason verify_reason
        int alert
        int64_t library_code
        const char *parameter
        char *text

    cdef struct tlsmgm_ctx
    cdef struct tlsmgm_conn
    cdef struct tlsmgm_session
    cdef struct tlsmgm_ticket_keys

    cdef struct tlsmgm_source:
        const char *path
        tlsmgm_bytes data

    cdef struct tlsmgm_ctx_config:
        bint is_server
        uint16_t lowest_version
        uint16_t highest_version
        const char *cipher_list
        const char *groups
        tlsmgm_source certificate
        tlsmgm_source private_key
        tlsmgm_source certificate2
        tlsmgm_source private_key2
        tlsmgm_bytes passphrase
        tlsmgm_source dh_params
        tlsmgm_source ca_list
        const char *ca_dir
        const char *crl_dir
        bint crl_check_all
        tlsmgm_source ocsp_response
        bint require_staple
        bint verify_peer
        bint require_peer
        int verify_depth
        bint sip_identity
        const char *peer_names
        tlsmgm_bytes alpn
        tlsmgm_ticket_keys *ticket_keys
        const char *keylog_file
        tlsmgm_bytes scope

    cdef struct tlsmgm_conn_config:
        tlsmgm_bytes server_name
        tlsmgm_bytes signature_algorithms
        tlsmgm_bytes cipher_suites
        tlsmgm_bytes groups
        bint up_to_1_2
        const char *verify_name
        const tlsmgm_session *session

    cdef struct tlsmgm_conn_info:
        uint16_t version
        const char *cipher
        int cipher_bits
        const char *group
        tlsmgm_bytes alpn
        bint session_reused
        bint is_unique
        bint has_peer_certificate
        tlsmgm_verify_reason verify_reason
        char *description

    cdef struct tlsmgm_backend:
        uint32_t contract_version
        const char *name
        tlsmgm_status (*init)(tlsmgm_error *) noexcept nogil
        const char *(*version)() noexcept nogil
        uint32_t (*features)() noexcept nogil
        const char *(*cipher_name)(size_t) noexcept nogil
        tlsmgm_status (*ctx_new)(const tlsmgm_ctx_config *, tlsmgm_ctx **, tlsmgm_error *) noexcept nogil
        tlsmgm_ctx *(*ctx_ref)(tlsmgm_ctx *) noexcept nogil
        void (*ctx_free)(tlsmgm_ctx *) noexcept nogil
        tlsmgm_bytes (*ctx_certificate)(const tlsmgm_ctx *) noexcept nogil
        tlsmgm_status (*conn_new)(tlsmgm_ctx *, const tlsmgm_conn_config *, tlsmgm_conn **,
                                  tlsmgm_error *) noexcept nogil
        void (*conn_free)(tlsmgm_conn *) noexcept nogil
        tlsmgm_status (*feed)(tlsmgm_conn *, const uint8_t *, size_t, tlsmgm_error *) noexcept nogil
        tlsmgm_status (*lend_input)(tlsmgm_conn *, const uint8_t *, size_t,
                                    tlsmgm_error *) noexcept nogil
        tlsmgm_status (*reclaim_input)(tlsmgm_conn *, tlsmgm_error *) noexcept nogil
        void (*feed_eof)(tlsmgm_conn *) noexcept nogil
        tlsmgm_bytes (*output)(const tlsmgm_conn *) noexcept nogil
        void (*output_consume)(tlsmgm_conn *, size_t) noexcept nogil
        void (*lend_output)(tlsmgm_conn *, uint8_t *, size_t) noexcept nogil
        size_t (*reclaim_output)(tlsmgm_conn *) noexcept nogil
        tlsmgm_status (*handshake)(tlsmgm_conn *, tlsmgm_error *) noexcept nogil
        tlsmgm_status (*read)(tlsmgm_conn *, uint8_t *, size_t, size_t *, tlsmgm_error *) noexcept nogil
        tlsmgm_status (*write)(tlsmgm_conn *, const uint8_t *, size_t, size_t *,
                               tlsmgm_error *) noexcept nogil
        tlsmgm_status (*shutdown)(tlsmgm_conn *, tlsmgm_error *) noexcept nogil
        void (*conn_info)(tlsmgm_conn *, tlsmgm_conn_info *) noexcept nogil
        tlsmgm_bytes (*peer_certificate)(tlsmgm_conn *, size_t) noexcept nogil
        tlsmgm_bytes (*own_certificate)(tlsmgm_conn *) noexcept nogil
        tlsmgm_status (*export_keying_material)(tlsmgm_conn *, const char *, tlsmgm_bytes,
                                                uint8_t *, size_t, tlsmgm_error *) noexcept nogil
        tlsmgm_status (*conn_session)(tlsmgm_conn *, tlsmgm_session **, tlsmgm_error *) noexcept nogil
        void (*session_free)(tlsmgm_session *) noexcept nogil
        tlsmgm_status (*session_export)(const tlsmgm_session *, uint8_t *, size_t *,
                                        tlsmgm_error *) noexcept nogil
        tlsmgm_status (*session_import)(const uint8_t *, size_t, tlsmgm_session **,
                                        tlsmgm_error *) noexcept nogil

    const char *tlsmgm_status_text(tlsmgm_status)
    const char *tlsmgm_status_exception(tlsmgm_status)
    const char *tlsmgm_verify_reason_word(tlsmgm_verify_reason)


cdef extern from "alloc.h" nogil:
    void tlsmgm_wipe(void *, size_t)


cdef extern from "error.h" nogil:
    void tlsmgm_error_clear(tlsmgm_error *)


cdef extern from "buffer.h" nogil:
    cdef struct tlsmgm_buffer:
        size_t limit
        size_t capacity

    void tlsmgm_buffer_init(tlsmgm_buffer *, size_t)
    void tlsmgm_buffer_free(tlsmgm_buffer *)
    tlsmgm_status tlsmgm_buffer_append(tlsmgm_buffer *, const uint8_t *, size_t)
    tlsmgm_bytes tlsmgm_buffer_view(const tlsmgm_buffer *)
    size_t tlsmgm_buffer_size(const tlsmgm_buffer *)
    void tlsmgm_buffer_consume(tlsmgm_buffer *, size_t)


cdef extern from "wire.h" nogil:
    const size_t TLSMGM_OUTPUT_HIGH_WATER

cdef extern from "client_hello.h" nogil:
    const size_t TLSMGM_CLIENT_HELLO_LIMIT
    const size_t TLSMGM_ALERT_RECORD_SIZE

    cdef struct tlsmgm_hello_reader:
        tlsmgm_buffer message
        size_t consumed

    cdef struct tlsmgm_client_hello:
        uint16_t legacy_version
        bint has_server_name
        tlsmgm_bytes server_name
        tlsmgm_bytes session_id
        tlsmgm_bytes cipher_suites
        tlsmgm_bytes supported_versions
        tlsmgm_bytes signature_algorithms
        tlsmgm_bytes groups
        tlsmgm_bytes alpn
        bint offers_session

    void tlsmgm_hello_reader_init(tlsmgm_hello_reader *, size_t)
    void tlsmgm_hello_reader_free(tlsmgm_hello_reader *)
    tlsmgm_status tlsmgm_hello_reader_feed(tlsmgm_hello_reader *, const uint8_t *, size_t,
                                           tlsmgm_error *)
    bint tlsmgm_hello_reader_is_plain(const tlsmgm_hello_reader *)
    tlsmgm_status tlsmgm_hello_reader_replay(const tlsmgm_hello_reader *, tlsmgm_buffer *)
    tlsmgm_status tlsmgm_client_hello_parse(tlsmgm_bytes, tlsmgm_client_hello *, tlsmgm_error *)
    bint tlsmgm_client_hello_offers(const tlsmgm_client_hello *, uint16_t, uint16_t)
    void tlsmgm_alert_record(tlsmgm_alert, uint8_t *)


cdef extern from "match_index.h" nogil:
    cdef struct tlsmgm_match_index

    const size_t TLSMGM_MATCH_NAME_MAX
    const uint32_t TLSMGM_MATCH_NONE

    cdef struct tlsmgm_match_entry:
        bint any_address
        uint8_t *address
        uint16_t port
        bint no_name
        tlsmgm_bytes pattern
        uint32_t domain

    tlsmgm_status tlsmgm_match_index_new(const tlsmgm_match_entry *, size_t, tlsmgm_match_index **,
                                         tlsmgm_error *)
    void tlsmgm_match_index_free(tlsmgm_match_index *)
    uint32_t tlsmgm_match_index_find(const tlsmgm_match_index *, const uint8_t *, uint16_t,
                                     tlsmgm_bytes)
    size_t tlsmgm_match_index_memory(const tlsmgm_match_index *)


cdef extern from "ticket_keys.h" nogil:
    const size_t TLSMGM_TICKET_KEY_SIZE
    const size_t TLSMGM_TICKET_RING_MAX

    tlsmgm_status tlsmgm_ticket_keys_new(tlsmgm_ticket_keys **, tlsmgm_error *)
    void tlsmgm_ticket_keys_free(tlsmgm_ticket_keys *)
    void tlsmgm_ticket_keys_replace(tlsmgm_ticket_keys *, const uint8_t *, size_t)


cdef extern from "entry_guard.h" nogil:
    cdef struct tlsmgm_entry_guard:
        pass

    void tlsmgm_entry_guard_init(tlsmgm_entry_guard *)
    bint tlsmgm_entry_guard_enter(tlsmgm_entry_guard *)
    void tlsmgm_entry_guard_leave(tlsmgm_entry_guard *)


cdef extern from "certificate_fields.h" nogil:
    cdef struct tlsmgm_cursor:
        pass

    cdef struct tlsmgm_certificate_time:
        pass

    cdef struct tlsmgm_certificate_fields:
        uint32_t version
        tlsmgm_bytes serial
        tlsmgm_bytes issuer
        tlsmgm_bytes subject
        tlsmgm_certificate_time not_before
        tlsmgm_certificate_time not_after
        tlsmgm_bytes subject_alt_names
        tlsmgm_bytes signature_algorithm

    cdef enum tlsmgm_attribute:
        TLSMGM_COMMON_NAME
        TLSMGM_LOCALITY
        TLSMGM_COUNTRY
        TLSMGM_STATE
        TLSMGM_ORGANIZATION
        TLSMGM_ORGANIZATIONAL_UNIT

    cdef enum tlsmgm_san_kind:
        TLSMGM_SAN_EMAIL
        TLSMGM_SAN_HOSTNAME
        TLSMGM_SAN_URI
        TLSMGM_SAN_IP

    tlsmgm_status tlsmgm_certificate_fields_read(tlsmgm_bytes, tlsmgm_certificate_fields *,
                                                 tlsmgm_error *)
    size_t tlsmgm_serial_text(tlsmgm_bytes, char *, size_t)
    size_t tlsmgm_name_text(tlsmgm_bytes, char *, size_t)
    bint tlsmgm_name_attribute(tlsmgm_bytes, tlsmgm_attribute, char *, size_t, size_t *)
    size_t tlsmgm_time_text(tlsmgm_certificate_time, char *, size_t)
    bint tlsmgm_time_unix(tlsmgm_certificate_time, int64_t *)
    bint tlsmgm_san_text(tlsmgm_bytes, tlsmgm_san_kind, char *, size_t, size_t *)
    tlsmgm_cursor make_cursor "tlsmgm_cursor"(tlsmgm_bytes)
    bint tlsmgm_san_next(tlsmgm_cursor *, tlsmgm_san_kind *, tlsmgm_bytes *)
    bint tlsmgm_san_value_text(tlsmgm_san_kind, tlsmgm_bytes, char *, size_t, size_t *)
