/*
 * OCSP responses and CRL distribution points: read within bounds, whatever arrives. The first two
 * bytes of an input are the size of the response; what follows it is the certificate.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "x509/crl_points.h"
#include "x509/staple.h"

/* No hash, but the same for the same bytes, and known to whoever writes an input: their size. */
static size_t hash(enum tlsmgm_digest which, struct tlsmgm_bytes data,
                   uint8_t out[TLSMGM_HASH_MAX]) {
    static const size_t sizes[] = {[TLSMGM_DIGEST_SHA1] = 20,
                                   [TLSMGM_DIGEST_SHA256] = 32,
                                   [TLSMGM_DIGEST_SHA384] = 48,
                                   [TLSMGM_DIGEST_SHA512] = 64};
    for (size_t i = 0; i < data.size; i++) (void)*(const volatile uint8_t *)&data.data[i];
    memset(out, (int)(data.size & 0xff), sizes[which]);
    return sizes[which];
}

static void read_times(const struct tlsmgm_staple *staple) {
    char text[64];
    int64_t seconds;
    (void)tlsmgm_time_text(staple->this_update, text, sizeof text);
    (void)tlsmgm_time_unix(staple->this_update, &seconds);
    (void)tlsmgm_time_text(staple->next_update, text, sizeof text);
    (void)tlsmgm_time_unix(staple->next_update, &seconds);
}

static bool read_staple(struct tlsmgm_bytes response, struct tlsmgm_bytes certificate,
                        tlsmgm_hasher hasher) {
    struct tlsmgm_staple staple;
    struct tlsmgm_error error;
    enum tlsmgm_status status = tlsmgm_staple_read(response, certificate, hasher, &staple, &error);
    if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_CONFIG) abort();
    if (status != TLSMGM_STATUS_OK && staple.this_update.digits.size > 0) abort();
    if (status == TLSMGM_STATUS_OK) read_times(&staple);
    return status == TLSMGM_STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_cursor input = tlsmgm_cursor((struct tlsmgm_bytes){data, size});
    struct tlsmgm_bytes response;
    if (!tlsmgm_cursor_vector(&input, 2, &response)) return 0;
    struct tlsmgm_bytes certificate = {input.next, input.left};
    /* Who is found by name and number is found by number alone. */
    if (read_staple(response, certificate, hash) && !read_staple(response, certificate, NULL)) {
        abort();
    }
    /* A smaller issuer never costs more. */
    if (tlsmgm_crl_points_are_bounded(certificate, size) &&
        !tlsmgm_crl_points_are_bounded(certificate, size / 2)) {
        abort();
    }
    return 0;
}
