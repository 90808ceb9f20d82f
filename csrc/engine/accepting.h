/* Accepting: the listening sockets of a worker, and who may come in. */
#ifndef TLSMGM_ACCEPTING_H
#define TLSMGM_ACCEPTING_H

#include "engine/worker_state.h"

/* Begins to watch all of them, or pauses again. */
void tlsmgm_listeners_watch(struct tlsmgm_worker *worker);

/* An event of that one: takes some of its backlog. */
void tlsmgm_listeners_ready(struct tlsmgm_worker *worker, uint64_t token);

/*
 * Nobody new: hears no more SYN packets, where it can be so, and sets the timer last_call; end() is
 * called then. Elsewhere, or with no time, it has been called.
 */
void tlsmgm_listeners_drain(struct tlsmgm_worker *worker, uint32_t timeout);

/* Takes those who have connected before, as far as a backlog goes, and closes all. */
void tlsmgm_listeners_end(struct tlsmgm_worker *worker);

void tlsmgm_listeners_close(struct tlsmgm_worker *worker);

#endif
