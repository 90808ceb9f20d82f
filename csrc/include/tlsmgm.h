/*
 * tlsmgm: the contract between the programs and the TLS libraries.
 *
 * A backend is one const table of functions, struct tlsmgm_backend. A program asks a backend for
 * contexts (one per TLS domain, immutable) and for connections inside them. A connection does no
 * I/O: wire bytes go in with feed() and come out of output(); who carries them is not our matter.
 *
 *     bytes from the peer --> feed() --+             +--> read()  --> application data
 *                                      |  connection |
 *     bytes to the peer <-- output() <-+             +<-- write() <-- application data
 *
 * Rules that hold for every function here:
 *
 *   - Arguments are borrowed for the call. Results are written to memory of the caller, or are
 *     borrowed from the object that was asked, as long as the comment says.
 *   - X_new() pairs with X_free(); X_free(NULL) does nothing. When X_new() fails, *out is NULL.
 *   - A failing function fills the caller's struct tlsmgm_error, if one was given.
 *   - Contexts and ticket keys are counted references and may be used by many threads at once.
 *     A connection or a session belongs to one thread at a time.
 *   - Nothing here needs Python, and nothing here opens a socket or looks at the environment.
 *
 * This header is public. It compiles as C11 and as C++.
 */
#ifndef TLSMGM_H
#define TLSMGM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A program and a backend understand each other when both were compiled with the same number.
 * It grows whenever the layout or the meaning of anything in this header or in embed.h changes;
 * docs/embedding.md has the promise. New slots and fields go to the end.
 */
#define TLSMGM_CONTRACT_VERSION 5u

/* Name of the Python capsule in which an extension module hands over its const table. */
#define TLSMGM_BACKEND_CAPSULE "tlsmgm.backend"

/*
 * A status that nobody reads hides that its call did nothing. Unmarked are calls whose failure the
 * next one tells again, and which come when somebody is leaving; and, inside, those that only write
 * down a failure, since each of their callers knows the status.
 */
#if defined(__GNUC__)
#define TLSMGM_MUST_USE __attribute__((warn_unused_result))
#else
#define TLSMGM_MUST_USE
#endif

enum tlsmgm_status {
#define TLSMGM_STATUS(name, text, exception) TLSMGM_STATUS_##name,
#include "status.def"
#undef TLSMGM_STATUS
};

enum tlsmgm_verify_reason {
#define TLSMGM_VERIFY_REASON(name, word) TLSMGM_VERIFY_##name,
#include "verify_reason.def"
#undef TLSMGM_VERIFY_REASON
};

/* What a library can do beyond the floor that every backend must have (TLS 1.2, tickets, SNI). */
enum tlsmgm_feature {
    TLSMGM_FEATURE_TLS1_0 = 1u << 0,             /* TLS 1.0 can be negotiated */
    TLSMGM_FEATURE_TLS1_1 = 1u << 1,             /* TLS 1.1 can be negotiated */
    TLSMGM_FEATURE_TLS1_3 = 1u << 2,             /* TLS 1.3 can be negotiated */
    TLSMGM_FEATURE_CIPHER_EXPRESSIONS = 1u << 3, /* cipher_list takes HIGH:!aNULL and the like */
    TLSMGM_FEATURE_DH_PARAMS = 1u << 4,          /* own Diffie-Hellman parameters */
    TLSMGM_FEATURE_SESSION_EXPORT = 1u << 5,     /* sessions can be turned into bytes and back */
    TLSMGM_FEATURE_MLKEM = 1u << 6,              /* group X25519MLKEM768 */
    TLSMGM_FEATURE_RFC7919 = 1u << 7,            /* a client's finite fields go before dh_params */
};

/* Alerts that this code sends itself (RFC 8446 section 6). */
enum tlsmgm_alert {
    TLSMGM_ALERT_CLOSE_NOTIFY = 0,
    TLSMGM_ALERT_UNEXPECTED_MESSAGE = 10,
    TLSMGM_ALERT_RECORD_OVERFLOW = 22,
    TLSMGM_ALERT_HANDSHAKE_FAILURE = 40,
    TLSMGM_ALERT_BAD_CERTIFICATE = 42,
    TLSMGM_ALERT_ILLEGAL_PARAMETER = 47,
    TLSMGM_ALERT_DECODE_ERROR = 50,
    TLSMGM_ALERT_PROTOCOL_VERSION = 70,
    TLSMGM_ALERT_INTERNAL_ERROR = 80,
    TLSMGM_ALERT_USER_CANCELED = 90,
    TLSMGM_ALERT_UNRECOGNIZED_NAME = 112,
};

