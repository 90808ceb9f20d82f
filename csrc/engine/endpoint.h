/*
 * Endpoint: one side of a relayed connection, plain or TLS, over a transport that never waits.
 *
 *     wire -> room -> [TLS input] -> sink: [TLS output] -> room -> [pending] -> wire
 *                                                                 above high_water:
 *       <---------------- this side is not read ------------------ paused
 *
 * All that one step needs stands in a room that the endpoints of a thread share; only what a step
 * leaves behind is kept, so an idle endpoint has no buffers. It does not know its relay: what
 * happens stays in events until the relay has looked at it.
 */
#ifndef TLSMGM_ENDPOINT_H
#define TLSMGM_ENDPOINT_H

#include "base/blob.h"
#include "base/buffer.h"
#include "engine/record_count.h"
#include "engine/transport.h"
#include "serve/acceptor.h"

/* Bytes taken from the wire at a time. */
#define TLSMGM_READ_SIZE (128u << 10)

/* Bytes thrown away of a peer that is to hang up, before it is cut. */
#define TLSMGM_LINGER_BYTES (1u << 20)

/* Memory for one step of any endpoint of a thread. */
struct tlsmgm_room {
    uint8_t wire[TLSMGM_READ_SIZE];
    uint8_t plain[TLSMGM_READ_SIZE];
    uint8_t records[TLSMGM_READ_SIZE +
                    (TLSMGM_READ_SIZE / TLSMGM_RECORD_MAX + 1) * TLSMGM_RECORD_OVERHEAD];
};

enum tlsmgm_endpoint_event {
    TLSMGM_ENDPOINT_ESTABLISHED = 1,      /* data may flow; held until it is released */
    TLSMGM_ENDPOINT_INPUT_ENDED = 1 << 1, /* the peer has said that it sends nothing more */
    TLSMGM_ENDPOINT_FAILED = 1 << 2,      /* TLS has come to an end; an alert may have been sent */
    TLSMGM_ENDPOINT_PAUSED = 1 << 3,      /* as much as may waits for the peer */
    TLSMGM_ENDPOINT_LOST = 1 << 4,        /* the transport is gone; nothing comes after this */
    TLSMGM_ENDPOINT_FLOODS = 1 << 5,      /* too many records without data; then it has failed */
    TLSMGM_ENDPOINT_ASKS = 1 << 6,        /* no domain that is known answers its client */
};

/* Why an endpoint is not read. */
enum tlsmgm_hold {
    TLSMGM_HOLD_START = 1,     /* it has no sink yet */
    TLSMGM_HOLD_SINK = 1 << 1, /* the sink has too much to write */
    TLSMGM_HOLD_SELF = 1 << 2, /* the peer makes us answer and does not take the answers */
    TLSMGM_HOLD_ASK = 1 << 3,  /* it has no domain yet */
};

struct tlsmgm_endpoint {
    const struct tlsmgm_transport *transport;
    struct tlsmgm_room *room;
    struct tlsmgm_endpoint *sink;         /* where data goes; NULL until there is one */
    const struct tlsmgm_backend *backend; /* of conn */
    struct tlsmgm_conn *conn;             /* NULL: plain, or no ClientHello yet */
    struct tlsmgm_acceptor *acceptor;     /* a server's, until conn has read what came before it */
    struct tlsmgm_error *failure;         /* why TLS has ended; NULL: it has not */
    struct tlsmgm_blob server_name;       /* a server's: what its client has sent; empty: nothing */
    struct tlsmgm_buffer pending;         /* for the peer */
    size_t high_water;                    /* more in pending: the sink's source is not read */
    size_t discarded;                     /* bytes thrown away, once it discards */
    uint32_t domain;                      /* a server's: which one answers, or MATCH_NONE */
    uint64_t generation;                  /* of the selector that said so */
    uint64_t bytes_received;              /* application data of the peer */
    uint64_t bytes_taken;                 /* wire bytes that the system has taken for it */
    struct tlsmgm_record_count records;
    uint32_t pieces;       /* reads that have brought no whole record; its owner sets it to 0 */
    uint32_t idle_records; /* that have brought no data, in a row */
    uint32_t idle_limit;   /* how many of them may come, once data may flow; 0: no bound */
    int fd;                /* -1: there is no transport any more */
    int lost_error;        /* errno that has ended the transport; 0: it was closed */
    uint8_t events;        /* enum tlsmgm_endpoint_event, until the relay has looked at them */
    uint8_t holds;         /* enum tlsmgm_hold */
    bool is_tls;
    bool readable;        /* as far as we know */
    bool writable;        /* as far as we know */
    bool end_is_near;     /* the end of the peer's bytes has come, behind what is not read yet */
    bool resumes;         /* the last hold was taken back */
    bool is_armed;        /* without a word from us the system resets it */
    bool has_received;    /* any byte of the peer, of whatever kind */
    bool established;     /* data may flow */
    bool keeps_tickets;   /* a server's: they wait for tlsmgm_endpoint_flush(), or go along */
    bool paused;          /* pending has been above high_water, and is not far below it yet */
    bool transport_ended; /* the peer sends no more bytes */
    bool input_ended;     /* the peer has ended its direction in the way of its protocol */
    bool output_ended;    /* we have ended ours */
    bool discards;        /* what comes is thrown away until the peer hangs up */
    bool end_wanted;      /* the transport's direction ends behind pending */
    bool close_wanted;    /* the transport is closed behind pending */
};

