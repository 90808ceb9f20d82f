#include "engine/plan.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"

struct counted {
    struct tlsmgm_plan plan; /* first: everybody else knows this part */
    atomic_size_t references;
};

static struct counted *counted_of(struct tlsmgm_plan *plan) { return (struct counted *)plan; }

enum tlsmgm_status tlsmgm_plan_new(const struct tlsmgm_plan *plan, struct tlsmgm_plan **out,
                                   struct tlsmgm_error *error) {
    struct counted *made = tlsmgm_calloc(1, sizeof *made);
    *out = NULL;
    if (made == NULL) return tlsmgm_fail_memory(error);
    made->plan = *plan;
    (void)tlsmgm_selector_ref(plan->selector);
    (void)tlsmgm_routes_ref(plan->routes);
    atomic_init(&made->references, 1);
    *out = &made->plan;
    return TLSMGM_STATUS_OK;
}

struct tlsmgm_plan *tlsmgm_plan_ref(struct tlsmgm_plan *plan) {
    if (plan != NULL) {
        (void)atomic_fetch_add_explicit(&counted_of(plan)->references, 1, memory_order_relaxed);
    }
    return plan;
}

void tlsmgm_plan_free(struct tlsmgm_plan *plan) {
    if (plan == NULL || atomic_fetch_sub(&counted_of(plan)->references, 1) > 1) return;
    tlsmgm_selector_free(plan->selector);
    tlsmgm_routes_free(plan->routes);
    tlsmgm_free(plan);
}

bool tlsmgm_plan_is_alone(const struct tlsmgm_plan *plan) {
    return atomic_load(&((const struct counted *)plan)->references) == 1;
}