/*
 * Largest plain text of one record (RFC 8446 section 5.1), and what any suite here adds to it: with
 * so much room per record lend_output() spares every copy.
 */
#define TLSMGM_RECORD_MAX      16384u
#define TLSMGM_RECORD_OVERHEAD 96u

/* A fatal alert in a record of its own, in bytes. */
#define TLSMGM_ALERT_RECORD_SIZE 7u

/* No alert was sent or received. */
#define TLSMGM_NO_ALERT (-1)

/* Bytes that belong to somebody else. Not a string: no terminator is promised. */
struct tlsmgm_bytes {
    const uint8_t *data;
    size_t size;
};

/* What went wrong. Owned by the caller; never contains key material. */
struct tlsmgm_error {
    enum tlsmgm_status status;
    enum tlsmgm_verify_reason verify_reason; /* when status is TLSMGM_STATUS_VERIFY */
    int alert;                               /* sent or received, else TLSMGM_NO_ALERT */
    int64_t library_code;                    /* the library's own number, or 0 */
    const char *parameter; /* what is at fault, by the name that users know, or NULL; static */
    char text[256];        /* one sentence without a full stop, terminated */
};

/* Opaque; each backend has its own idea of the first three. */
struct tlsmgm_ctx;
struct tlsmgm_conn;
struct tlsmgm_session;

#define TLSMGM_TICKET_NAME_SIZE   16u
#define TLSMGM_TICKET_SECRET_SIZE 32u

/* A key that seals session tickets (RFC 5077 section 4). Wipe copies after use. */
struct tlsmgm_ticket_key {
    uint8_t name[TLSMGM_TICKET_NAME_SIZE]; /* public, stands in the ticket */
    uint8_t cipher[TLSMGM_TICKET_SECRET_SIZE];
    uint8_t mac[TLSMGM_TICKET_SECRET_SIZE];
};

struct tlsmgm_ticket_keys;

/* What a backend may ask a key ring, which locks itself. Every slot is filled. */
struct tlsmgm_ticket_keys_table {
    /* A further reference, and the end of one. */
    struct tlsmgm_ticket_keys *(*ref)(struct tlsmgm_ticket_keys *keys);
    void (*free)(struct tlsmgm_ticket_keys *keys);

    /* Copies the key that seals now; false when the ring is empty. */
    bool (*current)(struct tlsmgm_ticket_keys *keys, struct tlsmgm_ticket_key *out);

    /* Copies the key of this name; false when the ring has none. *is_current tells whether it
     * still seals. */
    bool (*find)(struct tlsmgm_ticket_keys *keys, const uint8_t name[TLSMGM_TICKET_NAME_SIZE],
                 struct tlsmgm_ticket_key *out, bool *is_current);
};

/* A key ring begins with its functions; what follows is for them alone. */
struct tlsmgm_ticket_keys {
    const struct tlsmgm_ticket_keys_table *table;
};

/*
 * A file or a value. With data, path is only how messages call it, or NULL for a value in memory.
 * Without, the file at path is read. Neither: not given. An empty file has data that is not NULL.
 */
struct tlsmgm_source {
    const char *path;
    struct tlsmgm_bytes data;
};

/* A directory, and the files in it where they have been read already; else they are read now. */
struct tlsmgm_directory {
    const char *path;                  /* NULL: not given */
    const struct tlsmgm_source *files; /* each with its path; NULL: not read yet */
    size_t count;
};

/*
 * Told of what can be used, but not as a whole: a CA that no chain can end in, a file that is
 * passed over. text is one sentence that names file and item; borrowed for the call. May not call
 * back.
 */
typedef void (*tlsmgm_warn)(void *argument, const char *parameter, const char *text);

/* Versions, as on the wire. */
#define TLSMGM_TLS1_2 0x0303
#define TLSMGM_TLS1_3 0x0304

/* One TLS domain, as ctx_new() takes it. Zeroes mean "not given". */
struct tlsmgm_ctx_config {
    bool is_server;

    /* Wire values, 0x0301 (TLS 1.0) to 0x0304 (TLS 1.3); 0: the end is open. */
    uint16_t lowest_version;
    uint16_t highest_version;

    /* TLS 1.2 names and TLS 1.3 suites in one list; a kind that is not named keeps its default.
     * An unknown suite is refused; of a keyword that no suite fits warn is told. */
    const char *cipher_list;
    const char *groups; /* one curve or a colon list, in order of preference */

