/*
 * Worker: one thread of the engine, with its own listening sockets, poller, deadlines and relays.
 *
 *     run() in a thread:  wait -> accept, read, write, connect -> deadlines -> mailbox -> wait ...
 *     from others:        post() puts something into the mailbox, stop() and drain() end it
 *
 * All that connections of different workers share is counted by itself: plan, limits.
 * The mailbox has the only lock, and it is opened only after a wake.
 */
#ifndef TLSMGM_WORKER_H
#define TLSMGM_WORKER_H

#include "engine/worker_config.h"

struct tlsmgm_worker;

/* OK or NO_MEMORY; the listening sockets are closed by free(), or before new() returns nothing. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_worker_new(const struct tlsmgm_worker_config *config,
                                                     struct tlsmgm_worker **out,
                                                     struct tlsmgm_error *error);

/* Once run() has returned. */
void tlsmgm_worker_free(struct tlsmgm_worker *worker);

/* Works until stop(), or until nothing is left after drain(). */
void tlsmgm_worker_run(struct tlsmgm_worker *worker);

/*
 * Around a fork, from other threads: hold() waits until the worker does nothing, so that no lock of
 * a library is held in the child; release() lets it go on, in the parent.
 */
void tlsmgm_worker_hold(struct tlsmgm_worker *worker);
void tlsmgm_worker_release(struct tlsmgm_worker *worker);

/*
 * In the child of a fork, where run() goes on nowhere: closes its copies of all descriptors. Only
 * free() is left to call, which then frees nothing: a thread that is not here may have it in hand.
 */
void tlsmgm_worker_forget(struct tlsmgm_worker *worker);

/* Holds for the connections that are accepted from now on. */
void tlsmgm_worker_post(struct tlsmgm_worker *worker, struct tlsmgm_plan *plan);

/*
 * No new connections; those that are there have so many milliseconds, then they are stopped, and
 * have the linger_timeout for their last words. A second call can only make that shorter. Returns
 * once that has begun, or after a second.
 */
void tlsmgm_worker_drain(struct tlsmgm_worker *worker, uint32_t timeout);

/* At once; whoever is there is reset. */
void tlsmgm_worker_stop(struct tlsmgm_worker *worker);

/*
 * Gives a connection back that was handed over by a worker of the same admission, to be relayed to
 * where routes send all. OK: the handover is empty, whatever becomes of it is recorded, and its
 * place of admission is given back in the end. CLOSED: the worker has ended, or NO_MEMORY; then
 * nothing has changed.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_worker_adopt(struct tlsmgm_worker *worker,
                                                       struct tlsmgm_handover *handover,
                                                       struct tlsmgm_routes *routes,
                                                       struct tlsmgm_error *error);

/*
 * Answers a question of this worker: the client whom the token names goes on under the plan, as if
 * it had come in under it; the selector of that has the domain. NULL: it is refused. Nothing
 * happens where it has not waited. OK; CLOSED: the worker has ended; or NO_MEMORY.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_worker_answer(struct tlsmgm_worker *worker,
                                                        uint64_t token, struct tlsmgm_plan *plan,
                                                        struct tlsmgm_error *error);

void tlsmgm_worker_count(const struct tlsmgm_worker *worker, struct tlsmgm_worker_counts *out);

#endif
