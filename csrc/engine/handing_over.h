/* Handing over: connections that leave a worker for the program, and some that come back. */
#ifndef TLSMGM_HANDING_OVER_H
#define TLSMGM_HANDING_OVER_H

#include "engine/worker_state.h"

/* The relay waits, and its route says so. False: nobody takes it; then it has been ended. */
bool tlsmgm_hand_over(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* Goes on with what the program has given back; NULL: there is no memory, and the client was
 * turned away. */
struct tlsmgm_channel *tlsmgm_take_back(struct tlsmgm_worker *worker,
                                        struct tlsmgm_adoption *adoption);

/* There is no worker any more that would. */
void tlsmgm_adoption_discard(struct tlsmgm_admission *admission, struct tlsmgm_adoption *adoption);

#endif
