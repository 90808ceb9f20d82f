/* Turning away: connections that were admitted, and find no memory. */
#ifndef TLSMGM_TURNING_AWAY_H
#define TLSMGM_TURNING_AWAY_H

#include "engine/worker_state.h"

/*
 * There is no memory for a slot. What would have been in it is the caller's, with a relay that has
 * not begun: the client is reset, counted and recorded, and all that it has is given back.
 */
void tlsmgm_channel_turn_away(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* Its handshake is over, if it has a place among those in progress. */
void tlsmgm_give_back_handshake(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

#endif
