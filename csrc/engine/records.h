/* Records: how a worker tells what has become of its connections. */
#ifndef TLSMGM_RECORDS_H
#define TLSMGM_RECORDS_H

#include "engine/worker_state.h"

/* Wakes whoever sleeps until the bell rings; -1: nobody does. */
void tlsmgm_ring_bell(int bell);

/* Counts a connection that is over, and pushes its record. */
void tlsmgm_record_end(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* A limit keeps somebody out; told once in a while. has_address: the client has one. */
void tlsmgm_record_turned_away(struct tlsmgm_worker *worker,
                               const struct tlsmgm_worker_listener *listener,
                               enum tlsmgm_admission_verdict verdict, const uint8_t *address,
                               bool has_address);

/* Somebody who may not send the PROXY header that is due; told once in a while. */
void tlsmgm_record_untrusted(struct tlsmgm_worker *worker,
                             const struct tlsmgm_worker_listener *listener, const uint8_t *address,
                             bool has_address);

/* accept() says so; told once in a while. */
void tlsmgm_record_cannot_accept(struct tlsmgm_worker *worker,
                                 const struct tlsmgm_worker_listener *listener, int error);

#endif
