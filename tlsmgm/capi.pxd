# Declarations of the public headers, nothing else. Read tlsmgm.h and embed.h for what they mean.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t


cdef extern from "tlsmgm.h" nogil:
    const unsigned int TLSMGM_CONTRACT_VERSION
    const size_t TLSMGM_RECORD_MAX
    const uint16_t TLSMGM_TLS1_2
    const uint16_t TLSMGM_TLS1_3
    const size_t TLSMGM_RECORD_OVERHEAD
    const char *TLSMGM_BACKEND_CAPSULE
    const unsigned int TLSMGM_SCOPE_MAX
    const int TLSMGM_VERIFY_DEPTH_MAX
    const int TLSMGM_RSA_BITS_MIN
    const int TLSMGM_RSA_BITS_MAX
    const int TLSMGM_NO_ALERT
    const size_t TLSMGM_ALERT_RECORD_SIZE

    cdef enum tlsmgm_status:
        TLSMGM_STATUS_OK
        TLSMGM_STATUS_WANT_READ
        TLSMGM_STATUS_WANT_WRITE
        TLSMGM_STATUS_CLOSED
        TLSMGM_STATUS_TRUNCATED
        TLSMGM_STATUS_ALERT
        TLSMGM_STATUS_PROTOCOL
        TLSMGM_STATUS_VERIFY
        TLSMGM_STATUS_CONFIG
        TLSMGM_STATUS_UNSUPPORTED
        TLSMGM_STATUS_NO_MEMORY
        TLSMGM_STATUS_INTERNAL
        TLSMGM_STATUS_HELLO_TOO_LARGE
        TLSMGM_STATUS_NO_DOMAIN

    cdef enum tlsmgm_verify_reason:
        TLSMGM_VERIFY_NONE
        TLSMGM_VERIFY_MISSING
        TLSMGM_VERIFY_EXPIRED
        TLSMGM_VERIFY_NOT_YET_VALID
        TLSMGM_VERIFY_REVOKED
        TLSMGM_VERIFY_CRL_MISSING
        TLSMGM_VERIFY_CRL_EXPIRED
        TLSMGM_VERIFY_CRL_INVALID
        TLSMGM_VERIFY_STAPLE_MISSING
        TLSMGM_VERIFY_STAPLE_INVALID
        TLSMGM_VERIFY_SELF_SIGNED
        TLSMGM_VERIFY_UNKNOWN_CA
        TLSMGM_VERIFY_NOT_A_CA
        TLSMGM_VERIFY_TOO_DEEP
        TLSMGM_VERIFY_PURPOSE
        TLSMGM_VERIFY_NAME_MISMATCH
        TLSMGM_VERIFY_SIGNATURE
        TLSMGM_VERIFY_WEAK_KEY
        TLSMGM_VERIFY_MALFORMED
        TLSMGM_VERIFY_OTHER

    cdef enum tlsmgm_feature:
        TLSMGM_FEATURE_TLS1_0
        TLSMGM_FEATURE_TLS1_1
        TLSMGM_FEATURE_TLS1_3
        TLSMGM_FEATURE_CIPHER_EXPRESSIONS
        TLSMGM_FEATURE_DH_PARAMS
        TLSMGM_FEATURE_SESSION_EXPORT
        TLSMGM_FEATURE_MLKEM
        TLSMGM_FEATURE_RFC7919

    cdef enum tlsmgm_alert:
        TLSMGM_ALERT_CLOSE_NOTIFY
        TLSMGM_ALERT_UNEXPECTED_MESSAGE
        TLSMGM_ALERT_RECORD_OVERFLOW
        TLSMGM_ALERT_HANDSHAKE_FAILURE
        TLSMGM_ALERT_BAD_CERTIFICATE
        TLSMGM_ALERT_ILLEGAL_PARAMETER
        TLSMGM_ALERT_DECODE_ERROR
        TLSMGM_ALERT_PROTOCOL_VERSION
        TLSMGM_ALERT_INTERNAL_ERROR
        TLSMGM_ALERT_USER_CANCELED
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
    const size_t TLSMGM_TICKET_NAME_SIZE
    const size_t TLSMGM_TICKET_SECRET_SIZE

    cdef struct tlsmgm_ticket_key:
        uint8_t[16] name
        uint8_t[32] cipher
        uint8_t[32] mac

    cdef struct tlsmgm_ticket_keys_table:
        tlsmgm_ticket_keys *(*ref)(tlsmgm_ticket_keys *) noexcept nogil
        void (*free)(tlsmgm_ticket_keys *) noexcept nogil
        bint (*current)(tlsmgm_ticket_keys *, tlsmgm_ticket_key *) noexcept nogil
        bint (*find)(tlsmgm_ticket_keys *, const uint8_t *, tlsmgm_ticket_key *,
                     bint *) noexcept nogil

    cdef struct tlsmgm_ticket_keys:
        const tlsmgm_ticket_keys_table *table

    cdef struct tlsmgm_source:
        const char *path
        tlsmgm_bytes data

    cdef struct tlsmgm_directory:
        const char *path
        const tlsmgm_source *files
        size_t count

    ctypedef void (*tlsmgm_warn)(void *, const char *, const char *) noexcept nogil

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
        tlsmgm_directory ca_dir
        tlsmgm_directory crl_dir
        bint crl_check_all
        tlsmgm_source ocsp_response
        bint require_staple
        bint verify_peer
        bint require_peer
        int verify_depth
        bint accept_server_eku
        bint sip_identity
        const char *peer_names
        tlsmgm_bytes alpn
        tlsmgm_ticket_keys *ticket_keys
        const char *keylog_file
        tlsmgm_bytes scope
        tlsmgm_warn warn
        void *warn_argument
        int min_rsa_bits
        bint strict_certificates
        const char *signature_algorithms
        const char *client_signature_algorithms
        unsigned tickets

    cdef enum:
        TLSMGM_FINISHED_MAX
        TLSMGM_TICKETS_MAX

    cdef struct tlsmgm_conn_config:
        tlsmgm_bytes server_name
        tlsmgm_bytes signature_algorithms
        tlsmgm_bytes cipher_suites
        tlsmgm_bytes groups
        bint up_to_1_2
        const char *verify_name
        const tlsmgm_session *session

    enum: TLSMGM_DESCRIPTION_SIZE

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
        void (*cipher_description)(tlsmgm_conn *, char *) noexcept nogil
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
        size_t (*finished)(tlsmgm_conn *, bint, uint8_t *) noexcept nogil
        void (*signatures)(tlsmgm_conn *, const char **, const char **) noexcept nogil


cdef extern from "embed.h" nogil:
    const char *TLSMGM_CTX_CAPSULE
    const char *TLSMGM_GREETING_CAPSULE

    cdef struct tlsmgm_greeting

    cdef struct tlsmgm_ctx_handle:
        const tlsmgm_backend *backend
        tlsmgm_ctx *ctx
        bint is_server
        uint16_t lowest_version
        uint16_t highest_version

    cdef struct tlsmgm_greeting_table:
        uint32_t contract_version
        tlsmgm_status (*greeting_new)(size_t, tlsmgm_greeting **, tlsmgm_error *) noexcept nogil
        void (*greeting_free)(tlsmgm_greeting *) noexcept nogil
        tlsmgm_status (*feed)(tlsmgm_greeting *, const uint8_t *, size_t,
                              tlsmgm_error *) noexcept nogil
        tlsmgm_bytes (*server_name)(const tlsmgm_greeting *) noexcept nogil
        tlsmgm_status (*start)(tlsmgm_greeting *, const tlsmgm_ctx_handle *, tlsmgm_conn **,
                               tlsmgm_error *) noexcept nogil
        void (*alert_record)(tlsmgm_alert, uint8_t *) noexcept nogil
