/* Channels: what a worker does for a connection, besides carrying its bytes. */
#ifndef TLSMGM_CHANNELS_H
#define TLSMGM_CHANNELS_H

#include "engine/worker_state.h"

/*
 * After each call of its relay: connects, queues it for another turn, sets its deadline; and once
 * it is over, records it, gives its places back and frees it.
 */
void tlsmgm_channel_look_after(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* It has a turn behind those that are queued already; once, however often it is queued. */
void tlsmgm_channel_queue(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

#endif