    struct tlsmgm_source certificate; /* leaf first, then its chain */
    struct tlsmgm_source private_key;

    /* Another one, with a key of another kind: each client is shown the one it can verify. */
    struct tlsmgm_source certificate2;
    struct tlsmgm_source private_key2;
    struct tlsmgm_bytes passphrase; /* of encrypted private keys */
    struct tlsmgm_source dh_params;

    struct tlsmgm_source ca_list;    /* trusted; a server also names them to its clients */
    struct tlsmgm_directory ca_dir;  /* trusted; files named as "openssl rehash" names them; that
                                        there is none is told to warn */
    struct tlsmgm_directory crl_dir; /* every CRL in it, PEM or DER; at least one must be there */
    bool crl_check_all;              /* the whole chain, not the leaf only */

    /* DER of the response that is stapled to certificate (RFC 6066 section 8); or not given. */
    struct tlsmgm_source ocsp_response;
    bool require_staple; /* client: refuse servers that staple no good response */

    bool verify_peer;  /* server: ask for a certificate; both: refuse a bad one */
    bool require_peer; /* server: refuse a client that has none */
    int verify_depth;  /* intermediates allowed between leaf and trust anchor */

    /* Server: a client's chain that is not for clients counts if all of it is for servers
     * (extendedKeyUsage serverAuth, where there is one). */
    bool accept_server_eku;

    /* Names are SIP domains (RFC 5922); else they are hosts and addresses (RFC 9525). */
    bool sip_identity;
    const char *peer_names; /* separated by commas: the peer must have one of them; or NULL */

    /* Wire form of RFC 7301: one length byte, then the name, repeated; without comma and NUL. */
    struct tlsmgm_bytes alpn;

    /* Server: NULL means no resumption. The context takes its own reference. */
    struct tlsmgm_ticket_keys *ticket_keys;

    const char *keylog_file; /* secrets of all connections are appended to it; NULL: nothing is */

    /* Sessions are good only where the scope is the same. 1 to 31 bytes; see TLSMGM_SCOPE_MAX.
     * Empty: no session is offered or taken. */
    struct tlsmgm_bytes scope;

    tlsmgm_warn warn; /* may be NULL */
    void *warn_argument;

    int min_rsa_bits; /* of RSA keys in the peer's chain, its trust anchor too; 0: the library's */

    /* Refuse chains that break rules of RFC 5280 without which they could be judged, too; the
     * rules are those of OpenSSL's X509_V_FLAG_X509_STRICT. */
    bool strict_certificates;

    /*
     * Signature schemes of servers and of clients, best first, each as TLS 1.3 calls it
     * ("ecdsa_secp256r1_sha256") or as KEY+DIGEST ("RSA+SHA256"), separated by colons; NULL: the
     * library's. A client offers the first list and signs by the second, a server the other way
     * round. Without the second list the first one counts for both. What a library cannot keep
     * apart is UNSUPPORTED.
     */
    const char *signature_algorithms;
    const char *client_signature_algorithms;

    unsigned tickets; /* server: of TLS 1.3, after each handshake; 0: one. See TLSMGM_TICKETS_MAX */
};

/* wolfSSL does not resume at all when a session-ID context has 32 bytes, the length TLS allows. */
#define TLSMGM_SCOPE_MAX 31u

/* Most tickets after a handshake; each costs a server about as much as one message. */
#define TLSMGM_TICKETS_MAX 16u

/* Largest verify_depth. */
#define TLSMGM_VERIFY_DEPTH_MAX 100

/* Bounds of min_rsa_bits: less is refused anyway, and no library reads more. */
#define TLSMGM_RSA_BITS_MIN 2048
#define TLSMGM_RSA_BITS_MAX 16384

/* Largest Finished message. */
#define TLSMGM_FINISHED_MAX 64u

/* One connection, as conn_new() takes it. */
struct tlsmgm_conn_config {
    /*
     * Server: the name that our parser read in the ClientHello; data is NULL when none was sent.
     * The library must read the same, or the handshake dies. Client: the name to send.
     */
    struct tlsmgm_bytes server_name;

    /*
     * Server: what the ClientHello offers, in wire form, and whether TLS 1.2 is the highest version
     * that client and context share. It decides which of two certificates is shown.
     */
    struct tlsmgm_bytes signature_algorithms;
    struct tlsmgm_bytes cipher_suites;
    struct tlsmgm_bytes groups;
    bool up_to_1_2;

