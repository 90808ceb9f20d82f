#include "verify_chain.h"

#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/blob.h"

typedef enum tlsmgm_status (*add_function)(struct tlsmgm_anchors *anchors, struct tlsmgm_blob *der,
                                           struct tlsmgm_error *error);

static enum tlsmgm_status add_ca(struct tlsmgm_anchors *anchors, struct tlsmgm_blob *der,
                                 struct tlsmgm_error *error) {
    return tlsmgm_anchors_add_ca(anchors, der, TLSMGM_TRUST_NEUTRAL, TLSMGM_TRUST_NEUTRAL, error);
}

static bool add_all(struct tlsmgm_anchors *anchors, const struct tlsmgm_bytes *items, size_t count,
                    add_function add) {
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        struct tlsmgm_source source = {.data = items[i]};
        struct tlsmgm_blob blob = {0};
        good &= tlsmgm_source_read(&source, NULL, &blob, NULL) == TLSMGM_STATUS_OK &&
                add(anchors, &blob, NULL) == TLSMGM_STATUS_OK;
        tlsmgm_blob_free(&blob);
    }
    return good;
}

bool tlsmgm_test_verify_chain(const struct tlsmgm_test_chain *chain,
                              enum tlsmgm_verify_reason *reason, int *depth) {
    struct tlsmgm_anchors anchors = {0};
    struct tlsmgm_peer_rules rules = {0};
    struct tlsmgm_path_answer answer;
    bool good = add_all(&anchors, chain->anchors, chain->anchor_count, add_ca) &&
                add_all(&anchors, chain->crls, chain->crl_count, tlsmgm_anchors_add_crl);
    tlsmgm_anchors_seal(&anchors);
    struct tlsmgm_path_question question = {
        .shown = chain->shown,
        .shown_count = chain->shown_count,
        .is_server = chain->is_server,
        .verify_depth = chain->verify_depth,
        .check_crls = chain->crl_count > 0,
        .check_all_crls = chain->check_all_crls,
        .now = chain->now,
        .anchors = &anchors,
        .peer_rules = &rules,
        .name = {(const uint8_t *)chain->name, strlen(chain->name)},
        .signature_check = wssl_check_signature,
    };
    good = good && tlsmgm_path_judge(&question, &answer, NULL) == TLSMGM_STATUS_OK;
    if (good) {
        *reason = answer.reason;
        *depth = (int)answer.depth;
    }
    tlsmgm_anchors_free(&anchors);
    return good;
}
