# Declarations of csrc/*.h, nothing else. Read the headers for what they mean.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# The public ones.
from tlsmgm.capi cimport *


cdef extern from "base/status.h" nogil:
    const char *tlsmgm_status_text(tlsmgm_status)
    const char *tlsmgm_status_exception(tlsmgm_status)
    const char *tlsmgm_verify_reason_word(tlsmgm_verify_reason)


cdef extern from "serve/embed_table.h" nogil:
    const tlsmgm_greeting_table tlsmgm_greetings


cdef extern from "base/wipe.h" nogil:
    void tlsmgm_wipe(void *, size_t)


cdef extern from "base/alert.h" nogil:
    void tlsmgm_alert_record(tlsmgm_alert, uint8_t *)


cdef extern from "base/error.h" nogil:
    void tlsmgm_error_clear(tlsmgm_error *)


cdef extern from "base/blob.h" nogil:
    cdef struct tlsmgm_blob:
        uint8_t *data
        size_t size

    void tlsmgm_blob_free(tlsmgm_blob *)


cdef extern from "files/source.h" nogil:
    tlsmgm_status tlsmgm_source_read(const tlsmgm_source *, const char *, tlsmgm_blob *,
                                     tlsmgm_error *)
    tlsmgm_status tlsmgm_file_read(const char *, tlsmgm_blob *, tlsmgm_error *)


cdef extern from "base/buffer.h" nogil:
    cdef struct tlsmgm_buffer:
        size_t limit
        size_t capacity

    void tlsmgm_buffer_init(tlsmgm_buffer *, size_t)
    void tlsmgm_buffer_free(tlsmgm_buffer *)
    tlsmgm_status tlsmgm_buffer_append(tlsmgm_buffer *, const uint8_t *, size_t)
    tlsmgm_bytes tlsmgm_buffer_view(const tlsmgm_buffer *)
    size_t tlsmgm_buffer_size(const tlsmgm_buffer *)
    void tlsmgm_buffer_consume(tlsmgm_buffer *, size_t)


cdef extern from "kit/wire.h" nogil:
    const size_t TLSMGM_OUTPUT_HIGH_WATER

cdef extern from "hello/client_hello.h" nogil:
    const size_t TLSMGM_CLIENT_HELLO_LIMIT

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


cdef extern from "hello/first_flight.h" nogil:
    cdef struct tlsmgm_first_flight:
        tlsmgm_client_hello hello


cdef extern from "base/siphash.h" nogil:
    cdef struct tlsmgm_siphash_key:
        uint8_t bytes[16]


cdef extern from "match/match_index.h" nogil:
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

    tlsmgm_status tlsmgm_match_index_new(const tlsmgm_match_entry *, size_t,
                                         const tlsmgm_siphash_key *, tlsmgm_match_index **,
                                         tlsmgm_error *)
    void tlsmgm_match_index_free(tlsmgm_match_index *)
    uint32_t tlsmgm_match_index_find(const tlsmgm_match_index *, const uint8_t *, uint16_t,
                                     tlsmgm_bytes)
    size_t tlsmgm_match_index_memory(const tlsmgm_match_index *)


cdef extern from "serve/selector.h" nogil:
    cdef struct tlsmgm_selector

    cdef struct tlsmgm_local:
        uint8_t address[16]
        uint16_t port
        uint32_t listener

    tlsmgm_status tlsmgm_selector_new(tlsmgm_match_index *, const tlsmgm_ctx_handle *, size_t,
                                      size_t, uint64_t, tlsmgm_selector **, tlsmgm_error *)
    void tlsmgm_selector_free(tlsmgm_selector *)
    tlsmgm_status tlsmgm_selector_choose(const tlsmgm_selector *, const tlsmgm_local *,
                                         tlsmgm_bytes, uint32_t *, tlsmgm_error *)


