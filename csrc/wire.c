#include "wire.h"

#include "error.h"

void tlsmgm_wire_init(struct tlsmgm_wire *wire) {
    *wire = (struct tlsmgm_wire){0};
    tlsmgm_buffer_init(&wire->input, TLSMGM_INPUT_MAX);
    tlsmgm_buffer_init(&wire->output, TLSMGM_OUTPUT_MAX);
    tlsmgm_error_clear(&wire->latched);
}

void tlsmgm_wire_free(struct tlsmgm_wire *wire) {
    tlsmgm_buffer_free(&wire->input);
    tlsmgm_buffer_free(&wire->output);
}

enum tlsmgm_status tlsmgm_wire_feed(struct tlsmgm_wire *wire, const uint8_t *data, size_t size,
                                    struct tlsmgm_error *error) {
    if (tlsmgm_buffer_append(&wire->input, data, size) == TLSMGM_OK) return TLSMGM_OK;
    return tlsmgm_fail(error, TLSMGM_NO_MEMORY,
                       "no room for %zu bytes more; read the connection before feeding it", size);
}

bool tlsmgm_wire_is_full(const struct tlsmgm_wire *wire) {
    return tlsmgm_buffer_size(&wire->output) >= TLSMGM_OUTPUT_HIGH_WATER;
}

enum tlsmgm_status tlsmgm_wire_latch(struct tlsmgm_wire *wire, const struct tlsmgm_error *failure,
                                     struct tlsmgm_error *error) {
    wire->latched = *failure;
    if (error != NULL) *error = *failure;
    return failure->status;
}

enum tlsmgm_status tlsmgm_wire_status(const struct tlsmgm_wire *wire, struct tlsmgm_error *error) {
    if (wire->latched.status != TLSMGM_OK && error != NULL) *error = wire->latched;
    return wire->latched.status;
}
