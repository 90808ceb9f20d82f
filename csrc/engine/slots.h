/* Slots: the connections of a worker, and the tokens by which events name them. */
#ifndef TLSMGM_SLOTS_H
#define TLSMGM_SLOTS_H

#include "engine/worker_state.h"

/* Of one side of a connection; a listener's is smaller than any of these. */
uint64_t tlsmgm_channel_token(const struct tlsmgm_worker *worker,
                              const struct tlsmgm_channel *channel, enum tlsmgm_relay_side side);

/* Whose event that is. NULL: of something that is gone. */
struct tlsmgm_channel *tlsmgm_channel_of(const struct tlsmgm_worker *worker, uint64_t token);

/* A place for a connection, all zero but where it is; NULL: there is no memory. */
struct tlsmgm_channel *tlsmgm_channel_new(struct tlsmgm_worker *worker);
void tlsmgm_channel_free(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

#endif
