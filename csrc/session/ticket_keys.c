#include "session/ticket_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/wipe.h"

struct ring {
    struct tlsmgm_ticket_keys head;
    atomic_size_t references;
    pthread_mutex_t lock; /* guards count and keys */
    size_t count;
    struct tlsmgm_ticket_key keys[TLSMGM_TICKET_RING_MAX]; /* the first one seals */
};

/* In place: a copy on the stack would stay there. */
static void set_key(struct tlsmgm_ticket_key *key, const uint8_t material[TLSMGM_TICKET_KEY_SIZE]) {
    memcpy(key->name, material, sizeof key->name);
    memcpy(key->cipher, material + sizeof key->name, sizeof key->cipher);
    memcpy(key->mac, material + sizeof key->name + sizeof key->cipher, sizeof key->mac);
}

static struct ring *ring_of(struct tlsmgm_ticket_keys *keys) { return (struct ring *)keys; }

static struct tlsmgm_ticket_keys *ref(struct tlsmgm_ticket_keys *keys) {
    atomic_fetch_add(&ring_of(keys)->references, 1);
    return keys;
}

static void give_back(struct tlsmgm_ticket_keys *keys) {
    struct ring *ring = ring_of(keys);
    if (atomic_fetch_sub(&ring->references, 1) != 1) return;
    (void)pthread_mutex_destroy(&ring->lock);
    tlsmgm_wipe(ring->keys, sizeof ring->keys);
    tlsmgm_free(ring);
}

static bool current(struct tlsmgm_ticket_keys *keys, struct tlsmgm_ticket_key *out) {
    struct ring *ring = ring_of(keys);
    (void)pthread_mutex_lock(&ring->lock);
    bool found = ring->count > 0;
    *out = ring->keys[0];
    (void)pthread_mutex_unlock(&ring->lock);
    return found;
}

static bool find(struct tlsmgm_ticket_keys *keys, const uint8_t name[TLSMGM_TICKET_NAME_SIZE],
                 struct tlsmgm_ticket_key *out, bool *is_current) {
    struct ring *ring = ring_of(keys);
    bool found = false;
    (void)pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < ring->count && !found; i++) {
        if (memcmp(ring->keys[i].name, name, sizeof ring->keys[i].name) != 0) continue;
        *out = ring->keys[i];
        *is_current = i == 0;
        found = true;
    }
    (void)pthread_mutex_unlock(&ring->lock);
    return found;
}

static const struct tlsmgm_ticket_keys_table table = {
    .ref = ref,
    .free = give_back,
    .current = current,
    .find = find,
};

enum tlsmgm_status tlsmgm_ticket_keys_new(struct tlsmgm_ticket_keys **out,
                                          struct tlsmgm_error *error) {
    *out = NULL;
    struct ring *ring = tlsmgm_calloc(1, sizeof *ring);
    if (ring == NULL) return tlsmgm_fail_memory(error);
    if (pthread_mutex_init(&ring->lock, NULL) != 0) {
        tlsmgm_free(ring);
        return tlsmgm_fail_memory(error);
    }
    atomic_init(&ring->references, 1);
    ring->head.table = &table;
    *out = &ring->head;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_ticket_keys_replace(struct tlsmgm_ticket_keys *keys, const uint8_t *material,
                                size_t count) {
    struct ring *ring = ring_of(keys);
    size_t kept = count < TLSMGM_TICKET_RING_MAX ? count : TLSMGM_TICKET_RING_MAX;
    (void)pthread_mutex_lock(&ring->lock);
    tlsmgm_wipe(ring->keys, sizeof ring->keys);
    for (size_t i = 0; i < kept; i++) {
        set_key(&ring->keys[i], material + i * TLSMGM_TICKET_KEY_SIZE);
    }
    ring->count = kept;
    (void)pthread_mutex_unlock(&ring->lock);
}
