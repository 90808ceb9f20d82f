/*
 * What a worker consists of, for the files that it consists of. Each has a part of the work:
 *
 *     slots.c        who is where, and which event is for whom
 *     connecting.c   upstreams, until one answers
 *     channels.c     what a relay wants after it was called, and what remains of it
 *     accepting.c    listening sockets, and who may come in
 *     syn_filter.c   how a listening socket is deaf for new ones, before its end
 *     introducing.c  PROXY headers, where a listener expects them
 *     turning_away.c those for whom there is no memory
 *     records.c      what is told of connections that are over
 *     asking.c       clients whom no domain answers, while the program looks for one
 *     handing_over.c connections that leave for the program, and that come back
 *     mailbox.c      what other threads ask for
 *     worker.c       the loop
 */
#ifndef TLSMGM_WORKER_STATE_H
#define TLSMGM_WORKER_STATE_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "engine/counters.h"
#include "engine/poller.h"
#include "engine/wheel.h"
#include "engine/worker_config.h"

/* A connection in its slot. */
struct tlsmgm_channel {
    struct tlsmgm_relay relay;
    struct tlsmgm_timer timer; /* never later than the relay's deadline */
    struct tlsmgm_channel *next_turn;
    struct tlsmgm_ready news;     /* of one that has just come, for its turn */
    struct tlsmgm_answer *answer; /* owned: to its question, for its turn; NULL: there is none */
    const struct tlsmgm_worker_listener *listener;
    const struct tlsmgm_route_address *address; /* that is being asked */
    const struct tlsmgm_route_address *elder;   /* that was asked before it, and may still answer */
    const struct tlsmgm_route_address *counted; /* for which it counts, or NULL */
    struct tlsmgm_plan *plan;                   /* a reference: the one that it came in under */
    struct tlsmgm_routes
        *routes; /* that a program has chosen, a reference; NULL: those of the plan */
    struct tlsmgm_route_tries tries;
    uint64_t accepted;     /* of tlsmgm_worker_clock() */
    uint64_t try_deadline; /* when the next address has its turn; TLSMGM_NEVER: not at all */
    uint64_t race_at;      /* when it is asked beside this one; as try_deadline */
    struct tlsmgm_local local;
    uint32_t index;
    uint32_t asked;   /* how many addresses */
    int connecting;   /* descriptor, or -1 */
    int elder_socket; /* the elder's, or -1 */
    uint16_t client_port;
    uint16_t sender_port;
    uint8_t client[16];
    uint8_t sender[16]; /* of the PROXY header */
    bool has_client_address;
    bool has_sender;
    bool has_asked;      /* for a domain */
    bool is_turned_away; /* a limit has struck when the header was read: it leaves no record */
    bool is_queued;
    bool holds_handshake; /* a place of those that shake hands */
    bool has_session;     /* the one that the upstream gave was kept */
    bool asked_session;   /* that was seen to when its first data came */
};

struct tlsmgm_slot {
    struct tlsmgm_channel *channel; /* NULL: free */
    uint32_t generation;            /* of what is or was here; listeners have 0 */
    uint32_t next_free;
};

#define TLSMGM_NO_SLOT UINT32_MAX

/* What a worker tells now and then: one that cannot accept, each verdict of admission, and this. */
#define TLSMGM_NOTICE_UNTRUSTED (TLSMGM_ADMISSION_MAX_HANDSHAKES_PER_NETWORK + 1)
#define TLSMGM_NOTICES          (TLSMGM_NOTICE_UNTRUSTED + 1)

/* A connection that comes back from the program, and where it goes. */
struct tlsmgm_adoption {
    struct tlsmgm_handover handover;
    struct tlsmgm_routes *routes; /* with one route for all; a reference */
    struct tlsmgm_adoption *next;
};

/* What is to become of a client who waits for it. */
struct tlsmgm_answer {
    uint64_t token;
    struct tlsmgm_plan *plan; /* that has its domain, a reference; NULL: it is refused */
    struct tlsmgm_answer *next;
};

/* What others have asked for. */
struct tlsmgm_mailbox {
    pthread_mutex_t lock;
    struct tlsmgm_plan *plan;
    struct tlsmgm_adoption *adoptions; /* the first one, which came last */
    struct tlsmgm_answer *answers;     /* the same */
    uint32_t drain_timeout;
    bool drains;
    bool stops;
    bool runs;                /* somebody will open it */
    bool has_ended;           /* nobody will open it again */
    pthread_cond_t changed;   /* the next, or runs */
    uint32_t ordered, obeyed; /* orders so far, and how many of them are carried out */
    atomic_bool has_plan;     /* nobody takes the lock to find nothing */
    atomic_bool has_orders;
    atomic_bool has_adoptions;
    atomic_bool has_answers;
};

struct tlsmgm_worker {
    struct tlsmgm_worker_listener *listeners;
    size_t listener_count;
    struct tlsmgm_admission *admission;
    struct tlsmgm_plan *plan;
    struct tlsmgm_record_ring *records;
    struct tlsmgm_record_ring *handovers;
    int bell;
    int handover_bell;
    bool has_handed_over; /* and is to ring */
    struct tlsmgm_record_ring *questions;
    int question_bell;
    bool tells_ends;
    bool keeps_tls;
    struct tlsmgm_poller
        *poller; /* NULL once it has ended; from other threads with the lock of the mailbox */
    struct tlsmgm_slot *slots;
    uint32_t slot_count;
    uint32_t free_slot;
    struct tlsmgm_channel *first_turn; /* those with more to do, in their order */
    struct tlsmgm_channel **last_turn;
    pthread_mutex_t turn; /* held by run(), but not while it waits for events */
    bool is_forgotten;    /* in a forked process */
    struct tlsmgm_mailbox mailbox;
    struct tlsmgm_counters counters;
    uint32_t connections;
    uint64_t next_notice[TLSMGM_NOTICES]; /* when the next one may be pushed */
    uint64_t now;
    uint64_t drained_at;           /* when what is left is ended; TLSMGM_NEVER: it does not drain */
    bool is_stopping;              /* they were stopped, and linger */
    struct tlsmgm_timer pause;     /* set: no listener is watched */
    struct tlsmgm_timer last_call; /* set: it drains, and takes those who have connected before */
    struct tlsmgm_wheel wheel;
    struct tlsmgm_room room;
};

/* Where a connection may go. */
static inline struct tlsmgm_routes *tlsmgm_channel_routes(const struct tlsmgm_channel *channel) {
    return channel->routes != NULL ? channel->routes : channel->plan->routes;
}

/* That is our own trouble, whatever address is asked. */
static inline bool tlsmgm_is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == ENOSPC;
}

/* Small answers do not wait for the peer's acknowledgement. */
static inline void tlsmgm_set_nodelay(int fd) {
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* unix: has none */
}

#endif
