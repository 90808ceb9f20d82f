/*
 * Revocation lists: read to their last byte or refused, and every number that stands there is
 * found. The first two bytes of an input are the size of the list; a certificate follows.
 */
#include <stdlib.h>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "x509/crl.h"
#include "x509/der.h"

static struct tlsmgm_bytes serial_at(const struct tlsmgm_crl *crl, size_t i) {
    return (struct tlsmgm_bytes){crl->der.data + crl->entries[i].serial, crl->entries[i].size};
}

/* Whether any entry with the number at i revokes it: those of one number lie together. */
static bool is_revoked(const struct tlsmgm_crl *crl, size_t i) {
    struct tlsmgm_bytes serial = serial_at(crl, i);
    bool found = false;
    for (size_t at = i + 1; at-- > 0 && tlsmgm_bytes_equal(serial_at(crl, at), serial);) {
        found |= crl->entries[at].revokes;
    }
    for (size_t at = i; at < crl->entry_count; at++) {
        if (!tlsmgm_bytes_equal(serial_at(crl, at), serial)) break;
        found |= crl->entries[at].revokes;
    }
    return found;
}

static void look_at(const struct tlsmgm_crl *crl, struct tlsmgm_bytes der) {
    struct tlsmgm_certificate certificate;
    unsigned reasons = 0;
    for (size_t i = 0; i < crl->entry_count; i++) {
        if (crl->entries[i].serial + (size_t)crl->entries[i].size > crl->der.size) abort();
        if (tlsmgm_crl_revokes(crl, serial_at(crl, i)) != is_revoked(crl, i)) abort();
    }
    if (tlsmgm_certificate_read(der, &certificate, NULL) != TLSMGM_STATUS_OK) return;
    (void)tlsmgm_crl_revokes(crl, certificate.fields.serial);
    if (tlsmgm_crl_covers(crl, &certificate, &reasons) && (reasons & ~TLSMGM_ALL_REASONS) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_cursor input = tlsmgm_cursor((struct tlsmgm_bytes){data, size});
    struct tlsmgm_bytes der;
    struct tlsmgm_blob blob = {0};
    struct tlsmgm_crl crl;
    if (!tlsmgm_cursor_vector(&input, 2, &der)) return 0;
    if (tlsmgm_blob_copy(der, &blob, NULL) != TLSMGM_STATUS_OK) abort();
    enum tlsmgm_status status = tlsmgm_crl_read(&blob, &crl, NULL);
    if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_CONFIG) abort();
    if ((status == TLSMGM_STATUS_OK) != (blob.data == NULL)) abort();
    if (status == TLSMGM_STATUS_OK) {
        look_at(&crl, (struct tlsmgm_bytes){input.next, input.left});
        tlsmgm_crl_free(&crl);
    }
    tlsmgm_blob_free(&blob);
    return 0;
}
