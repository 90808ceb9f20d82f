/*
 * PEM: any text ends, what is read of it is read again in the same way, and no list that begins as
 * a CRL passes for another file.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "files/crl_file.h"
#include "files/identity.h"
#include "files/pem.h"
#include "files/trust_items.h"

static void same_again(const struct tlsmgm_pem_item *item) {
    struct tlsmgm_blob decoded;
    struct tlsmgm_blob text;
    struct tlsmgm_blob again;
    struct tlsmgm_pem pem;
    struct tlsmgm_pem_item other;
    if (tlsmgm_pem_decode(item, &decoded, NULL) != TLSMGM_STATUS_OK) abort();
    if (tlsmgm_pem_rewrite(item, &text, NULL) != TLSMGM_STATUS_OK) abort();
    tlsmgm_pem_begin(&pem, (struct tlsmgm_bytes){text.data, text.size}, NULL, NULL);
    if (tlsmgm_pem_next(&pem, &other, NULL) != TLSMGM_STATUS_OK) abort();
    if (tlsmgm_pem_decode(&other, &again, NULL) != TLSMGM_STATUS_OK) abort();
    if (other.kind != item->kind || again.size != decoded.size || decoded.size != item->size)
        abort();
    if (memcmp(again.data, decoded.data, decoded.size) != 0) abort();
    if (tlsmgm_pem_next(&pem, &other, NULL) != TLSMGM_STATUS_CLOSED) abort();
    tlsmgm_blob_free(&again);
    tlsmgm_blob_free(&text);
    tlsmgm_blob_free(&decoded);
}

/* Every step goes on, and none is forgotten: items, errors, the end. Returns how many CRLs. */
static size_t walk(struct tlsmgm_bytes text, bool *is_damaged) {
    struct tlsmgm_pem pem;
    struct tlsmgm_pem_item item;
    struct tlsmgm_error error;
    char place[TLSMGM_PEM_PLACE_SIZE];
    enum tlsmgm_status status;
    tlsmgm_pem_begin(&pem, text, "ca_list", "file.pem");
    for (size_t steps = 0; (status = tlsmgm_pem_next(&pem, &item, &error)) != TLSMGM_STATUS_CLOSED;
         steps++) {
        if (steps > text.size) abort();
        if (status == TLSMGM_STATUS_CONFIG) {
            if (strlen(error.text) == 0) abort();
            *is_damaged = true;
            continue;
        }
        if (status != TLSMGM_STATUS_OK) abort();
        tlsmgm_pem_place(&pem, &item, place, sizeof place);
        same_again(&item);
    }
    if (tlsmgm_pem_fail_missing(&pem, TLSMGM_PEM_A_CERTIFICATE, &error) != TLSMGM_STATUS_CONFIG)
        abort();
    return pem.numbers[TLSMGM_PEM_A_CRL];
}

static void count_warning(void *argument, const char *parameter, const char *text) {
    if (parameter == NULL || *text == '\0') abort();
    (*(size_t *)argument)++;
}

/* What is in a list is trusted, or an error, or somebody is told. */
static void read_as_trust(struct tlsmgm_bytes text, bool has_damage) {
    size_t warnings = 0;
    struct tlsmgm_source file = {.path = "00000000.0", .data = text};
    struct tlsmgm_trust_items items;
    struct tlsmgm_ctx_config list = {
        .ca_list = file, .warn = count_warning, .warn_argument = &warnings};
    struct tlsmgm_ctx_config directories = {.ca_dir = {"cas", &file, 1},
                                            .crl_dir = {"crls", &file, 1}};
    struct tlsmgm_ctx_config crls = {.crl_dir = {"crls", &file, 1}};
    enum tlsmgm_status status = tlsmgm_trust_items_read(&list, &items, NULL);
    if (status == TLSMGM_STATUS_OK && (has_damage || items.ca_count + warnings == 0)) abort();
    tlsmgm_trust_items_free(&items);
    (void)tlsmgm_trust_items_read(&directories, &items, NULL);
    tlsmgm_trust_items_free(&items);
    status = tlsmgm_trust_items_read(&crls, &items, NULL);
    if (status == TLSMGM_STATUS_OK && items.crl_count == 0) abort();
    tlsmgm_trust_items_free(&items);
}

static void read_as_identity(struct tlsmgm_bytes text) {
    struct tlsmgm_source source = {.data = text};
    struct tlsmgm_chain chain;
    struct tlsmgm_key key;
    struct tlsmgm_dh dh;
    if (tlsmgm_chain_read(&source, "certificate", &chain, NULL) == TLSMGM_STATUS_OK &&
        chain.count == 0) {
        abort();
    }
    tlsmgm_chain_free(&chain);
    (void)tlsmgm_key_read(&source, "private_key", &key, NULL);
    tlsmgm_key_free(&key);
    if (tlsmgm_dh_read(&source, "dh_params", &dh, NULL) == TLSMGM_STATUS_OK && dh.bits == 0)
        abort();
    tlsmgm_dh_free(&dh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_bytes text = {data, size};
    bool is_damaged = false;
    if (data == NULL) return 0;
    size_t crls = walk(text, &is_damaged);
    /* A text with a CRL is never taken for one without. */
    if (crls > 0 && !tlsmgm_has_crl_marker(text)) abort();
    (void)tlsmgm_begins_as_crl(text);
    read_as_trust(text, is_damaged);
    read_as_identity(text);
    return 0;
}
