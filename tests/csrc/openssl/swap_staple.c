#include "swap_staple.h"

#include "backends/openssl/internal.h"
#include "base/blob.h"

bool tlsmgm_test_swap_staple(struct tlsmgm_ctx *ctx, struct tlsmgm_bytes response) {
    struct tlsmgm_source source = {.data = response};
    tlsmgm_blob_free(&ctx->base.ocsp_response);
    return tlsmgm_source_read(&source, "ocsp_response", &ctx->base.ocsp_response, NULL) ==
           TLSMGM_STATUS_OK;
}
