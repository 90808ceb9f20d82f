/*
 * The path validator: whatever a peer shows, whoever is trusted. The first bytes of an input choose
 * the question and what becomes of signatures; pieces follow, each with its size in two bytes and
 * one byte that says what it is. Nobody gets through who should not by the simplest of all rules.
 */
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "path/path.h"
#include "x509/der.h"

#define PIECES_MAX 70u

/* Between the dates of the certificates in the corpus. */
#define NOW INT64_C(1795500000)

enum piece { PIECE_SHOWN, PIECE_CA, PIECE_CRL, PIECE_NAME, PIECE_COUNT };
enum signatures { ALL_GOOD, ALL_WRONG, ALL_WITHOUT_KEY, BY_BYTES, SIGNATURES_COUNT };

static enum signatures signatures;

struct input {
    struct tlsmgm_bytes shown[PIECES_MAX];
    size_t shown_count;
    struct tlsmgm_bytes name;
    struct tlsmgm_anchors anchors;
    struct tlsmgm_peer_rules rules;
    struct tlsmgm_path_question question;
};

static void touch(struct tlsmgm_bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) (void)*(const volatile uint8_t *)&bytes.data[i];
}

static enum tlsmgm_signature_answer check(const struct tlsmgm_signature *signature,
                                          const struct tlsmgm_public_key *key) {
    if (!tlsmgm_signature_is_allowed(signature, key)) abort();
    touch(signature->signed_bytes);
    touch(signature->bits);
    touch(key->info);
    switch (signatures) {
        case ALL_GOOD:
            return TLSMGM_SIGNATURE_GOOD;
        case ALL_WRONG:
            return TLSMGM_SIGNATURE_WRONG;
        case ALL_WITHOUT_KEY:
            return TLSMGM_SIGNATURE_NO_KEY;
        case BY_BYTES:
        case SIGNATURES_COUNT:
            break;
    }
    uint8_t last = signature->bits.size == 0 ? 0 : signature->bits.data[signature->bits.size - 1];
    return last % 4 == 0 ? TLSMGM_SIGNATURE_WRONG : TLSMGM_SIGNATURE_GOOD;
}

static struct tlsmgm_blob copy(struct tlsmgm_bytes bytes) {
    struct tlsmgm_source source = {.data = bytes};
    struct tlsmgm_blob blob = {0};
    if (tlsmgm_source_read(&source, NULL, &blob, NULL) != TLSMGM_STATUS_OK) abort();
    return blob;
}

static void add(struct input *input, uint8_t kind, struct tlsmgm_bytes piece) {
    struct tlsmgm_blob blob = {0};
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    enum tlsmgm_trust_setting setting = (enum tlsmgm_trust_setting)(kind / PIECE_COUNT % 3);
    switch ((enum piece)(kind % PIECE_COUNT)) {
        case PIECE_SHOWN:
            if (input->shown_count < PIECES_MAX) input->shown[input->shown_count++] = piece;
            return;
        case PIECE_CA:
            blob = copy(piece);
            status = tlsmgm_anchors_add_ca(&input->anchors, &blob, setting, setting, NULL);
            break;
        case PIECE_CRL:
            blob = copy(piece);
            status = tlsmgm_anchors_add_crl(&input->anchors, &blob, NULL);
            break;
        case PIECE_NAME:
        case PIECE_COUNT:
            input->name = piece;
            return;
    }
    if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_CONFIG) abort();
    if (status == TLSMGM_STATUS_OK && blob.size > 0) abort();
    tlsmgm_blob_free(&blob);
}