cdef extern from "serve/acceptor.h" nogil:
    cdef enum tlsmgm_acceptor_state:
        TLSMGM_ACCEPTOR_READING
        TLSMGM_ACCEPTOR_PARKED
        TLSMGM_ACCEPTOR_STARTED
        TLSMGM_ACCEPTOR_ENDED

    cdef struct tlsmgm_acceptor:
        tlsmgm_first_flight flight
        tlsmgm_acceptor_state state
        uint32_t domain
        uint64_t generation

    void tlsmgm_acceptor_init(tlsmgm_acceptor *, tlsmgm_selector *, const tlsmgm_local *, size_t)
    void tlsmgm_acceptor_free(tlsmgm_acceptor *)
    tlsmgm_status tlsmgm_acceptor_hold(tlsmgm_acceptor *, const uint8_t *, size_t, size_t *)
    tlsmgm_status tlsmgm_acceptor_read(tlsmgm_acceptor *, tlsmgm_error *)
    tlsmgm_status tlsmgm_acceptor_start(tlsmgm_acceptor *, const tlsmgm_ctx_handle *,
                                        tlsmgm_conn **, tlsmgm_error *)


cdef extern from "session/ticket_keys.h" nogil:
    const size_t TLSMGM_TICKET_KEY_SIZE
    const size_t TLSMGM_TICKET_RING_MAX

    tlsmgm_status tlsmgm_ticket_keys_new(tlsmgm_ticket_keys **, tlsmgm_error *)
    void tlsmgm_ticket_keys_free(tlsmgm_ticket_keys *)
    void tlsmgm_ticket_keys_replace(tlsmgm_ticket_keys *, const uint8_t *, size_t)


cdef extern from "base/entry_guard.h" nogil:
    cdef struct tlsmgm_entry_guard:
        pass

    void tlsmgm_entry_guard_init(tlsmgm_entry_guard *)
    bint tlsmgm_entry_guard_enter(tlsmgm_entry_guard *)
    void tlsmgm_entry_guard_leave(tlsmgm_entry_guard *)


cdef extern from "files/pem.h" nogil:
    cdef enum tlsmgm_pem_noun:
        TLSMGM_PEM_A_CERTIFICATE
        TLSMGM_PEM_A_PRIVATE_KEY
        TLSMGM_PEM_AN_OPENSSH_KEY

    cdef struct tlsmgm_pem_item:
        tlsmgm_pem_noun noun
        tlsmgm_bytes label
        size_t number
        size_t line

    cdef struct tlsmgm_pem:
        size_t *numbers

    void tlsmgm_pem_begin(tlsmgm_pem *, tlsmgm_bytes, const char *, const char *)
    tlsmgm_status tlsmgm_pem_next(tlsmgm_pem *, tlsmgm_pem_item *, tlsmgm_error *)
    tlsmgm_status tlsmgm_pem_decode(const tlsmgm_pem_item *, tlsmgm_blob *, tlsmgm_error *)
    void tlsmgm_pem_place(const tlsmgm_pem *, const tlsmgm_pem_item *, char *, size_t)
    tlsmgm_status tlsmgm_pem_fail_missing(const tlsmgm_pem *, tlsmgm_pem_noun, tlsmgm_error *)


cdef extern from "x509/certificate_fields.h" nogil:
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
        tlsmgm_bytes public_key_info

    cdef enum tlsmgm_attribute:
        TLSMGM_COMMON_NAME
        TLSMGM_LOCALITY
        TLSMGM_COUNTRY
        TLSMGM_STATE
        TLSMGM_ORGANIZATION
        TLSMGM_ORGANIZATIONAL_UNIT
        TLSMGM_SERIAL_NUMBER

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


cdef extern from "x509/staple.h" nogil:
    ctypedef size_t (*tlsmgm_hasher)(int, tlsmgm_bytes, uint8_t *)

    cdef struct tlsmgm_staple:
        tlsmgm_certificate_time this_update
        tlsmgm_certificate_time next_update

    tlsmgm_status tlsmgm_staple_read(tlsmgm_bytes, tlsmgm_bytes, tlsmgm_hasher, tlsmgm_staple *,
                                     tlsmgm_error *)


