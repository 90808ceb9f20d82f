#include "tamper.h"

#include <stdlib.h>
#include <string.h>

#include "kit/wire.h"

enum { HEADER = 5 };

enum deed {
    PASS,
    DROP,
    DUPLICATE,
    TRUNCATE,
    FLIP,
    SWAP,     /* after the next one */
    INSERT,   /* a record of the input's own before it */
    SPLICE,   /* bytes of the input in the place of some of the body, the length made to fit */
    RETYPE,   /* another content type */
    RELENGTH, /* another length, the body as it was */
    RECUT,    /* two records instead of one */
    KEEP,     /* to be sent again */
    AGAIN,    /* what was kept, behind it */
    RAW,      /* bytes of the input, no record at all */
    CUT,      /* the transport ends before it */
    DEEDS
};

void tamperer_begin(struct tamperer *tamperer) {
    *tamperer = (struct tamperer){0};
    tlsmgm_buffer_init(&tamperer->held, TLSMGM_INPUT_MAX);
    tlsmgm_buffer_init(&tamperer->kept, TLSMGM_INPUT_MAX);
}

void tamperer_end(struct tamperer *tamperer) {
    tlsmgm_buffer_free(&tamperer->held);
    tlsmgm_buffer_free(&tamperer->kept);
}

struct tlsmgm_bytes first_record(struct tlsmgm_bytes bytes) {
    if (bytes.size < HEADER) return bytes;
    size_t size = HEADER + ((size_t)bytes.data[3] << 8 | bytes.data[4]);
    return (struct tlsmgm_bytes){bytes.data, size < bytes.size ? size : bytes.size};
}

static void append(struct tlsmgm_buffer *out, struct tlsmgm_bytes bytes) {
    if (tlsmgm_buffer_append(out, bytes.data, bytes.size) != TLSMGM_STATUS_OK) abort();
}

static void append_record(struct tlsmgm_buffer *out, uint8_t type, uint8_t version,
                          struct tlsmgm_bytes body) {
    uint8_t header[HEADER] = {type, 3, version, (uint8_t)(body.size >> 8), (uint8_t)body.size};
    append(out, (struct tlsmgm_bytes){header, sizeof header});
    append(out, body);
}

static void flip(struct tlsmgm_bytes record, struct input *input, struct tlsmgm_buffer *out) {
    struct tlsmgm_buffer altered;
    tlsmgm_buffer_init(&altered, TLSMGM_INPUT_MAX);
    append(&altered, record);
    uint8_t more;
    do {
        more = input_byte(input); /* how many still come, in the low bits */
        size_t at = input_number(input, record.size);
        altered.block[altered.start + at] ^= input_byte(input);
    } while ((more & 3u) != 0 && input->left > 0);
    append(out, tlsmgm_buffer_view(&altered));
    tlsmgm_buffer_free(&altered);
}

/* Lengths inside of the body stay as they were: what the receiver must notice. */
static void splice(struct tlsmgm_bytes record, struct input *input, struct tlsmgm_buffer *out) {
    struct tlsmgm_buffer body;
    size_t size = record.size - HEADER;
    size_t at = input_number(input, size + 1);
    size_t gone = input_byte(input);
    if (gone > size - at) gone = size - at;
    tlsmgm_buffer_init(&body, TLSMGM_INPUT_MAX);
    append(&body, (struct tlsmgm_bytes){record.data + HEADER, at});
    append(&body, input_bytes(input, input_byte(input)));
    append(&body, (struct tlsmgm_bytes){record.data + HEADER + at + gone, size - at - gone});
    append_record(out, record.data[0], record.data[2], tlsmgm_buffer_view(&body));
    tlsmgm_buffer_free(&body);
}

static void recut(struct tlsmgm_bytes record, struct input *input, struct tlsmgm_buffer *out) {
    size_t size = record.size - HEADER;
    size_t at = input_number(input, size + 1);
    const uint8_t *body = record.data + HEADER;
    append_record(out, record.data[0], record.data[2], (struct tlsmgm_bytes){body, at});
    append_record(out, record.data[0], record.data[2], (struct tlsmgm_bytes){body + at, size - at});
}

static void reheader(struct tlsmgm_bytes record, enum deed deed, struct input *input,
                     struct tlsmgm_buffer *out) {
    uint8_t header[HEADER];
    memcpy(header, record.data, sizeof header);
    if (deed == RETYPE) {
        header[0] = (uint8_t)(20 + input_byte(input) % 6);
    } else {
        header[3] = input_byte(input);
        header[4] = input_byte(input);
    }
    append(out, (struct tlsmgm_bytes){header, sizeof header});
    append(out, (struct tlsmgm_bytes){record.data + HEADER, record.size - HEADER});
}

static void insert(struct input *input, struct tlsmgm_buffer *out) {
    uint8_t type = (uint8_t)(20 + input_byte(input) % 6);
    uint8_t version = input_byte(input) % 5;
    append_record(out, type, version, input_bytes(input, input_byte(input)));
}

static void do_deed(struct tamperer *tamperer, enum deed deed, struct tlsmgm_bytes record,
                    struct input *input, struct tlsmgm_buffer *out) {
    switch (deed) {
        case DROP:
            return;
        case CUT:
            tamperer->has_cut = true;
            return;
        case TRUNCATE:
            append(out, (struct tlsmgm_bytes){record.data, input_number(input, record.size)});
            return;
        case FLIP:
            flip(record, input, out);
            return;
        case SPLICE:
            splice(record, input, out);
            return;
        case RECUT:
            recut(record, input, out);
            return;
        case RETYPE:
        case RELENGTH:
            reheader(record, deed, input, out);
            return;
        case SWAP:
            append(&tamperer->held, record);
            return;
        case INSERT:
            insert(input, out);
            break;
        case RAW:
            append(out, input_bytes(input, input_byte(input)));
            break;
        case DUPLICATE:
            append(out, record);
            break;
        case KEEP:
            append(&tamperer->kept, record);
            break;
        case PASS:
        case AGAIN:
        case DEEDS:
            break;
    }
    append(out, record);
    if (deed == AGAIN) append(out, tlsmgm_buffer_view(&tamperer->kept));
}

void tamper(struct tamperer *tamperer, struct tlsmgm_bytes record, struct input *input,
            struct tlsmgm_buffer *out) {
    struct tlsmgm_bytes held = tlsmgm_buffer_view(&tamperer->held);
    enum deed deed = (enum deed)(input_byte(input) % DEEDS);
    bool is_whole = record.size >= HEADER;
    if (tamperer->has_cut) return;
    if (!is_whole) deed = PASS;
    if (deed != PASS && deed != KEEP) tamperer->has_touched = true;
    do_deed(tamperer, deed, record, input, out);
    if (deed == SWAP) return;
    append(out, held);
    tlsmgm_buffer_consume(&tamperer->held, held.size);
}
