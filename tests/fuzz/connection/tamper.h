/* What happens to a peer's records on their way to the target. */
#ifndef FUZZ_TAMPER_H
#define FUZZ_TAMPER_H

#include "base/buffer.h"
#include "input.h"

/* Somebody on the line, who remembers two records. */
struct tamperer {
    struct tlsmgm_buffer held; /* goes after the next record */
    struct tlsmgm_buffer kept; /* may be sent again, any time */
    bool has_touched;          /* the target has got, or will get, other bytes than were sent */
    bool has_cut;              /* the transport has ended */
};

void tamperer_begin(struct tamperer *tamperer);
void tamperer_end(struct tamperer *tamperer);

/* The record at the beginning of bytes, or all of them if it is not whole. */
struct tlsmgm_bytes first_record(struct tlsmgm_bytes bytes);

/* Appends to out what becomes of a record. */
void tamper(struct tamperer *tamperer, struct tlsmgm_bytes record, struct input *input,
            struct tlsmgm_buffer *out);

#endif