static bool read_input(struct tlsmgm_bytes bytes, struct input *input) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(bytes);
    uint32_t flags;
    uint32_t depth;
    uint32_t kind;
    struct tlsmgm_bytes piece;
    if (!tlsmgm_cursor_number(&cursor, 1, &flags) || !tlsmgm_cursor_number(&cursor, 1, &depth)) {
        return false;
    }
    signatures = (enum signatures)(flags >> 6);
    input->rules.is_sip = (flags & 16) != 0;
    while (tlsmgm_cursor_number(&cursor, 1, &kind) && tlsmgm_cursor_vector(&cursor, 2, &piece)) {
        add(input, (uint8_t)kind, piece);
    }
    tlsmgm_anchors_seal(&input->anchors);
    input->question = (struct tlsmgm_path_question){
        .shown = input->shown,
        .shown_count = input->shown_count,
        .is_server = (flags & 1) != 0,
        .accept_server_eku = (flags & 2) != 0,
        .check_crls = (flags & 4) != 0,
        .check_all_crls = (flags & 8) != 0,
        .verify_depth = (int)(depth % (TLSMGM_VERIFY_DEPTH_MAX + 1)),
        .min_rsa_bits = (flags & 32) != 0 ? 3072 : 0,
        .is_strict = (depth & 128) != 0,
        .now = NOW,
        .anchors = &input->anchors,
        .peer_rules = &input->rules,
        .name = input->name,
        .signature_check = check,
    };
    return true;
}

static bool is_shown_or_trusted(const struct input *input, struct tlsmgm_bytes der) {
    for (size_t i = 0; i < input->shown_count; i++) {
        if (tlsmgm_bytes_equal(input->shown[i], der)) return true;
    }
    for (size_t i = 0; i < input->anchors.ca_count; i++) {
        if (tlsmgm_bytes_equal(input->anchors.cas[i].certificate.der, der)) return true;
    }
    return false;
}

/* What must hold of everybody who gets through. */
static void look_at_good(const struct input *input, const struct tlsmgm_path_answer *answer) {
    struct tlsmgm_certificate leaf;
    struct tlsmgm_certificate issuer;
    if (input->shown_count == 0 || input->anchors.ca_count == 0) abort();
    if (tlsmgm_certificate_read(input->shown[0], &leaf, NULL) != TLSMGM_STATUS_OK) abort();
    if (!tlsmgm_certificate_is_in_force(&leaf, NOW) || leaf.has_unknown_critical) abort();
    if (leaf.key.security_bits < 112) abort();
    if (input->question.check_crls && input->anchors.crl_count == 0) abort();
    bool is_trusted = tlsmgm_anchors_same(&input->anchors, &leaf) != NULL;
    if (answer->issuer.size == 0) {
        if (!is_trusted) abort();
        return;
    }
    if (signatures == ALL_WRONG || signatures == ALL_WITHOUT_KEY) abort();
    if (!is_shown_or_trusted(input, answer->issuer)) abort();
    if (tlsmgm_certificate_read(answer->issuer, &issuer, NULL) != TLSMGM_STATUS_OK) abort();
    if (!tlsmgm_certificate_may_be_by(&leaf, &issuer)) abort();
    if (input->question.is_strict && leaf.fields.version == 2 && leaf.signer.key_id.data == NULL)
        abort();
    if (tlsmgm_certificate_authority(&issuer) == TLSMGM_NO_AUTHORITY) abort();
    if (input->name.size > 0 &&
        !tlsmgm_peer_has_name(leaf.fields.subject_alt_names, input->name, input->rules.is_sip)) {
        abort();
    }
}

static enum tlsmgm_status ask(const struct input *input, struct tlsmgm_path_answer *answer) {
    enum tlsmgm_status status = tlsmgm_path_judge(&input->question, answer, NULL);
    if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_PROTOCOL) abort();
    if (status != TLSMGM_STATUS_OK && answer->reason == TLSMGM_VERIFY_NONE) abort();
    if (answer->depth > input->shown_count + 1 || answer->text == NULL) abort();
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {0};
    struct tlsmgm_path_answer first;
    struct tlsmgm_path_answer again;
    if (read_input((struct tlsmgm_bytes){data, size}, &input)) {
        enum tlsmgm_status status = ask(&input, &first);
        if (status == TLSMGM_STATUS_OK && first.reason == TLSMGM_VERIFY_NONE) {
            look_at_good(&input, &first);
        }
        if (ask(&input, &again) != status || again.reason != first.reason) abort();
    }
    tlsmgm_anchors_free(&input.anchors);
    return 0;
}
