/* Where TLS records begin and end on the wire (RFC 8446 section 5.1), without a look into them. */
#ifndef TLSMGM_RECORD_COUNT_H
#define TLSMGM_RECORD_COUNT_H

#include "include/tlsmgm.h"

#define TLSMGM_RECORD_HEADER_SIZE 5u

/* All zero: nothing has come yet. */
struct tlsmgm_record_count {
    uint16_t left;       /* bytes of the present record behind its header */
    uint8_t header_size; /* bytes of a header that has begun */
    uint8_t length_high; /* of the length in it, the first byte */
    uint32_t begun;      /* how many headers were whole, modulo 2^32 */
    uint32_t whole;      /* how many records were, as begun */
};

/* Goes on with the next bytes from the wire. */
static inline void tlsmgm_record_count_take(struct tlsmgm_record_count *count, const uint8_t *data,
                                            size_t size) {
    size_t at = 0;
    while (at < size) {
        if (count->left > 0) {
            size_t step = size - at < count->left ? size - at : count->left;
            count->left = (uint16_t)(count->left - step);
            at += step;
            if (count->left == 0) count->whole++;
            continue;
        }
        uint8_t byte = data[at++];
        count->header_size++;
        if (count->header_size == TLSMGM_RECORD_HEADER_SIZE - 1) count->length_high = byte;
        if (count->header_size < TLSMGM_RECORD_HEADER_SIZE) continue;
        count->left = (uint16_t)(count->length_high << 8 | byte);
        count->begun++;
        if (count->left == 0) count->whole++;
        count->header_size = 0;
    }
}

/* Whether no record has begun that is not there to its end. */
static inline bool tlsmgm_record_count_is_between(const struct tlsmgm_record_count *count) {
    return count->left == 0 && count->header_size == 0;
}

#endif
