/*
 * Relay: one client connection and its upstream, from accept to the end of both.
 *
 *     HANDSHAKE --established--> CONNECTING --established--> RELAYING --both ended--> CLOSING -->
 * OVER |                          |                          |
 *         +-- alert                  +-- unclean end            +-- error: the other side, too
 *
 * A side ends cleanly if the peer on the other side has announced that nothing more comes: by
 * close_notify, or by FIN where it is plain. Every other end is unclean, whoever has caused it, so
 * that nobody can take what it has for everything: truncation, a reset, an upstream that cannot be
 * reached, and what a deadline cuts. For a TLS neighbour that is a reset without close_notify, for
 * a plain one a reset unless the settings say FIN. A clean end of one direction leaves the other
 * alone.
 *
 * It is a pure state machine: its owner tells it what transports and the clock say, and looks at
 * phase, is_waiting, has_more and deadline after each call. Times are monotonic milliseconds.
 */
#ifndef TLSMGM_RELAY_H
#define TLSMGM_RELAY_H

#include "engine/endpoint.h"

enum tlsmgm_relay_phase {
    TLSMGM_RELAY_HANDSHAKE,
    TLSMGM_RELAY_CONNECTING,
    TLSMGM_RELAY_RELAYING,
    TLSMGM_RELAY_CLOSING,
    TLSMGM_RELAY_OVER, /* no transport is left; whatever is known of it may be read */
};

/* How it ended; tlsmgm_relay_status_word() has the words of the access log. */
enum tlsmgm_relay_status {
    TLSMGM_RELAY_OK,
    TLSMGM_RELAY_NO_DOMAIN,
    TLSMGM_RELAY_HANDSHAKE_FAILED,
    TLSMGM_RELAY_HELLO_TOO_LARGE,
    TLSMGM_RELAY_FIRST_BYTE_TIMEOUT,
    TLSMGM_RELAY_HANDSHAKE_TIMEOUT,
    TLSMGM_RELAY_BAD_PROXY_HEADER, /* where one is due, none came that can be read */
    TLSMGM_RELAY_UPSTREAM_FAILED,  /* no connection, or its handshake failed */
    TLSMGM_RELAY_UPSTREAM_TIMEOUT,
    TLSMGM_RELAY_CLIENT_CLOSED, /* no close_notify, but all was delivered */
    TLSMGM_RELAY_UPSTREAM_CLOSED,
    TLSMGM_RELAY_CLIENT_TRUNCATED, /* no close_notify, in the middle of something */
    TLSMGM_RELAY_UPSTREAM_TRUNCATED,
    TLSMGM_RELAY_CLIENT_ERROR, /* reset, fatal alert, broken record */
    TLSMGM_RELAY_UPSTREAM_ERROR,
    TLSMGM_RELAY_IDLE_TIMEOUT,
    TLSMGM_RELAY_SEND_TIMEOUT, /* one side does not take what waits for it */
    TLSMGM_RELAY_DRAINED,      /* cut when the engine was stopped */
    TLSMGM_RELAY_INTERNAL_ERROR,
    TLSMGM_RELAY_NOT_TAKEN,    /* the program did not take what was to be handed over */
    TLSMGM_RELAY_STATUS_COUNT, /* no status: how many there are */
};

/* Such as "client-truncated". */
const char *tlsmgm_relay_status_word(enum tlsmgm_relay_status status);

/* No deadline. */
#define TLSMGM_NEVER UINT64_MAX

/* Of a listener; borrowed by its relays. Milliseconds; 0: no bound, where a bound may be left out.
 */
struct tlsmgm_relay_settings {
    uint32_t first_byte_timeout; /* from accept to the first byte; may be 0 */
    uint32_t handshake_timeout;  /* from accept to the end of the client's handshake */
    uint32_t connect_timeout;    /* from there to that of the upstream's */
    uint32_t idle_timeout;       /* without data in either direction; may be 0 */
    uint32_t send_timeout;       /* in which a peer takes nothing of what waits for it */
    uint32_t linger_timeout;     /* for our last words */
    /* TLS records in a row that bring no data: KeyUpdate, attempts to renegotiate, empty ones */
    uint32_t idle_records;    /* 0: no bound */
    size_t high_water;        /* bytes that wait for one peer; then the other is not read */
    bool ends_plain_with_fin; /* what a plain neighbour sees of an unclean end */
    bool asks;                /* who may know a domain where none answers: for answer() */
};

enum tlsmgm_relay_side { TLSMGM_RELAY_CLIENT, TLSMGM_RELAY_UPSTREAM };