cdef extern from "x509/certificate.h" nogil:
    cdef enum:
        TLSMGM_FOR_SERVERS
        TLSMGM_FOR_CLIENTS
        TLSMGM_FOR_GATED_SERVERS

    cdef struct tlsmgm_key_reference:
        pass

    cdef struct tlsmgm_certificate:
        bint has_extended_usage
        unsigned extended_usage

    tlsmgm_status tlsmgm_certificate_read(tlsmgm_bytes, tlsmgm_certificate *, tlsmgm_error *)
    bint tlsmgm_key_reference_fits(const tlsmgm_key_reference *, const tlsmgm_certificate *)


cdef extern from "x509/name_match.h" nogil:
    bint tlsmgm_names_match(tlsmgm_bytes, tlsmgm_bytes)


cdef extern from "x509/crl.h" nogil:
    cdef struct tlsmgm_crl_scope:
        bint is_contradictory
        bint only_attributes
        bint is_indirect
        bint has_reasons

    cdef struct tlsmgm_crl:
        tlsmgm_bytes issuer
        tlsmgm_crl_scope scope
        bint has_unknown_critical
        int64_t this_update
        int64_t next_update
        tlsmgm_key_reference signer
        bint is_delta

    tlsmgm_status tlsmgm_crl_read(tlsmgm_blob *, tlsmgm_crl *, tlsmgm_error *)
    void tlsmgm_crl_free(tlsmgm_crl *)


cdef extern from "files/identity.h" nogil:
    cdef struct tlsmgm_chain_item:
        tlsmgm_blob der
        char *place

    cdef struct tlsmgm_chain:
        tlsmgm_chain_item *items
        size_t count

    cdef struct tlsmgm_dh:
        tlsmgm_blob pem

    tlsmgm_status tlsmgm_chain_read(const tlsmgm_source *, const char *, tlsmgm_chain *,
                                    tlsmgm_error *)
    void tlsmgm_chain_free(tlsmgm_chain *)
    tlsmgm_status tlsmgm_dh_read(const tlsmgm_source *, const char *, tlsmgm_dh *, tlsmgm_error *)
    void tlsmgm_dh_free(tlsmgm_dh *)


cdef extern from "files/trust_items.h" nogil:
    cdef enum tlsmgm_trust_setting:
        TLSMGM_TRUST_REJECTED

    cdef struct tlsmgm_trust_item:
        tlsmgm_blob der
        char *where
        tlsmgm_trust_setting for_servers
        tlsmgm_trust_setting for_clients
        bint is_delta

    cdef struct tlsmgm_trust_items:
        tlsmgm_trust_item *cas
        size_t ca_count
        size_t ca_list_count
        tlsmgm_trust_item *crls
        size_t crl_count

    tlsmgm_status tlsmgm_trust_items_read(const tlsmgm_ctx_config *, tlsmgm_trust_items *,
                                          tlsmgm_error *)
    void tlsmgm_trust_items_free(tlsmgm_trust_items *)


cdef extern from "engine/relay.h" nogil:
    cdef enum tlsmgm_relay_status:
        TLSMGM_RELAY_STATUS_COUNT

    const char *tlsmgm_relay_status_word(tlsmgm_relay_status)

    cdef struct tlsmgm_relay_settings:
        uint32_t first_byte_timeout
        uint32_t handshake_timeout
        uint32_t connect_timeout
        uint32_t idle_timeout
        uint32_t send_timeout
        uint32_t linger_timeout
        uint32_t idle_records
        size_t high_water
        bint ends_plain_with_fin
        bint asks


cdef extern from "engine/routes.h" nogil:
    const uint32_t TLSMGM_ROUTE_ANY

    cdef struct tlsmgm_routes

    cdef struct tlsmgm_route_tls:
        tlsmgm_ctx_handle context
        tlsmgm_bytes server_name
        const char *verify_name

    cdef enum tlsmgm_balance:
        pass

    cdef struct tlsmgm_route_address:
        uint64_t sockaddr[16]
        uint32_t size
        uint32_t number
        uint32_t weight
        tlsmgm_route_tls tls

    cdef struct tlsmgm_route:
        uint32_t domain
        bint hands_over
        tlsmgm_balance balance
        const tlsmgm_route_address *addresses
        size_t count

    tlsmgm_status tlsmgm_routes_new(const tlsmgm_route *, size_t, tlsmgm_routes **, tlsmgm_error *)
    void tlsmgm_routes_free(tlsmgm_routes *)


