/* Bytes that we own, such as a file or a certificate. They are wiped when they are given back. */
#ifndef TLSMGM_BLOB_H
#define TLSMGM_BLOB_H

#include "include/tlsmgm.h"

struct tlsmgm_blob {
    uint8_t *data; /* NULL when size is 0; a terminating 0 follows the last byte */
    size_t size;
};

static inline struct tlsmgm_bytes tlsmgm_blob_view(const struct tlsmgm_blob *blob) {
    return (struct tlsmgm_bytes){.data = blob->data, .size = blob->size};
}

/* Copies bytes into a blob without contents. OK, or NO_MEMORY: out is empty. error may be NULL. */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_blob_copy(struct tlsmgm_bytes bytes, struct tlsmgm_blob *out, struct tlsmgm_error *error);

/* Wipes and frees; the blob is empty afterwards. */
void tlsmgm_blob_free(struct tlsmgm_blob *blob);

#endif
