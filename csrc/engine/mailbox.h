/* Mailbox: what other threads ask of a worker, and the only lock that it has. */
#ifndef TLSMGM_MAILBOX_H
#define TLSMGM_MAILBOX_H

#include "engine/worker_state.h"

/* Takes the plan out that was posted last, if there is one: whoever is let in next gets it. */
void tlsmgm_mailbox_refresh(struct tlsmgm_worker *worker);

/* What else has been asked since it was opened last. */
struct tlsmgm_orders {
    bool stops;
    bool drains;
    uint32_t drain_timeout;
};
struct tlsmgm_orders tlsmgm_mailbox_open(struct tlsmgm_worker *worker);

/* The worker begins, and: it lets nobody in any more. */
void tlsmgm_mailbox_begin(struct tlsmgm_worker *worker);
void tlsmgm_mailbox_closed(struct tlsmgm_worker *worker);

#endif
