/*
 * Introducing: the time between accept and the end of the PROXY header, on a listener that expects
 * one. The header is looked at where it lies in the system until it is whole, and only then taken,
 * to its last byte: so nothing is kept for it, and whatever stands behind it is still there for
 * the relay.
 */
#ifndef TLSMGM_INTRODUCING_H
#define TLSMGM_INTRODUCING_H

#include "engine/worker_state.h"

/*
 * While the channel's relay awaits a header: its socket may have more of it. Once it is whole, the
 * client is the one that it names, has its place among those that shake hands or is turned away,
 * and the relay begins. Where none comes that can be read, it ends.
 */
void tlsmgm_introduce(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                      const struct tlsmgm_ready *ready);

#endif
