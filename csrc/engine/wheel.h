/*
 * Wheel: the deadlines of one thread, in monotonic milliseconds that the caller hands in.
 *
 * A hierarchical timer wheel (Varghese and Lauck, 1987) over all 64 bits of a time. Each level has
 * a slot for each value of six bits, and a timer lies on the level of the highest bits in which its
 * deadline differs from the wheel's time. So each level is later than all below it, whatever has
 * the same slot moves down together when its time comes, ten times at most, and no deadline is too
 * far away. A bit for each slot that is in use leads past the empty ones, however far the clock
 * jumps.
 *
 * Nothing is allocated. set(), cancel() and timeout() take constant time, expire() amortised.
 */
#ifndef TLSMGM_WHEEL_H
#define TLSMGM_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLSMGM_WHEEL_LEVELS 11
#define TLSMGM_WHEEL_SLOTS  64

/* Part of what it times out. All zero: not set. It stays where it is as long as it is set. */
struct tlsmgm_timer {
    struct tlsmgm_timer *next, *previous;
    uint64_t deadline; /* read only */
};

/* Not to be moved or copied after init(). */
struct tlsmgm_wheel {
    uint64_t now; /* nothing due before it is left; never goes back */
    /* A bit for each slot with a timer in it. */
    uint64_t used[TLSMGM_WHEEL_LEVELS];
    /* Heads of rings, level by level. */
    struct tlsmgm_timer slots[TLSMGM_WHEEL_LEVELS * TLSMGM_WHEEL_SLOTS];
};

void tlsmgm_wheel_init(struct tlsmgm_wheel *wheel, uint64_t now);

/* Sets a timer, or moves one of this wheel that is set. A deadline in the past is due at once. */
void tlsmgm_wheel_set(struct tlsmgm_wheel *wheel, struct tlsmgm_timer *timer, uint64_t deadline);

/* Harmless when it is not set. */
void tlsmgm_wheel_cancel(struct tlsmgm_wheel *wheel, struct tlsmgm_timer *timer);

static inline bool tlsmgm_timer_is_set(const struct tlsmgm_timer *timer) {
    return timer->next != NULL;
}

/*
 * Takes a timer whose deadline is not after now off the wheel; NULL: there is none left. They come
 * in the order of their deadlines; whatever was past when it was set comes next. So one that is set
 * anew for now or earlier comes again in the same row. A now that is earlier than the latest counts
 * as that.
 */
struct tlsmgm_timer *tlsmgm_wheel_expire(struct tlsmgm_wheel *wheel, uint64_t now);

/*
 * Milliseconds until expire() is to be called: never past the earliest deadline, but perhaps before
 * it, to move timers down. 0: now; -1: no timer is set. At most INT_MAX.
 */
int tlsmgm_wheel_timeout(const struct tlsmgm_wheel *wheel, uint64_t now);

#endif
