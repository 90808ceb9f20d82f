/*
 * Plan: what holds for the connections that come in from now on, in one counted, immutable piece.
 * A reload posts a new one; whoever came in before keeps the one that it came in under.
 */
#ifndef TLSMGM_PLAN_H
#define TLSMGM_PLAN_H

#include "engine/preface.h"
#include "engine/relay.h"
#include "engine/routes.h"

struct tlsmgm_plan {
    uint64_t number;                  /* tells it from others; it is in the records */
    struct tlsmgm_selector *selector; /* of clients that speak TLS; NULL: there are none */
    struct tlsmgm_routes *routes;     /* NULL: there are none, and nobody reaches an upstream */
    struct tlsmgm_relay_settings settings;
    size_t hello_limit; /* bytes of the largest ClientHello; 0: as the selector says */
    enum tlsmgm_preface_kind preface;  /* what an upstream is told first */
    enum tlsmgm_preface_values values; /* and how much of it */
};

/* Takes references to what the copy refers to. OK or NO_MEMORY. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_plan_new(const struct tlsmgm_plan *plan,
                                                   struct tlsmgm_plan **out,
                                                   struct tlsmgm_error *error);
struct tlsmgm_plan *tlsmgm_plan_ref(struct tlsmgm_plan *plan); /* NULL is legal in both */
void tlsmgm_plan_free(struct tlsmgm_plan *plan);

/*
 * Whether nobody but the one who asks has a reference. All records of connections under this plan
 * have been pushed by then.
 */
bool tlsmgm_plan_is_alone(const struct tlsmgm_plan *plan);

#endif