/* An endpoint over a descriptor, which it owns from now on. Plain until one of the next two. */
void tlsmgm_endpoint_init(struct tlsmgm_endpoint *endpoint,
                          const struct tlsmgm_transport *transport, int fd,
                          struct tlsmgm_room *room, size_t high_water);

/* Resets the transport if it is still there, and frees the rest. */
void tlsmgm_endpoint_free(struct tlsmgm_endpoint *endpoint);

/* The peer is a client that speaks TLS. OK or NO_MEMORY. The selector is referred to. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_endpoint_accept_tls(struct tlsmgm_endpoint *endpoint,
                                                              struct tlsmgm_selector *selector,
                                                              const struct tlsmgm_local *local,
                                                              size_t hello_limit,
                                                              struct tlsmgm_error *error);

/* After that: where no domain answers, it asks before it refuses its client. */
void tlsmgm_endpoint_ask(struct tlsmgm_endpoint *endpoint);

/* While it asks, once: chooses in this selector, of which a reference is taken. NULL: it refuses.
 */
void tlsmgm_endpoint_answer(struct tlsmgm_endpoint *endpoint, struct tlsmgm_selector *selector);

/* The peer is a server that speaks TLS. conn belongs to the endpoint from now on. */
void tlsmgm_endpoint_connect_tls(struct tlsmgm_endpoint *endpoint,
                                 const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn);

/* The peer is a client whose handshake is done: data may flow. unsent is moved. */
void tlsmgm_endpoint_adopt(struct tlsmgm_endpoint *endpoint, const struct tlsmgm_backend *backend,
                           struct tlsmgm_conn *conn, struct tlsmgm_buffer *unsent);

/* Sends what TLS has for the peer, such as tickets that were kept. */
void tlsmgm_endpoint_flush(struct tlsmgm_endpoint *endpoint);

/* Forgets transport, connection, name and what was not sent: somebody else has taken them. */
void tlsmgm_endpoint_let_go(struct tlsmgm_endpoint *endpoint);

/* Why it cannot begin; copied. The first one stays. */
void tlsmgm_endpoint_note_failure(struct tlsmgm_endpoint *endpoint,
                                  const struct tlsmgm_error *error);

/* If the process is killed, the peer sees a reset. */
void tlsmgm_endpoint_arm(struct tlsmgm_endpoint *endpoint);

/* The transport is there: sends what goes before everything else, then begins. */
void tlsmgm_endpoint_begin(struct tlsmgm_endpoint *endpoint, struct tlsmgm_bytes preface);

/* What is new about a transport. */
struct tlsmgm_ready {
    bool readable;
    bool writable;
    bool ended; /* the peer's direction */
};

/* Does all that can be done: writes, reads, hands on. True: there is more, and others go first. */
bool tlsmgm_endpoint_step(struct tlsmgm_endpoint *endpoint, const struct tlsmgm_ready *ready);

/* Whether a step without news would find something to read; no event says so again. */
bool tlsmgm_endpoint_has_more(const struct tlsmgm_endpoint *endpoint);

/* Where its data goes from now on; that one may have too much to write already. */
void tlsmgm_endpoint_set_sink(struct tlsmgm_endpoint *endpoint, struct tlsmgm_endpoint *sink);

/* Stops reading until it is released, and takes a hold back. */
void tlsmgm_endpoint_hold(struct tlsmgm_endpoint *endpoint, enum tlsmgm_hold why);
void tlsmgm_endpoint_release(struct tlsmgm_endpoint *endpoint, enum tlsmgm_hold why);

/* Sends application data; what the peer does not take is kept. */
void tlsmgm_endpoint_send(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size);

/* Tells the peer that nothing more comes (close_notify and FIN); its direction stays open. */
void tlsmgm_endpoint_send_end(struct tlsmgm_endpoint *endpoint);

/* Closes behind everything that waits, however long the peer takes. */
void tlsmgm_endpoint_close(struct tlsmgm_endpoint *endpoint);

/*
 * Says goodbye, and throws away what still comes until the peer hangs up, too. To close with unread
 * bytes would make the system send a reset, on which the peer may lose our last words.
 */
void tlsmgm_endpoint_close_cleanly(struct tlsmgm_endpoint *endpoint);

/* Cuts it so that the peer cannot take that for a clean end. */
void tlsmgm_endpoint_reset(struct tlsmgm_endpoint *endpoint);

static inline bool tlsmgm_endpoint_is_open(const struct tlsmgm_endpoint *endpoint) {
    return endpoint->fd >= 0 && !endpoint->close_wanted;
}

/* Bytes that wait for the peer. */
static inline size_t tlsmgm_endpoint_pending(const struct tlsmgm_endpoint *endpoint) {
    return tlsmgm_buffer_size(&endpoint->pending);
}

#endif
