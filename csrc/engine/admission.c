#include "engine/admission.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/*
 * A lock for each part of the table is held for one look-up, some fifty nanoseconds of the tens of
 * microseconds that a handshake costs its worker; with 64 parts two workers hardly ever meet. What
 * gets by without locks would have to keep freed slots for readers that are still there, and so
 * memory that nobody bounds.
 */
#define SHARD_BITS 6u
#define SHARDS     (1u << SHARD_BITS)

#define SLOTS_MIN 8u /* of a shard, once it has had a network */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* What clients of one network have in common: its first address. */
struct network {
    uint8_t address[16]; /* zeros unless has_address */
    bool has_address;
};

/* Free while count is 0. */
struct slot {
    struct network network;
    uint32_t count; /* of handshakes */
};

/* Open addressing, linear; at least one slot is free, so that every search ends. */
struct shard {
    pthread_mutex_t lock; /* guards everything here */
    struct slot *slots;   /* NULL while capacity is 0 */
    uint32_t capacity;    /* a power of two, or 0 */
    uint32_t used;
};

struct tlsmgm_admission {
    struct tlsmgm_admission_limits limits;
    struct tlsmgm_siphash_key key;
    /* They count and publish nothing else, so that no order is needed around them. */
    atomic_uint_least32_t connections;
    atomic_uint_least32_t handshakes;
    atomic_uint_least64_t refused[TLSMGM_ADMISSION_MAX_HANDSHAKES_PER_NETWORK + 1];
    struct shard shards[SHARDS];
};

static void free_shards(struct tlsmgm_admission *admission, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)pthread_mutex_destroy(&admission->shards[i].lock);
        tlsmgm_free(admission->shards[i].slots);
    }
}

