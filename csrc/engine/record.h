/* Record: what remains of a connection that is over, for logs and statistics. */
#ifndef TLSMGM_RECORD_H
#define TLSMGM_RECORD_H

#include "engine/admission.h"
#include "engine/plan.h"

enum tlsmgm_record_kind {
    TLSMGM_RECORD_ENDED,         /* of a connection that had been let in */
    TLSMGM_RECORD_TURNED_AWAY,   /* one of those that a limit has kept out; now and then */
    TLSMGM_RECORD_CANNOT_ACCEPT, /* of an accept() that has failed; now and then */
    TLSMGM_RECORD_UNTRUSTED,     /* one who may not send a PROXY header where it is due; the same */
};

/* No upstream has been asked. */
#define TLSMGM_RECORD_NO_UPSTREAM UINT32_MAX

/* A TLS connection that belongs to whoever takes the record; conn NULL: there is none. */
struct tlsmgm_record_conn {
    const struct tlsmgm_backend *backend;
    struct tlsmgm_conn *conn;
};

/* Monotonic nanoseconds, the clock of all times that a worker tells: whoever compares them asks it.
 */
uint64_t tlsmgm_worker_clock(void);

/* Times are of that clock, so that records of several workers can be put in order. */
struct tlsmgm_record {
    enum tlsmgm_record_kind kind;
    enum tlsmgm_admission_verdict verdict; /* of TURNED_AWAY */
    enum tlsmgm_relay_status status;
    int error;                   /* errno, or 0 */
    const char *reason;          /* static; NULL: none, or failure or error says it */
    struct tlsmgm_error failure; /* of TLS, or of a PROXY header; status OK: it has not failed */
    uint32_t listener;
    uint32_t domain;   /* of the client; TLSMGM_MATCH_NONE: none was chosen */
    uint32_t upstream; /* number of the address that was asked last */
    uint64_t plan;     /* its number */
    uint64_t accepted;
    uint64_t ended;
    uint64_t bytes_in, bytes_out; /* application data of the client, of the upstream */
    struct tlsmgm_record_conn client_tls, upstream_tls;
    uint8_t client[16]; /* address, IPv4 mapped into IPv6; zero where it has none */
    uint8_t local[16];  /* where it has come in */
    uint8_t sender[16]; /* of the PROXY header that says so; as client */
    uint16_t client_port;
    uint16_t local_port;
    uint16_t sender_port;
    bool has_client_address;
    bool has_sender;
    bool is_tls;         /* the client was to speak TLS, and its time had come */
    bool is_established; /* its handshake has come to a good end */
    bool is_attached;    /* an upstream has answered */
    bool has_name;       /* the client has sent a server name */
    uint8_t name_size;   /* bytes of it */
    uint8_t name[255];
};

#endif
