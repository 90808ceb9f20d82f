#include "engine/wheel.h"

#include <limits.h>

/* Bits of a time that one level looks at. */
#define BITS 6u

_Static_assert(TLSMGM_WHEEL_SLOTS == 1u << BITS, "a slot for each value of a level's bits");
_Static_assert(TLSMGM_WHEEL_LEVELS *BITS >= 64, "levels for all bits of a time");

static void append(struct tlsmgm_timer *head, struct tlsmgm_timer *timer) {
    timer->next = head;
    timer->previous = head->previous;
    head->previous->next = timer;
    head->previous = timer;
}

void tlsmgm_wheel_init(struct tlsmgm_wheel *wheel, uint64_t now) {
    wheel->now = now;
    for (unsigned i = 0; i < TLSMGM_WHEEL_LEVELS; i++) wheel->used[i] = 0;
    for (unsigned i = 0; i < TLSMGM_WHEEL_LEVELS * TLSMGM_WHEEL_SLOTS; i++) {
        struct tlsmgm_timer *head = &wheel->slots[i];
        *head = (struct tlsmgm_timer){.next = head, .previous = head};
    }
}

/* Files a timer by its deadline and the wheel's time. What is past goes into the present slot. */
static void file(struct tlsmgm_wheel *wheel, struct tlsmgm_timer *timer) {
    uint64_t when = timer->deadline > wheel->now ? timer->deadline : wheel->now;
    uint64_t differing = when ^ wheel->now;
    unsigned level = differing == 0 ? 0 : (63u - (unsigned)__builtin_clzll(differing)) / BITS;
    unsigned slot = (unsigned)(when >> (level * BITS)) % TLSMGM_WHEEL_SLOTS;
    append(&wheel->slots[level * TLSMGM_WHEEL_SLOTS + slot], timer);
    wheel->used[level] |= UINT64_C(1) << slot;
}

void tlsmgm_wheel_set(struct tlsmgm_wheel *wheel, struct tlsmgm_timer *timer, uint64_t deadline) {
    tlsmgm_wheel_cancel(wheel, timer);
    timer->deadline = deadline;
    file(wheel, timer);
}

void tlsmgm_wheel_cancel(struct tlsmgm_wheel *wheel, struct tlsmgm_timer *timer) {
    if (!tlsmgm_timer_is_set(timer)) return;
    timer->next->previous = timer->previous;
    timer->previous->next = timer->next;
    if (timer->next == timer->previous) {
        /* It was the last of its slot: what remains is the head. */
        size_t index = (size_t)(timer->next - wheel->slots);
        wheel->used[index / TLSMGM_WHEEL_SLOTS] &= ~(UINT64_C(1) << index % TLSMGM_WHEEL_SLOTS);
    }
    timer->next = NULL;
    timer->previous = NULL;
}

/* The lowest level with a timer in it, which has the earliest ones; LEVELS: there is none. */
static unsigned lowest_level(const struct tlsmgm_wheel *wheel) {
    unsigned level = 0;
    while (level < TLSMGM_WHEEL_LEVELS && wheel->used[level] == 0) level++;
    return level;
}

static unsigned lowest_slot(const struct tlsmgm_wheel *wheel, unsigned level) {
    return (unsigned)__builtin_ctzll(wheel->used[level]);
}

/* The earliest time that belongs into a slot: the wheel's, with that level's bits and no lower
 * ones. */
static uint64_t start_of(const struct tlsmgm_wheel *wheel, unsigned level, unsigned slot) {
    unsigned shift = level * BITS;
    return ((wheel->now >> shift & ~UINT64_C(0x3f)) | slot) << shift;
}

/* Files all timers of a slot anew, now that its time has come; all of them go to lower levels. */
static void move_down(struct tlsmgm_wheel *wheel, unsigned level, unsigned slot) {
    struct tlsmgm_timer *head = &wheel->slots[level * TLSMGM_WHEEL_SLOTS + slot];
    struct tlsmgm_timer *timer = head->next;
    *head = (struct tlsmgm_timer){.next = head, .previous = head};
    wheel->used[level] &= ~(UINT64_C(1) << slot);
    while (timer != head) {
        struct tlsmgm_timer *next = timer->next;
        file(wheel, timer);
        timer = next;
    }
}

struct tlsmgm_timer *tlsmgm_wheel_expire(struct tlsmgm_wheel *wheel, uint64_t now) {
    if (now < wheel->now) now = wheel->now;
    for (;;) {
        unsigned level = lowest_level(wheel);
        if (level == TLSMGM_WHEEL_LEVELS) break;
        unsigned slot = lowest_slot(wheel, level);
        uint64_t start = start_of(wheel, level, slot);
        if (start > now) break;
        wheel->now = start;
        if (level == 0) {
            struct tlsmgm_timer *timer = wheel->slots[slot].next;
            tlsmgm_wheel_cancel(wheel, timer);
            return timer;
        }
        move_down(wheel, level, slot);
    }
    /* No slot between the old time and the new one is in use, so all stay on the right level. */
    wheel->now = now;
    return NULL;
}

int tlsmgm_wheel_timeout(const struct tlsmgm_wheel *wheel, uint64_t now) {
    if (now < wheel->now) now = wheel->now;
    unsigned level = lowest_level(wheel);
    if (level == TLSMGM_WHEEL_LEVELS) return -1;
    unsigned slot = lowest_slot(wheel, level);
    const struct tlsmgm_timer *head = &wheel->slots[level * TLSMGM_WHEEL_SLOTS + slot];
    /* Whoever is alone in the earliest slot need not be moved before its time. */
    bool is_alone = head->next == head->previous;
    uint64_t when = is_alone ? head->next->deadline : start_of(wheel, level, slot);
    if (when <= now) return 0;
    return when - now > INT_MAX ? INT_MAX : (int)(when - now);
}
