/*
 * Connecting: the addresses of a route, one after the other, until one of them answers. One that
 * has said nothing for a moment goes on while the next is asked, and the first to answer is taken
 * (as RFC 8305 section 5 has it); two are asked at a time, each for its share of the time.
 */
#ifndef TLSMGM_CONNECTING_H
#define TLSMGM_CONNECTING_H

#include "engine/worker_state.h"

/* The relay waits: asks, and attaches an upstream that answers at once, or says that there is none.
 */
void tlsmgm_connect_begin(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* The socket that connects says something. True: it is the upstream's now. */
bool tlsmgm_connect_go_on(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* The relay has ended before anybody has answered. */
void tlsmgm_connect_give_up(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* The address that is being asked has had its moment, or its share of the time: asks the next. */
void tlsmgm_connect_expire(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel);

/* When that is to be called; TLSMGM_NEVER: not at all. */
uint64_t tlsmgm_connect_deadline(const struct tlsmgm_channel *channel);

/* Keeps the session that a TLS upstream has given, once there is one. */
void tlsmgm_connect_keep_session(struct tlsmgm_channel *channel);

/* It counts for no address any more. */
void tlsmgm_connect_forget(struct tlsmgm_channel *channel);

/* Closes the sockets that connect, if there are any. */
void tlsmgm_connect_abandon(struct tlsmgm_channel *channel);

#endif
