/* Entry guard: lets one thread in and turns a second one away, without waiting. */
#ifndef TLSMGM_ENTRY_GUARD_H
#define TLSMGM_ENTRY_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>

struct tlsmgm_entry_guard {
    atomic_flag taken;
};

static inline void tlsmgm_entry_guard_init(struct tlsmgm_entry_guard *guard) {
    atomic_flag_clear(&guard->taken);
}

/* False when somebody is inside. */
static inline bool tlsmgm_entry_guard_enter(struct tlsmgm_entry_guard *guard) {
    return !atomic_flag_test_and_set_explicit(&guard->taken, memory_order_acquire);
}

static inline void tlsmgm_entry_guard_leave(struct tlsmgm_entry_guard *guard) {
    atomic_flag_clear_explicit(&guard->taken, memory_order_release);
}

#endif
