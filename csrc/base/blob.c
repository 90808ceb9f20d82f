#include "base/blob.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/wipe.h"

enum tlsmgm_status tlsmgm_blob_copy(struct tlsmgm_bytes bytes, struct tlsmgm_blob *out,
                                    struct tlsmgm_error *error) {
    *out = (struct tlsmgm_blob){.data = tlsmgm_calloc(bytes.size + 1, 1)};
    if (out->data == NULL) return tlsmgm_fail_memory(error);
    if (bytes.size > 0) memcpy(out->data, bytes.data, bytes.size);
    out->size = bytes.size;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_blob_free(struct tlsmgm_blob *blob) {
    if (blob->data != NULL) tlsmgm_wipe(blob->data, blob->size);
    tlsmgm_free(blob->data);
    *blob = (struct tlsmgm_blob){0};
}