struct tlsmgm_relay {
    const struct tlsmgm_relay_settings *settings;
    struct tlsmgm_endpoint client;
    struct tlsmgm_endpoint upstream;
    enum tlsmgm_relay_phase phase;
    enum tlsmgm_relay_status status;
    const char *reason; /* static; NULL: none, or one of the next two says it */
    const struct tlsmgm_error
        *failure;       /* of TLS, or of a PROXY header; it lives as long, or NULL */
    int error;          /* errno, or 0 */
    bool awaits_header; /* for begin() or refuse() */
    bool is_asking;     /* for answer(); the time of the handshake runs */
    bool is_waiting;    /* for attach() or no_upstream() */
    bool has_upstream;
    bool has_ended_well; /* both sides have announced it, and what waits is still on its way */
    uint32_t pauses; /* how often as much waited for a receiver as may; its owner sets it to 0 */
    uint32_t floods; /* how often a peer has sent too many records without data; as pauses */
    bool has_more;   /* call ready() once others have had their turn: no event says so again */
    uint64_t started;
    uint64_t phase_started;
    struct tlsmgm_relay_moves {
        uint64_t received, taken; /* bytes */
        uint64_t taken_at;        /* when the second last grew */
        uint64_t discards_since;  /* 0: it does not discard */
    } moves[2];                   /* by side */
    uint64_t moved_at;            /* when anything last moved, in either direction */
    uint64_t deadline;            /* call expire() then; TLSMGM_NEVER: not at all */
};

/* Begins with a client that has been accepted; its descriptor belongs to the relay. */
void tlsmgm_relay_init(struct tlsmgm_relay *relay, const struct tlsmgm_relay_settings *settings,
                       const struct tlsmgm_transport *transport, struct tlsmgm_room *room, int fd,
                       uint64_t now);

/* Resets what is still there. */
void tlsmgm_relay_free(struct tlsmgm_relay *relay);

/*
 * After init(), where a PROXY header comes first: its owner reads that, and the time of the
 * client's first byte and handshake runs. Then begin(), unless it has ended by then.
 */
void tlsmgm_relay_await_header(struct tlsmgm_relay *relay, bool is_tls);

/* In place of begin(): no such header has come. failure is copied; error: errno, or 0. */
void tlsmgm_relay_refuse(struct tlsmgm_relay *relay, const struct tlsmgm_error *failure, int error,
                         uint64_t now);

/* After init(), once. selector NULL: the client speaks plain TCP. Without memory it soon is OVER.
 */
void tlsmgm_relay_begin(struct tlsmgm_relay *relay, struct tlsmgm_selector *selector,
                        const struct tlsmgm_local *local, size_t hello_limit, uint64_t now);

/*
 * While it is asking: what the owner knows. settings are those of the relay from now on, and the
 * selector chooses once more; NULL: nobody answers, and the client is refused.
 */
void tlsmgm_relay_answer(struct tlsmgm_relay *relay, const struct tlsmgm_relay_settings *settings,
                         struct tlsmgm_selector *selector, uint64_t now);

/*
 * Instead of begin(): goes on with a client that has been in, whose handshake is done; it waits for
 * an upstream. unsent is moved. conn NULL: it speaks plain TCP.
 */
void tlsmgm_relay_adopt(struct tlsmgm_relay *relay, const struct tlsmgm_backend *backend,
                        struct tlsmgm_conn *conn, struct tlsmgm_buffer *unsent, uint64_t now);

/* A transport may have become ready. True: that side has more; has_more is about both. */
bool tlsmgm_relay_ready(struct tlsmgm_relay *relay, enum tlsmgm_relay_side side,
                        const struct tlsmgm_ready *ready, uint64_t now);

/*
 * While it is waiting: the upstream, whose transport is there. preface goes before everything else.
 * conn NULL: it is plain; otherwise the relay owns it from now on.
 */
void tlsmgm_relay_attach(struct tlsmgm_relay *relay, int fd, struct tlsmgm_bytes preface,
                         const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn,
                         uint64_t now);

/* While it is waiting: there is none. reason is static; error: errno, or 0. */
void tlsmgm_relay_no_upstream(struct tlsmgm_relay *relay, enum tlsmgm_relay_status status,
                              const char *reason, int error, uint64_t now);

/* The deadline has come, or may have. */
void tlsmgm_relay_expire(struct tlsmgm_relay *relay, uint64_t now);

/* There is not what it takes, such as memory: ends all at once. reason is static, or NULL where
 * error, an errno, says it. */
void tlsmgm_relay_fail(struct tlsmgm_relay *relay, const char *reason, int error, uint64_t now);

/* The engine stops: ends what is not over, uncleanly where somebody waits for more. */
void tlsmgm_relay_stop(struct tlsmgm_relay *relay, uint64_t now);

/* The same, at once. */
void tlsmgm_relay_abort(struct tlsmgm_relay *relay, uint64_t now);

#endif