cdef extern from "engine/plan.h" nogil:
    cdef enum tlsmgm_preface_kind:
        pass
    cdef enum tlsmgm_preface_values:
        pass

    cdef struct tlsmgm_plan:
        uint64_t number
        tlsmgm_selector *selector
        tlsmgm_routes *routes
        tlsmgm_relay_settings settings
        size_t hello_limit
        tlsmgm_preface_kind preface
        tlsmgm_preface_values values

    tlsmgm_status tlsmgm_plan_new(const tlsmgm_plan *, tlsmgm_plan **, tlsmgm_error *)
    void tlsmgm_plan_free(tlsmgm_plan *)
    bint tlsmgm_plan_is_alone(const tlsmgm_plan *)


cdef extern from "engine/admission.h" nogil:
    cdef struct tlsmgm_admission

    cdef struct tlsmgm_admission_limits:
        uint32_t max_connections
        uint32_t max_handshakes
        uint32_t max_handshakes_per_network
        uint8_t ipv4_prefix
        uint8_t ipv6_prefix

    cdef enum tlsmgm_admission_verdict:
        TLSMGM_ADMISSION_ADMITTED
        TLSMGM_ADMISSION_MAX_CONNECTIONS
        TLSMGM_ADMISSION_MAX_HANDSHAKES
        TLSMGM_ADMISSION_MAX_HANDSHAKES_PER_NETWORK

    cdef struct tlsmgm_admission_counts:
        uint32_t connections
        uint32_t handshakes
        uint32_t networks
        uint64_t refused_max_connections
        uint64_t refused_max_handshakes
        uint64_t refused_max_handshakes_per_network

    tlsmgm_status tlsmgm_admission_new(const tlsmgm_admission_limits *, const tlsmgm_siphash_key *,
                                       tlsmgm_admission **, tlsmgm_error *)
    void tlsmgm_admission_free(tlsmgm_admission *)
    void tlsmgm_admission_leave(tlsmgm_admission *)
    void tlsmgm_admission_count(tlsmgm_admission *, tlsmgm_admission_counts *)


cdef extern from "engine/record.h" nogil:
    uint64_t tlsmgm_worker_clock()

    cdef enum tlsmgm_record_kind:
        TLSMGM_RECORD_ENDED
        TLSMGM_RECORD_TURNED_AWAY
        TLSMGM_RECORD_CANNOT_ACCEPT
        TLSMGM_RECORD_UNTRUSTED

    const uint32_t TLSMGM_RECORD_NO_UPSTREAM

    cdef struct tlsmgm_record_conn:
        const tlsmgm_backend *backend
        tlsmgm_conn *conn

    cdef struct tlsmgm_record:
        tlsmgm_record_kind kind
        tlsmgm_admission_verdict verdict
        tlsmgm_relay_status status
        int error
        const char *reason
        tlsmgm_error failure
        uint32_t listener
        uint32_t domain
        uint32_t upstream
        uint64_t plan
        uint64_t accepted
        uint64_t ended
        uint64_t bytes_in
        uint64_t bytes_out
        tlsmgm_record_conn client_tls
        tlsmgm_record_conn upstream_tls
        uint8_t client[16]
        uint8_t local[16]
        uint8_t sender[16]
        uint16_t client_port
        uint16_t local_port
        uint16_t sender_port
        bint has_client_address
        bint has_sender
        bint is_tls
        bint is_established
        bint is_attached
        bint has_name
        uint8_t name_size
        uint8_t name[255]


