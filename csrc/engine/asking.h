/* Asking: clients whom no domain answers wait for a program that may know one. */
#ifndef TLSMGM_ASKING_H
#define TLSMGM_ASKING_H

#include "engine/worker_state.h"

/* The relay is asking. Where nobody takes the question, its client is refused at once. */
void tlsmgm_ask(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* Keeps an answer; returns whose turn is due. NULL: nobody has waited for it, and it is freed. */
struct tlsmgm_channel *tlsmgm_keep_answer(struct tlsmgm_worker *worker,
                                          struct tlsmgm_answer *answer);

/* In that turn: does as it says, and frees it. */
void tlsmgm_obey_answer(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* There is nobody any more who would; NULL: there is none. */
void tlsmgm_answer_discard(struct tlsmgm_answer *answer);

#endif
