/* Mailbox: what other threads ask of a worker, and the only lock that it has. */
#ifndef TLSMGM_MAILBOX_H
#define TLSMGM_MAILBOX_H

#include "engine/worker_state.h"

/* Of zeroed memory, and when nobody uses it any more. */
void tlsmgm_mailbox_init(struct tlsmgm_mailbox *mailbox);
void tlsmgm_mailbox_destroy(struct tlsmgm_mailbox *mailbox);

/* Takes the plan out that was posted last, if there is one: whoever is let in next gets it. */
void tlsmgm_mailbox_refresh(struct tlsmgm_worker *worker);

/* What else has been asked since it was opened last. */
struct tlsmgm_orders {
    bool stops;
    bool drains;
    uint32_t drain_timeout;
    uint32_t count; /* all so far; 0: nothing is new */
};
struct tlsmgm_orders tlsmgm_mailbox_open(struct tlsmgm_worker *worker);

/* Whoever waits learns that the orders so far are carried out. */
void tlsmgm_mailbox_answer(struct tlsmgm_worker *worker, const struct tlsmgm_orders *orders);

/* The worker begins to look into it, or never will again. */
void tlsmgm_mailbox_attend(struct tlsmgm_worker *worker, bool runs);

/* Nobody wakes it any more: the poller and its descriptors go. */
void tlsmgm_mailbox_sleep(struct tlsmgm_worker *worker);

/* Connections that have come back; NULL: none. */
struct tlsmgm_adoption *tlsmgm_mailbox_adoptions(struct tlsmgm_worker *worker);

/* Answers that have come; NULL: none. */
struct tlsmgm_answer *tlsmgm_mailbox_answers(struct tlsmgm_worker *worker);

/* From other threads; see the functions of worker.h that bear these names;
 * bring() is answer(). */
void tlsmgm_mailbox_post(struct tlsmgm_worker *worker, struct tlsmgm_plan *plan);
bool tlsmgm_mailbox_adopt(struct tlsmgm_worker *worker, struct tlsmgm_adoption *adoption);
bool tlsmgm_mailbox_bring(struct tlsmgm_worker *worker, struct tlsmgm_answer *answer);
void tlsmgm_mailbox_drain(struct tlsmgm_worker *worker, uint32_t timeout);
void tlsmgm_mailbox_stop(struct tlsmgm_worker *worker);

#endif