static enum tlsmgm_status check_limits(const struct tlsmgm_admission_limits *limits,
                                       struct tlsmgm_error *error) {
    if (limits->ipv4_prefix > 32) {
        return tlsmgm_fail_parameter(error, "ipv4_prefix", "cannot be %d (0 to 32 bits)",
                                     limits->ipv4_prefix);
    }
    if (limits->ipv6_prefix > 128) {
        return tlsmgm_fail_parameter(error, "ipv6_prefix", "cannot be %d (0 to 128 bits)",
                                     limits->ipv6_prefix);
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_admission_new(const struct tlsmgm_admission_limits *limits,
                                        const struct tlsmgm_siphash_key *key,
                                        struct tlsmgm_admission **out, struct tlsmgm_error *error) {
    *out = NULL;
    enum tlsmgm_status status = check_limits(limits, error);
    if (status != TLSMGM_STATUS_OK) return status;
    struct tlsmgm_admission *admission = tlsmgm_calloc(1, sizeof *admission);
    if (admission == NULL) return tlsmgm_fail_memory(error);
    admission->limits = *limits;
    admission->key = *key;
    atomic_init(&admission->connections, 0);
    atomic_init(&admission->handshakes, 0);
    for (size_t i = 0; i < sizeof admission->refused / sizeof admission->refused[0]; i++) {
        atomic_init(&admission->refused[i], 0);
    }
    for (size_t i = 0; i < SHARDS; i++) {
        if (pthread_mutex_init(&admission->shards[i].lock, NULL) == 0) continue;
        free_shards(admission, i);
        tlsmgm_free(admission);
        return tlsmgm_fail_memory(error);
    }
    *out = admission;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_admission_free(struct tlsmgm_admission *admission) {
    if (admission == NULL) return;
    free_shards(admission, SHARDS);
    tlsmgm_free(admission);
}

/* The table of networks. */

static struct network network_of(const struct tlsmgm_admission_limits *limits,
                                 const uint8_t *address) {
    struct network network = {.has_address = address != NULL};
    if (address == NULL) return network;
    bool is_ipv4 = memcmp(address, mapped, sizeof mapped) == 0;
    size_t left = is_ipv4 ? 8 * sizeof mapped + limits->ipv4_prefix : limits->ipv6_prefix;
    for (size_t i = 0; i < sizeof network.address && left > 0; i++) {
        size_t bits = left < 8 ? left : 8;
        network.address[i] = (uint8_t)(address[i] & 0xff << (8 - bits));
        left -= bits;
    }
    return network;
}

static uint64_t hash_network(const struct tlsmgm_admission *admission,
                             const struct network *network) {
    struct tlsmgm_bytes data = {network->address, sizeof network->address};
    return tlsmgm_siphash(&admission->key, network->has_address, data);
}

static bool same_network(const struct network *one, const struct network *other) {
    return one->has_address == other->has_address &&
           memcmp(one->address, other->address, sizeof one->address) == 0;
}

/* The upper bits choose the shard, the lower ones the slot in it. */
static struct shard *shard_of(struct tlsmgm_admission *admission, uint64_t hash) {
    return &admission->shards[hash >> (64 - SHARD_BITS)];
}

/* The network's slot, or the free one where it belongs. There are slots. */
static struct slot *find_slot(const struct shard *shard, const struct network *network,
                              uint64_t hash) {
    uint32_t mask = shard->capacity - 1;
    uint32_t i = (uint32_t)hash & mask;
    while (shard->slots[i].count > 0 && !same_network(&shard->slots[i].network, network)) {
        i = (i + 1) & mask;
    }
    return &shard->slots[i];
}

/* False, and nothing has changed, where there is no memory. */
static bool resize(const struct tlsmgm_admission *admission, struct shard *shard,
                   uint32_t capacity) {
    struct shard fresh = {.capacity = capacity};
    if (capacity == 0) return false; /* 2^32 networks */
    fresh.slots = tlsmgm_calloc(capacity, sizeof *fresh.slots);
    if (fresh.slots == NULL) return false;
    for (uint32_t i = 0; i < shard->capacity; i++) {
        const struct slot *slot = &shard->slots[i];
        if (slot->count == 0) continue;
        uint64_t hash = hash_network(admission, &slot->network);
        *find_slot(&fresh, &slot->network, hash) = *slot;
    }
    tlsmgm_free(shard->slots);
    shard->slots = fresh.slots;
    shard->capacity = capacity;
    return true;
}

/* Room for one more. Half of the slots stay free as long as there is memory, and one in any case.
 */
static bool reserve(const struct tlsmgm_admission *admission, struct shard *shard) {
    if (shard->used < shard->capacity / 2) return true;
    uint32_t capacity = shard->capacity == 0 ? SLOTS_MIN : 2 * shard->capacity;
    return resize(admission, shard, capacity) || shard->used + 1 < shard->capacity;
}

/* What is behind it in its chain moves up, so that a search meets no hole. */
static void remove_slot(const struct tlsmgm_admission *admission, struct shard *shard,
                        struct slot *slot) {
    uint32_t mask = shard->capacity - 1;
    uint32_t hole = (uint32_t)(slot - shard->slots);
    for (uint32_t i = (hole + 1) & mask; shard->slots[i].count > 0; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)hash_network(admission, &shard->slots[i].network) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        shard->slots[hole] = shard->slots[i];
        hole = i;
    }
    shard->slots[hole].count = 0;
    shard->used--;
    /* Far below the half where it grew, or it would go to and fro; without memory it stays. */
    if (shard->capacity > SLOTS_MIN && shard->used < shard->capacity / 8) {
        (void)resize(admission, shard, shard->capacity / 2);
    }
}

static enum tlsmgm_admission_verdict enter_network(struct tlsmgm_admission *admission,
                                                   const uint8_t *address) {
    enum tlsmgm_admission_verdict verdict = TLSMGM_ADMISSION_ADMITTED;
    if (admission->limits.max_handshakes_per_network == 0) return verdict;
    struct network network = network_of(&admission->limits, address);
    uint64_t hash = hash_network(admission, &network);
    struct shard *shard = shard_of(admission, hash);
    (void)pthread_mutex_lock(&shard->lock);
    if (!reserve(admission, shard)) {
        verdict = TLSMGM_ADMISSION_MAX_HANDSHAKES;
    } else {
        struct slot *slot = find_slot(shard, &network, hash);
        if (slot->count >= admission->limits.max_handshakes_per_network) {
            verdict = TLSMGM_ADMISSION_MAX_HANDSHAKES_PER_NETWORK;
        } else {
            if (slot->count == 0) shard->used++;
            slot->network = network;
            slot->count++;
        }
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return verdict;
}

static void leave_network(struct tlsmgm_admission *admission, const uint8_t *address) {
    if (admission->limits.max_handshakes_per_network == 0) return;
    struct network network = network_of(&admission->limits, address);
    uint64_t hash = hash_network(admission, &network);
    struct shard *shard = shard_of(admission, hash);
    (void)pthread_mutex_lock(&shard->lock);
    struct slot *slot = find_slot(shard, &network, hash);
    if (slot->count == 1) {
        remove_slot(admission, shard, slot);
    } else {
        slot->count--;
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

/* The totals. */

static bool is_full(const atomic_uint_least32_t *count, uint32_t bound) {
    return bound > 0 && atomic_load_explicit(count, memory_order_relaxed) >= bound;
}

/* Not added first and looked at then: that would turn others away for a place nobody gets. */
static bool take(atomic_uint_least32_t *count, uint32_t bound) {
    uint_least32_t now = atomic_load_explicit(count, memory_order_relaxed);
    do {
        if (bound > 0 && now >= bound) return false;
    } while (!atomic_compare_exchange_weak_explicit(count, &now, now + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void give_back(atomic_uint_least32_t *count) {
    (void)atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

/*
 * All limits are looked at in their order first, and the places are taken then, the network's
 * before all others: one that has more than its share, as in an attack, never holds up a place that
 * somebody else could have.
 */
static enum tlsmgm_admission_verdict enter_handshake(struct tlsmgm_admission *admission,
                                                     const uint8_t *address) {
    uint32_t bound = admission->limits.max_handshakes;
    if (is_full(&admission->handshakes, bound)) return TLSMGM_ADMISSION_MAX_HANDSHAKES;
    enum tlsmgm_admission_verdict verdict = enter_network(admission, address);
    if (verdict != TLSMGM_ADMISSION_ADMITTED) return verdict;
    if (take(&admission->handshakes, bound)) return verdict;
    leave_network(admission, address);
    return TLSMGM_ADMISSION_MAX_HANDSHAKES;
}

static enum tlsmgm_admission_verdict enter(struct tlsmgm_admission *admission,
                                           const uint8_t *address, bool shakes_hands) {
    const struct tlsmgm_admission_limits *limits = &admission->limits;
    if (is_full(&admission->connections, limits->max_connections)) {
        return TLSMGM_ADMISSION_MAX_CONNECTIONS;
    }
    if (shakes_hands) {
        enum tlsmgm_admission_verdict verdict = enter_handshake(admission, address);
        if (verdict != TLSMGM_ADMISSION_ADMITTED) return verdict;
    }
    if (take(&admission->connections, limits->max_connections)) return TLSMGM_ADMISSION_ADMITTED;
    if (shakes_hands) tlsmgm_admission_handshake_over(admission, address);
    return TLSMGM_ADMISSION_MAX_CONNECTIONS;
}

static enum tlsmgm_admission_verdict counted(struct tlsmgm_admission *admission,
                                             enum tlsmgm_admission_verdict verdict) {
    if (verdict != TLSMGM_ADMISSION_ADMITTED) {
        (void)atomic_fetch_add_explicit(&admission->refused[verdict], 1, memory_order_relaxed);
    }
    return verdict;
}

enum tlsmgm_admission_verdict tlsmgm_admission_enter(struct tlsmgm_admission *admission,
                                                     const uint8_t *address, bool shakes_hands) {
    return counted(admission, enter(admission, address, shakes_hands));
}

enum tlsmgm_admission_verdict tlsmgm_admission_begin_handshake(struct tlsmgm_admission *admission,
                                                               const uint8_t *address) {
    return counted(admission, enter_handshake(admission, address));
}

void tlsmgm_admission_handshake_over(struct tlsmgm_admission *admission, const uint8_t *address) {
    leave_network(admission, address);
    give_back(&admission->handshakes);
}

void tlsmgm_admission_leave(struct tlsmgm_admission *admission) {
    give_back(&admission->connections);
}

static uint64_t refusals(const struct tlsmgm_admission *admission,
                         enum tlsmgm_admission_verdict verdict) {
    return atomic_load_explicit(&admission->refused[verdict], memory_order_relaxed);
}

bool tlsmgm_admission_is_empty(struct tlsmgm_admission *admission) {
    return atomic_load_explicit(&admission->connections, memory_order_relaxed) == 0;
}

void tlsmgm_admission_count(struct tlsmgm_admission *admission,
                            struct tlsmgm_admission_counts *out) {
    *out = (struct tlsmgm_admission_counts){
        .connections = atomic_load_explicit(&admission->connections, memory_order_relaxed),
        .handshakes = atomic_load_explicit(&admission->handshakes, memory_order_relaxed),
        .refused_max_connections = refusals(admission, TLSMGM_ADMISSION_MAX_CONNECTIONS),
        .refused_max_handshakes = refusals(admission, TLSMGM_ADMISSION_MAX_HANDSHAKES),
        .refused_max_handshakes_per_network =
            refusals(admission, TLSMGM_ADMISSION_MAX_HANDSHAKES_PER_NETWORK),
    };
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &admission->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        out->networks += shard->used;
        (void)pthread_mutex_unlock(&shard->lock);
    }
}

size_t tlsmgm_admission_memory(struct tlsmgm_admission *admission) {
    size_t size = sizeof *admission;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &admission->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        size += shard->capacity * sizeof *shard->slots;
        (void)pthread_mutex_unlock(&shard->lock);
    }
    return size;
}
