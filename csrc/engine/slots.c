#include "engine/slots.h"

#include "base/alloc.h"

uint64_t tlsmgm_channel_token(const struct tlsmgm_worker *worker,
                              const struct tlsmgm_channel *channel, enum tlsmgm_relay_side side) {
    uint64_t generation = worker->slots[channel->index].generation;
    return generation << 32 | (uint64_t)channel->index << 1 | side;
}

static bool add_slots(struct tlsmgm_worker *worker) {
    uint32_t count = worker->slot_count == 0 ? 64 : worker->slot_count * 2;
    if (count > (uint32_t)INT32_MAX / 2) return false;
    struct tlsmgm_slot *slots = tlsmgm_realloc(worker->slots, count * sizeof *slots);
    if (slots == NULL) return false;
    for (uint32_t i = worker->slot_count; i < count; i++) {
        slots[i] = (struct tlsmgm_slot){.next_free = i + 1 < count ? i + 1 : TLSMGM_NO_SLOT};
    }
    worker->slots = slots;
    worker->free_slot = worker->slot_count;
    worker->slot_count = count;
    return true;
}

struct tlsmgm_channel *tlsmgm_channel_new(struct tlsmgm_worker *worker) {
    if (worker->free_slot == TLSMGM_NO_SLOT && !add_slots(worker)) return NULL;
    struct tlsmgm_channel *channel = tlsmgm_calloc(1, sizeof *channel);
    if (channel == NULL) return NULL;
    channel->index = worker->free_slot;
    channel->connecting = -1;
    channel->elder_socket = -1;
    channel->try_deadline = TLSMGM_NEVER;
    channel->race_at = TLSMGM_NEVER;
    struct tlsmgm_slot *slot = &worker->slots[channel->index];
    worker->free_slot = slot->next_free;
    slot->channel = channel;
    slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
    return channel;
}

void tlsmgm_channel_free(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_slot *slot = &worker->slots[channel->index];
    slot->channel = NULL;
    slot->next_free = worker->free_slot;
    worker->free_slot = channel->index;
    tlsmgm_routes_free(channel->routes);
    tlsmgm_plan_free(channel->plan); /* behind its record: see tlsmgm_plan_is_alone() */
    tlsmgm_free(channel);
}

struct tlsmgm_channel *tlsmgm_channel_of(const struct tlsmgm_worker *worker, uint64_t token) {
    uint32_t index = (uint32_t)token >> 1;
    if (index >= worker->slot_count) return NULL;
    const struct tlsmgm_slot *slot = &worker->slots[index];
    return slot->generation == token >> 32 ? slot->channel : NULL;
}
