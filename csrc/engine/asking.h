/* Asking: clients whom no domain answers wait for a program that may know one. */
#ifndef TLSMGM_ASKING_H
#define TLSMGM_ASKING_H

#include "engine/worker_state.h"

/* The relay is asking. Where nobody takes the question, its client is refused at once. */
void tlsmgm_ask(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/*
 * Frees an answer and does as it says. Returns whose it was; NULL: the client has not waited for
 * it.
 */
struct tlsmgm_channel *tlsmgm_take_answer(struct tlsmgm_worker *worker,
                                          struct tlsmgm_answer *answer);

/* There is no worker any more that would. */
void tlsmgm_answer_discard(struct tlsmgm_answer *answer);

#endif