    /* Client: host name or IP address that the certificate must carry, or NULL to not ask. */
    const char *verify_name;

    /* Client: a session to offer, or NULL. One of another scope or other names is left unused, and
     * by a verifying context one whose peer was not verified. */
    const struct tlsmgm_session *session;
};

/* Bytes for a cipher described, its end included. */
#define TLSMGM_DESCRIPTION_SIZE 128

/* The connection as negotiated. Texts live as long as it does, alpn until the next call on it. */
struct tlsmgm_conn_info {
    uint16_t version;         /* wire value, 0 before the handshake settled it */
    const char *cipher;       /* OpenSSL's name up to TLS 1.2, IANA's in TLS 1.3, or NULL */
    int cipher_bits;          /* secret bits of the cipher */
    const char *group;        /* key exchange group, or NULL when not known */
    struct tlsmgm_bytes alpn; /* empty: none agreed */
    bool session_reused;
    bool
        is_unique; /* exported keying material is of this connection alone (RFC 7627); when known */
    bool has_peer_certificate;
    enum tlsmgm_verify_reason verify_reason; /* TLSMGM_VERIFY_NONE with a certificate: verified */
};

/*
 * A TLS library. Every slot is filled; what a library cannot do is a missing feature bit and the
 * status TLSMGM_STATUS_UNSUPPORTED. The table is const and lives as long as the process.
 */
struct tlsmgm_backend {
    uint32_t contract_version; /* TLSMGM_CONTRACT_VERSION it was compiled with */
    const char *name;          /* "openssl", "wolfssl" */

    /* Prepares the library. Call it once or often, from any thread, before anything else. */
    TLSMGM_MUST_USE enum tlsmgm_status (*init)(struct tlsmgm_error *error);

    /* Version of the library in use, as people write it: "3.5.4". Static. */
    const char *(*version)(void);

    /* Bits of enum tlsmgm_feature. */
    uint32_t (*features)(void);

    /* Suite number index of all that cipher_list may name; NULL past the last. Static. */
    const char *(*cipher_name)(size_t index);

    /*
     * Builds an immutable context. Reads files now and never again. On failure *out is NULL and
     * error names the parameter.
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*ctx_new)(const struct tlsmgm_ctx_config *config,
                                                  struct tlsmgm_ctx **out,
                                                  struct tlsmgm_error *error);

    /* Takes and gives back a reference; connections hold one of their own. */
    struct tlsmgm_ctx *(*ctx_ref)(struct tlsmgm_ctx *ctx);
    void (*ctx_free)(struct tlsmgm_ctx *ctx);

    /* DER of the context's own leaf certificate, borrowed from ctx; empty when there is none. */
    struct tlsmgm_bytes (*ctx_certificate)(const struct tlsmgm_ctx *ctx);

    /* Starts a connection. A client's first flight appears with the first handshake(). */
    TLSMGM_MUST_USE enum tlsmgm_status (*conn_new)(struct tlsmgm_ctx *ctx,
                                                   const struct tlsmgm_conn_config *config,
                                                   struct tlsmgm_conn **out,
                                                   struct tlsmgm_error *error);
    void (*conn_free)(struct tlsmgm_conn *conn);

    /* Copies bytes from the peer. TLSMGM_STATUS_NO_MEMORY when they pile up unread beyond the
     * bound. */
    TLSMGM_MUST_USE enum tlsmgm_status (*feed)(struct tlsmgm_conn *conn, const uint8_t *data,
                                               size_t size, struct tlsmgm_error *error);

    /*
     * As feed(), without the copy: data is borrowed until reclaim_input(), which copies what is
     * still unread; that is nothing after a WANT_READ of handshake() or read(). A new feed() or
     * lend_input() reclaims by itself. A failure ends no loan, conn_free() does.
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*lend_input)(struct tlsmgm_conn *conn, const uint8_t *data,
                                                     size_t size, struct tlsmgm_error *error);
    enum tlsmgm_status (*reclaim_input)(struct tlsmgm_conn *conn, struct tlsmgm_error *error);

    /* The transport has ended; what was fed before can still be read. */
    void (*feed_eof)(struct tlsmgm_conn *conn);

    /* Bytes for the peer, borrowed until the next call on conn; then how many were carried off. */
    struct tlsmgm_bytes (*output)(const struct tlsmgm_conn *conn);
    void (*output_consume)(struct tlsmgm_conn *conn, size_t size);

