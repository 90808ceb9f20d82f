/*
 * Both ends before they meet: contexts, certificates and sessions, as the first bytes of an input
 * choose them. The target is what is tested, the peer is an honest client or server of the same
 * backend, whose words will be twisted on the way.
 */
#ifndef FUZZ_RIG_H
#define FUZZ_RIG_H

#include "input.h"

extern const struct tlsmgm_backend *const fuzz_backend;

struct rig {
    bool target_is_server;
    bool is_raw; /* the library meets the bytes without our reader of ClientHellos before it */
    uint16_t version;
    struct tlsmgm_ctx *target;
    struct tlsmgm_ctx *peer;
    struct tlsmgm_ctx *own_peer;          /* made for this run alone, or NULL */
    const struct tlsmgm_session *session; /* for the client to offer, or NULL */
    struct tlsmgm_bytes name;             /* for the client to send; data is NULL for none */

    bool verifies_peer;       /* what the target wants to know of its peer */
    bool needs_peer;          /* no connection without a certificate */
    struct tlsmgm_bytes leaf; /* what that must be where it is verified */
    bool peer_is_acceptable;  /* for sure: a handshake that nobody twists goes well */
};

/* Once. target_is_server: which end is tested. */
void rig_begin(bool target_is_server);

struct rig rig_of(struct input *input);
void rig_free(struct rig *rig);

struct tlsmgm_conn *rig_client(const struct rig *rig);
struct tlsmgm_conn *rig_server(const struct rig *rig, struct tlsmgm_bytes name);

#endif