cdef extern from "engine/record_ring.h" nogil:
    cdef struct tlsmgm_record_ring

    tlsmgm_status tlsmgm_record_ring_new(size_t, size_t, tlsmgm_record_ring **, tlsmgm_error *)
    void tlsmgm_record_ring_free(tlsmgm_record_ring *)
    const void *tlsmgm_record_ring_first(tlsmgm_record_ring *)
    size_t tlsmgm_record_ring_take(tlsmgm_record_ring *, void *, size_t)
    uint64_t tlsmgm_record_ring_lost(const tlsmgm_record_ring *)


cdef extern from "engine/record_count.h" nogil:
    cdef struct tlsmgm_record_count:
        uint32_t begun

    void tlsmgm_record_count_take(tlsmgm_record_count *, const uint8_t *, size_t)


cdef extern from "engine/handover.h" nogil:
    cdef struct tlsmgm_handover:
        int fd
        tlsmgm_record_conn tls
        tlsmgm_buffer unsent
        tlsmgm_record_count records
        tlsmgm_blob server_name
        tlsmgm_plan *plan
        tlsmgm_local local
        uint64_t accepted
        uint64_t handed_over
        uint32_t listener
        uint32_t domain
        uint16_t client_port
        uint8_t client[16]
        bint has_client_address

    void tlsmgm_handover_discard(tlsmgm_handover *)


cdef extern from "engine/question.h" nogil:
    cdef struct tlsmgm_question:
        uint64_t token
        uint64_t asked
        tlsmgm_local local
        uint16_t client_port
        uint8_t client[16]
        bint has_client_address
        uint8_t name_size
        uint8_t name[255]


cdef extern from "engine/worker.h" nogil:
    enum:
        TLSMGM_FAILURE_COUNT

    cdef struct tlsmgm_worker

    cdef struct tlsmgm_network:
        uint8_t address[16]
        uint8_t prefix

    cdef struct tlsmgm_worker_listener:
        int fd
        uint32_t number
        bint is_plain
        bint has_wildcard
        bint is_exclusive
        bint expects_header
        const tlsmgm_network *senders
        size_t sender_count
        tlsmgm_local local

    cdef struct tlsmgm_worker_config:
        const tlsmgm_worker_listener *listeners
        size_t listener_count
        tlsmgm_admission *admission
        tlsmgm_plan *plan
        tlsmgm_record_ring *records
        int bell
        tlsmgm_record_ring *handovers
        int handover_bell
        tlsmgm_record_ring *questions
        int question_bell
        bint tells_ends
        bint keeps_tls

    cdef struct tlsmgm_worker_counts:
        uint64_t connections
        uint64_t accepted
        uint64_t accept_errors
        uint64_t untrusted
        uint64_t handshakes_started
        uint64_t handshakes_completed
        uint64_t handshakes_resumed
        uint64_t handed_over
        uint64_t asked
        uint64_t flooded
        uint64_t pieces
        uint64_t paused
        uint64_t bytes_in
        uint64_t bytes_out
        uint64_t failed[32]
        uint64_t ended[64]

    tlsmgm_status tlsmgm_worker_new(const tlsmgm_worker_config *, tlsmgm_worker **, tlsmgm_error *)
    void tlsmgm_worker_free(tlsmgm_worker *)
    void tlsmgm_worker_run(tlsmgm_worker *)
    void tlsmgm_worker_post(tlsmgm_worker *, tlsmgm_plan *)
    void tlsmgm_worker_drain(tlsmgm_worker *, uint32_t)
    void tlsmgm_worker_stop(tlsmgm_worker *)
    void tlsmgm_worker_hold(tlsmgm_worker *)
    void tlsmgm_worker_release(tlsmgm_worker *)
    void tlsmgm_worker_forget(tlsmgm_worker *)
    tlsmgm_status tlsmgm_worker_adopt(tlsmgm_worker *, tlsmgm_handover *, tlsmgm_routes *,
                                      tlsmgm_error *)
    tlsmgm_status tlsmgm_worker_answer(tlsmgm_worker *, uint64_t, tlsmgm_plan *, tlsmgm_error *)
    void tlsmgm_worker_count(const tlsmgm_worker *, tlsmgm_worker_counts *)