    /*
     * As output(), without the copy: bytes for the peer go to room as long as they fit there and
     * nothing older waits in output(), which takes the rest. The room is borrowed until
     * reclaim_output(), which returns how many bytes are in it; they come before those of output().
     */
    void (*lend_output)(struct tlsmgm_conn *conn, uint8_t *room, size_t size);
    size_t (*reclaim_output)(struct tlsmgm_conn *conn);

    /*
     * OK: complete. WANT_READ: carry output to the peer and feed its answer. Any other status is
     * fatal and latched: every later call gives it again. An alert may be waiting in output().
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*handshake)(struct tlsmgm_conn *conn,
                                                    struct tlsmgm_error *error);

    /* OK with *count > 0, WANT_READ, CLOSED (close_notify), TRUNCATED, or a fatal status. */
    TLSMGM_MUST_USE enum tlsmgm_status (*read)(struct tlsmgm_conn *conn, uint8_t *data, size_t size,
                                               size_t *count, struct tlsmgm_error *error);

    /* OK with *count <= size; WANT_WRITE and *count 0 when output() must be drained first; CLOSED
     * after our own shutdown(). */
    TLSMGM_MUST_USE enum tlsmgm_status (*write)(struct tlsmgm_conn *conn, const uint8_t *data,
                                                size_t size, size_t *count,
                                                struct tlsmgm_error *error);

    /* Sends close_notify once. OK: the peer's has come too, or there was no handshake yet.
     * WANT_READ: it has not. */
    enum tlsmgm_status (*shutdown)(struct tlsmgm_conn *conn, struct tlsmgm_error *error);

    void (*conn_info)(struct tlsmgm_conn *conn, struct tlsmgm_conn_info *info);

    /* The cipher in the columns of "openssl ciphers -v", newline at the end, in out's
     * TLSMGM_DESCRIPTION_SIZE bytes; empty: none yet. It takes longer than all of conn_info(). */
    void (*cipher_description)(struct tlsmgm_conn *conn, char *out);

    /*
     * DER of certificate number index of the chain that the peer sent, leaf first; empty past the
     * last. After resumption only the leaf is promised. Borrowed as long as conn lives.
     */
    struct tlsmgm_bytes (*peer_certificate)(struct tlsmgm_conn *conn, size_t index);

    /* DER of the certificate that we have shown; empty: none. Borrowed as long as conn lives. */
    struct tlsmgm_bytes (*own_certificate)(struct tlsmgm_conn *conn);

    /*
     * Secret bytes that both ends have, and nobody else (RFC 5705, RFC 8446 section 7.5). A context
     * whose data is NULL is none; up to TLS 1.2 that is something else than an empty one.
     */
    TLSMGM_MUST_USE enum tlsmgm_status (*export_keying_material)(struct tlsmgm_conn *conn,
                                                                 const char *label,
                                                                 struct tlsmgm_bytes context,
                                                                 uint8_t *out, size_t size,
                                                                 struct tlsmgm_error *error);

    /* Client: the session to offer next time; *out is NULL when the server gave none (yet), or the
     * context has no scope. */
    TLSMGM_MUST_USE enum tlsmgm_status (*conn_session)(struct tlsmgm_conn *conn,
                                                       struct tlsmgm_session **out,
                                                       struct tlsmgm_error *error);
    void (*session_free)(struct tlsmgm_session *session);

    /* Bytes of a session and back. *size is the room in data, then what it takes; data may be NULL
     * to ask. The bytes are secret. */
    TLSMGM_MUST_USE enum tlsmgm_status (*session_export)(const struct tlsmgm_session *session,
                                                         uint8_t *data, size_t *size,
                                                         struct tlsmgm_error *error);
    TLSMGM_MUST_USE enum tlsmgm_status (*session_import)(const uint8_t *data, size_t size,
                                                         struct tlsmgm_session **out,
                                                         struct tlsmgm_error *error);

    /*
     * Copies the Finished message that this end, or the peer, has sent in the handshake that is
     * complete, for tls-unique (RFC 5929 section 3). Returns its size; 0: it is not known.
     */
    size_t (*finished)(struct tlsmgm_conn *conn, bool of_peer, uint8_t out[TLSMGM_FINISHED_MAX]);

    /*
     * Schemes by which this end and the peer have signed in the handshake that is complete, as TLS
     * 1.3 calls them; NULL: not signed, or not known. Static.
     */
    void (*signatures)(struct tlsmgm_conn *conn, const char **own, const char **peer);
};

#ifdef __cplusplus
}
#endif

#endif
