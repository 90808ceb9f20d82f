#include "kit/wire.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* Lasts where there is no memory for what has happened. */
static const struct tlsmgm_error no_memory = {
    .status = TLSMGM_STATUS_NO_MEMORY,
    .alert = TLSMGM_NO_ALERT,
    .verify_reason = TLSMGM_VERIFY_OTHER,
    .text = "out of memory",
};

void tlsmgm_wire_init(struct tlsmgm_wire *wire) {
    *wire = (struct tlsmgm_wire){0};
    tlsmgm_buffer_init(&wire->input, TLSMGM_INPUT_MAX);
    tlsmgm_buffer_init(&wire->output, TLSMGM_OUTPUT_MAX);
}

void tlsmgm_wire_free(struct tlsmgm_wire *wire) {
    tlsmgm_buffer_free(&wire->input);
    tlsmgm_buffer_free(&wire->output);
    if (wire->latched != &no_memory) tlsmgm_free((void *)wire->latched);
    wire->latched = NULL;
}

static enum tlsmgm_status fail_full(struct tlsmgm_error *error, size_t size) {
    return tlsmgm_fail(error, TLSMGM_STATUS_NO_MEMORY,
                       "no room for %zu bytes more; read the connection before feeding it", size);
}

enum tlsmgm_status tlsmgm_wire_feed(struct tlsmgm_wire *wire, const uint8_t *data, size_t size,
                                    struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_reclaim_input(wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    status = tlsmgm_buffer_append(&wire->input, data, size);
    return status == TLSMGM_STATUS_OK ? TLSMGM_STATUS_OK : fail_full(error, size);
}

enum tlsmgm_status tlsmgm_wire_lend_input(struct tlsmgm_wire *wire, const uint8_t *data,
                                          size_t size, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_reclaim_input(wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (size > TLSMGM_INPUT_MAX - tlsmgm_buffer_size(&wire->input)) return fail_full(error, size);
    wire->lent = (struct tlsmgm_bytes){.data = data, .size = size};
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_wire_keep_lent(struct tlsmgm_wire *wire, struct tlsmgm_error *error) {
    struct tlsmgm_bytes lent = wire->lent;
    struct tlsmgm_error failure;
    wire->lent = (struct tlsmgm_bytes){0};
    if (tlsmgm_buffer_append(&wire->input, lent.data, lent.size) == TLSMGM_STATUS_OK)
        return TLSMGM_STATUS_OK;
    (void)tlsmgm_fail_memory(&failure);
    return tlsmgm_wire_latch(wire, &failure, error);
}

void tlsmgm_wire_lend_output(struct tlsmgm_wire *wire, uint8_t *room, size_t size) {
    wire->room = room;
    wire->room_size = size;
    wire->room_used = 0;
}

size_t tlsmgm_wire_reclaim_output(struct tlsmgm_wire *wire) {
    size_t used = wire->room_used;
    tlsmgm_wire_lend_output(wire, NULL, 0);
    return used;
}

static void keep_first(struct tlsmgm_wire *wire, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size && wire->first_count < sizeof wire->first; i++) {
        wire->first[wire->first_count++] = data[i];
    }
}

/* RFC 8446 section 5.1: a type out of 20 to 24, and a version whose first byte is always 3. */
bool tlsmgm_wire_begins_as_tls(const struct tlsmgm_wire *wire) {
    if (wire->first_count > 0 && (wire->first[0] < 20 || wire->first[0] > 24)) return false;
    return wire->first_count < 2 || wire->first[1] == 3;
}

static size_t take(struct tlsmgm_wire *wire, uint8_t *data, size_t size) {
    size_t count = 0;
    if (tlsmgm_buffer_size(&wire->input) > 0) count = tlsmgm_buffer_take(&wire->input, data, size);
    size_t piece = size - count < wire->lent.size ? size - count : wire->lent.size;
    if (piece == 0) return count;
    memcpy(data + count, wire->lent.data, piece);
    wire->lent.data += piece;
    wire->lent.size -= piece;
    return count + piece;
}

size_t tlsmgm_wire_take(struct tlsmgm_wire *wire, uint8_t *data, size_t size) {
    size_t count = take(wire, data, size);
    if (wire->first_count < sizeof wire->first) keep_first(wire, data, count);
    return count;
}

enum tlsmgm_status tlsmgm_wire_put(struct tlsmgm_wire *wire, const uint8_t *data, size_t size) {
    if (size > wire->room_size - wire->room_used || tlsmgm_buffer_size(&wire->output) > 0) {
        return tlsmgm_buffer_append(&wire->output, data, size);
    }
    if (size == 0) return TLSMGM_STATUS_OK;
    memcpy(wire->room + wire->room_used, data, size);
    wire->room_used += size;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_wire_latch(struct tlsmgm_wire *wire, const struct tlsmgm_error *failure,
                                     struct tlsmgm_error *error) {
    struct tlsmgm_error *kept = tlsmgm_calloc(1, sizeof *kept);
    if (kept != NULL) *kept = *failure;
    if (wire->latched != &no_memory) tlsmgm_free((void *)wire->latched);
    wire->latched = kept == NULL ? &no_memory : kept;
    if (error != NULL) *error = *failure;
    return failure->status;
}
