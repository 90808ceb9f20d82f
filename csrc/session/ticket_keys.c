#include "session/ticket_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/wipe.h"

struct tlsmgm_ticket_keys {
    atomic_size_t references;
    pthread_mutex_t lock; /* guards ring and count */
    size_t count;
    struct tlsmgm_ticket_key ring[TLSMGM_TICKET_RING_MAX]; /* the first one seals */
};

/* In place: a copy on the stack would stay there. */
static void set_key(struct tlsmgm_ticket_key *key, const uint8_t material[TLSMGM_TICKET_KEY_SIZE]) {
    memcpy(key->name, material, sizeof key->name);
    memcpy(key->cipher, material + sizeof key->name, sizeof key->cipher);
    memcpy(key->mac, material + sizeof key->name + sizeof key->cipher, sizeof key->mac);
}

enum tlsmgm_status tlsmgm_ticket_keys_new(struct tlsmgm_ticket_keys **out,
                                          struct tlsmgm_error *error) {
    *out = NULL;
    struct tlsmgm_ticket_keys *keys = tlsmgm_calloc(1, sizeof *keys);
    if (keys == NULL) return tlsmgm_fail_memory(error);
    if (pthread_mutex_init(&keys->lock, NULL) != 0) {
        tlsmgm_free(keys);
        return tlsmgm_fail_memory(error);
    }
    atomic_init(&keys->references, 1);
    *out = keys;
    return TLSMGM_OK;
}

struct tlsmgm_ticket_keys *tlsmgm_ticket_keys_ref(struct tlsmgm_ticket_keys *keys) {
    if (keys != NULL) atomic_fetch_add(&keys->references, 1);
    return keys;
}

void tlsmgm_ticket_keys_free(struct tlsmgm_ticket_keys *keys) {
    if (keys == NULL || atomic_fetch_sub(&keys->references, 1) != 1) return;
    (void)pthread_mutex_destroy(&keys->lock);
    tlsmgm_wipe(keys->ring, sizeof keys->ring);
    tlsmgm_free(keys);
}

void tlsmgm_ticket_keys_replace(struct tlsmgm_ticket_keys *keys, const uint8_t *material,
                                size_t count) {
    size_t kept = count < TLSMGM_TICKET_RING_MAX ? count : TLSMGM_TICKET_RING_MAX;
    (void)pthread_mutex_lock(&keys->lock);
    tlsmgm_wipe(keys->ring, sizeof keys->ring);
    for (size_t i = 0; i < kept; i++) {
        set_key(&keys->ring[i], material + i * TLSMGM_TICKET_KEY_SIZE);
    }
    keys->count = kept;
    (void)pthread_mutex_unlock(&keys->lock);
}

bool tlsmgm_ticket_keys_current(struct tlsmgm_ticket_keys *keys, struct tlsmgm_ticket_key *out) {
    (void)pthread_mutex_lock(&keys->lock);
    bool found = keys->count > 0;
    *out = keys->ring[0];
    (void)pthread_mutex_unlock(&keys->lock);
    return found;
}

bool tlsmgm_ticket_keys_find(struct tlsmgm_ticket_keys *keys,
                             const uint8_t name[TLSMGM_TICKET_NAME_SIZE],
                             struct tlsmgm_ticket_key *out, bool *is_current) {
    bool found = false;
    (void)pthread_mutex_lock(&keys->lock);
    for (size_t i = 0; i < keys->count && !found; i++) {
        if (memcmp(keys->ring[i].name, name, sizeof keys->ring[i].name) != 0) continue;
        *out = keys->ring[i];
        *is_current = i == 0;
        found = true;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return found;
}
