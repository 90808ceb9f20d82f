#include "path/path.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "x509/der.h"
#include "x509/name_constraints.h"
#include "x509/name_match.h"

/* Two more than intermediates: the peer's certificate and the authority. */
#define PATH_MAX_SIZE (TLSMGM_PATH_SHOWN_MAX + 2u)

/* OpenSSL's security level 2. */
#define SECURITY_BITS_MIN 112u

struct path {
    const struct tlsmgm_path_question *question;
    struct tlsmgm_certificate *shown; /* shown_count of them */
    bool used[TLSMGM_PATH_SHOWN_MAX];
    const struct tlsmgm_certificate *items[PATH_MAX_SIZE]; /* the peer's own first */
    size_t count;
    size_t trusted;                    /* which of items is the one that is trusted */
    enum tlsmgm_trust_setting setting; /* its own */
    struct tlsmgm_path_answer *answer;
};

/* Notes what is wrong; false, for those who end with it. */
static bool refuse(struct path *path, enum tlsmgm_verify_reason reason, size_t depth,
                   const char *text) {
    path->answer->reason = reason;
    path->answer->depth = depth;
    path->answer->text = text;
    return false;
}

/* --- choosing --------------------------------------------------------------------------- */

/* The first that is in force, else the one that lasts longest: nobody says why none is. */
static const struct tlsmgm_certificate *better(const struct path *path,
                                               const struct tlsmgm_certificate *best,
                                               const struct tlsmgm_certificate *candidate) {
    int64_t now = path->question->now;
    if (best == NULL) return candidate;
    if (tlsmgm_certificate_is_in_force(best, now)) return best;
    if (tlsmgm_certificate_is_in_force(candidate, now)) return candidate;
    return candidate->not_after > best->not_after ? candidate : best;
}

static const struct tlsmgm_anchor *trusted_issuer(const struct path *path,
                                                  const struct tlsmgm_certificate *certificate) {
    size_t count;
    const struct tlsmgm_certificate *best = NULL;
    const struct tlsmgm_anchor *found = tlsmgm_anchors_find(
        path->question->anchors, tlsmgm_name_hash(certificate->fields.issuer), &count);
    const struct tlsmgm_anchor *chosen = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!tlsmgm_certificate_may_be_by(certificate, &found[i].certificate)) continue;
        best = better(path, best, &found[i].certificate);
        if (best == &found[i].certificate) chosen = &found[i];
    }
    return chosen;
}

static bool is_in_path(const struct path *path, const struct tlsmgm_certificate *certificate) {
    for (size_t i = 0; i < path->count; i++) {
        if (tlsmgm_bytes_equal(path->items[i]->der, certificate->der)) return true;
    }
    return false;
}

/* Of what the peer has sent, in any order, each once. */
static const struct tlsmgm_certificate *shown_issuer(struct path *path,
                                                     const struct tlsmgm_certificate *certificate) {
    const struct tlsmgm_certificate *best = NULL;
    for (size_t i = 0; i < path->question->shown_count; i++) {
        const struct tlsmgm_certificate *candidate = &path->shown[i];
        if (path->used[i] || is_in_path(path, candidate)) continue;
        if (tlsmgm_certificate_may_be_by(certificate, candidate)) {
            best = better(path, best, candidate);
        }
    }
    if (best != NULL) path->used[best - path->shown] = true;
    return best;
}

static void trust(struct path *path, size_t depth, const struct tlsmgm_anchor *anchor) {
    path->items[depth] = &anchor->certificate;
    path->trusted = depth;
    path->setting = path->question->is_server ? anchor->for_servers : anchor->for_clients;
}

/*
 * Ends the path in what is trusted. One that signed itself has the name of a trusted one, so it
 * must be that very certificate.
 */
static bool reach_trust(struct path *path) {
    const struct tlsmgm_certificate *last = path->items[path->count - 1];
    const struct tlsmgm_anchor *anchor = trusted_issuer(path, last);
    if (anchor == NULL) return false;
    if (last->is_self_signed) {
        anchor = tlsmgm_anchors_same(path->question->anchors, last);
        if (anchor == NULL) return false;
        path->count--;
    }
    trust(path, path->count++, anchor);
    return true;
}

/* A certificate that is trusted for itself needs nobody above it. */
static bool is_pinned(struct path *path) {
    const struct tlsmgm_anchor *anchor =
        tlsmgm_anchors_same(path->question->anchors, path->items[0]);
    if (anchor == NULL) return false;
    trust(path, 0, anchor);
    return true;
}

static bool refuse_unfinished(struct path *path, bool is_too_long) {
    size_t depth = path->count - 1;
    if (is_too_long) {
        return refuse(path, TLSMGM_VERIFY_TOO_DEEP, depth, "more intermediates than verify_depth");
    }
    if (!path->items[depth]->is_self_signed) {
        return refuse(path, TLSMGM_VERIFY_UNKNOWN_CA, depth, "no trusted issuer was found");
    }
    if (depth == 0) {
        return refuse(path, TLSMGM_VERIFY_SELF_SIGNED, depth, "signed by itself, and not trusted");
    }
    return refuse(path, TLSMGM_VERIFY_UNKNOWN_CA, depth, "the root that was sent is not trusted");
}

static bool choose(struct path *path) {
    size_t longest = (size_t)path->question->verify_depth + 1;
    path->items[0] = &path->shown[0];
    path->count = 1;
    while (path->count <= longest) {
        const struct tlsmgm_certificate *last = path->items[path->count - 1];
        if (reach_trust(path)) {
            if (path->setting != TLSMGM_TRUST_REJECTED) return true;
            return refuse(path, TLSMGM_VERIFY_UNKNOWN_CA, path->count - 1,
                          "the authority is refused for this purpose");
        }
        const struct tlsmgm_certificate *issuer =
            last->is_self_signed ? NULL : shown_issuer(path, last);
        if (issuer == NULL) break;
        path->items[path->count++] = issuer;
    }
    bool is_too_long = path->count > longest;
    if (!is_too_long && is_pinned(path)) {
        if (path->setting != TLSMGM_TRUST_REJECTED) return true;
        return refuse(path, TLSMGM_VERIFY_UNKNOWN_CA, 0, "refused for this purpose");
    }
    return refuse_unfinished(path, is_too_long);
}

/* --- judging ---------------------------------------------------------------------------- */

/* All of the path, and a key that can do what clients do with theirs. */
static bool is_all_for_servers(const struct path *path) {
    const struct tlsmgm_certificate *leaf = path->items[0];
    for (size_t depth = 0; depth < path->count; depth++) {
        const struct tlsmgm_certificate *certificate = path->items[depth];
        if (!tlsmgm_certificate_is_for(certificate, true, depth > 0)) return false;
        if (certificate->has_extended_usage &&
            (certificate->extended_usage & TLSMGM_FOR_SERVERS) == 0) {
            return false;
        }
    }
    return !leaf->has_key_usage || (leaf->key_usage & TLSMGM_CLIENT_USAGE) != 0;
}

/*
 * Settings that trust a certificate count more than what it says of its own purpose, and so does
 * being trusted for itself when nobody can read what it says: in any other place an unreadable one
 * has no issuer, and is none.
 */
static bool has_purpose(const struct path *path, size_t depth) {
    if (path->items[depth]->is_invalid) return true;
    if (depth == path->trusted && path->setting == TLSMGM_TRUST_TRUSTED) return true;
    if (tlsmgm_certificate_is_for(path->items[depth], path->question->is_server, depth > 0)) {
        return true;
    }
    return !path->question->is_server && path->question->accept_server_eku &&
           is_all_for_servers(path);
}

static bool check_extensions_of(struct path *path, size_t depth, uint32_t below) {
    const struct tlsmgm_certificate *certificate = path->items[depth];
    bool is_last = depth + 1 == path->count;
    if (certificate->has_unknown_critical) {
        return refuse(path, TLSMGM_VERIFY_OTHER, depth, "a critical extension is not known");
    }
    if (certificate->is_proxy) {
        return refuse(path, TLSMGM_VERIFY_OTHER, depth, "proxy certificates are not accepted");
    }
    if (depth > 0) {
        enum tlsmgm_authority authority = tlsmgm_certificate_authority(certificate);
        if (authority == TLSMGM_NO_AUTHORITY || (!is_last && authority != TLSMGM_AUTHORITY)) {
            return refuse(path, TLSMGM_VERIFY_NOT_A_CA, depth, "the issuer is no authority");
        }
    }
    if (path->count > 1 && certificate->key.has_explicit_curve) {
        return refuse(path, TLSMGM_VERIFY_OTHER, depth, "the curve of the key has no name");
    }
    if (!has_purpose(path, depth)) {
        return refuse(path, TLSMGM_VERIFY_PURPOSE, depth, "not for this purpose");
    }
    if (depth > 1 && certificate->has_path_length && below > certificate->path_length) {
        return refuse(path, TLSMGM_VERIFY_TOO_DEEP, depth, "more intermediates than the CA allows");
    }
    return true;
}

static bool check_extensions(struct path *path) {
    uint32_t below = 0; /* intermediates that count against a path length */
    for (size_t depth = 0; depth < path->count; depth++) {
        if (!check_extensions_of(path, depth, below)) return false;
        if (depth > 0 && !path->items[depth]->is_self_issued) below++;
    }
    return true;
}

/* Nobody looks at the signature of what is trusted for itself. */
static bool check_strength(struct path *path) {
    for (size_t depth = 0; depth < path->count; depth++) {
        const struct tlsmgm_certificate *certificate = path->items[depth];
        if (depth > 0 && certificate->key.security_bits < SECURITY_BITS_MIN) {
            return refuse(path, TLSMGM_VERIFY_WEAK_KEY, depth, "the key of a CA is too weak");
        }
        if (depth + 1 < path->count && certificate->signature.security_bits < SECURITY_BITS_MIN) {
            return refuse(path, TLSMGM_VERIFY_WEAK_KEY, depth,
                          "the digest of a signature is too weak");
        }
    }
    return true;
}

static bool has_host_name(const struct tlsmgm_path_question *question) {
    return question->name.size > 0 && !question->peer_rules->is_sip;
}

static bool check_strictly(struct path *path) {
    for (size_t depth = 0; path->question->is_strict && depth < path->count; depth++) {
        enum tlsmgm_strict_fault fault =
            tlsmgm_strict_check(path->items[depth], depth, path->count);
        if (fault == TLSMGM_STRICT_GOOD) continue;
        path->answer->strict = fault;
        return refuse(path, tlsmgm_strict_reason(fault), depth, tlsmgm_strict_words(fault));
    }
    return true;
}

/* What the domain asks for beyond the strength that everybody must have. */
static bool check_rsa_keys(struct path *path) {
    for (size_t depth = 0; depth < path->count; depth++) {
        size_t bits = path->items[depth]->key.rsa_bits;
        if (bits == 0 || bits >= (size_t)path->question->min_rsa_bits) continue;
        return refuse(path, TLSMGM_VERIFY_WEAK_KEY, depth,
                      "an RSA key is smaller than min_rsa_bits");
    }
    return true;
}

static bool check_names(struct path *path) {
    const struct tlsmgm_path_question *question = path->question;
    if (tlsmgm_peer_is_expected(path->items[0]->fields.subject_alt_names, question->peer_rules,
                                question->name)) {
        return true;
    }
    return refuse(path, TLSMGM_VERIFY_NAME_MISMATCH, 0, "the name is another one");
}

static bool check_times(struct path *path, size_t depth) {
    const struct tlsmgm_certificate *certificate = path->items[depth];
    if (certificate->has_not_before && path->question->now < certificate->not_before) {
        return refuse(path, TLSMGM_VERIFY_NOT_YET_VALID, depth, "not yet valid");
    }
    if (!certificate->has_not_before || !certificate->has_not_after) {
        return refuse(path, TLSMGM_VERIFY_MALFORMED, depth, "a date cannot be read");
    }
    if (path->question->now >= certificate->not_after) {
        return refuse(path, TLSMGM_VERIFY_EXPIRED, depth, "expired");
    }
    return true;
}

static bool check_signature(struct path *path, size_t depth,
                            const struct tlsmgm_certificate *issuer) {
    const struct tlsmgm_certificate *certificate = path->items[depth];
    enum tlsmgm_signature_answer answer = TLSMGM_SIGNATURE_WRONG;
    if (tlsmgm_bytes_equal(certificate->inner_algorithm, certificate->signature.algorithm) &&
        tlsmgm_signature_is_allowed(&certificate->signature, &issuer->key)) {
        answer = path->question->signature_check(&certificate->signature, &issuer->key);
    }
    switch (answer) {
        case TLSMGM_SIGNATURE_GOOD:
            return true;
        case TLSMGM_SIGNATURE_WRONG:
            return refuse(path, TLSMGM_VERIFY_SIGNATURE, depth, "the signature does not fit");
        case TLSMGM_SIGNATURE_NO_KEY:
            break;
    }
    return refuse(path, TLSMGM_VERIFY_UNKNOWN_CA, depth + 1, "the key of a CA cannot be used");
}

static bool may_sign(const struct tlsmgm_certificate *issuer) {
    return !issuer->has_key_usage || (issuer->key_usage & TLSMGM_USE_CERT_SIGN) != 0;
}

/* From the top down: a date above is told before a signature below. */
static bool check_signatures_and_times(struct path *path) {
    for (size_t depth = path->count; depth-- > 0;) {
        if (depth + 1 < path->count) {
            const struct tlsmgm_certificate *issuer = path->items[depth + 1];
            if (!may_sign(issuer)) {
                return refuse(path, TLSMGM_VERIFY_NOT_A_CA, depth + 1, "the issuer may not sign");
            }
            if (!check_signature(path, depth, issuer)) return false;
        }
        if (!check_times(path, depth)) return false;
    }
    return true;
}

static bool check_name_constraints(struct path *path) {
    for (size_t depth = path->count; depth-- > 0;) {
        const struct tlsmgm_certificate *certificate = path->items[depth];
        if (depth > 0 && certificate->is_self_issued) continue;
        bool with_common_names = depth == 0 && !has_host_name(path->question);
        for (size_t above = path->count; above-- > depth + 1;) {
            const struct tlsmgm_certificate *authority = path->items[above];
            if (tlsmgm_name_constraints_hold(authority->name_constraints, &certificate->fields,
                                             with_common_names))
                continue;
            return refuse(path, TLSMGM_VERIFY_OTHER, depth,
                          "a name is outside of what the issuer may certify");
        }
    }
    return true;
}

/* --- revocation ------------------------------------------------------------------------- */

/* How well a list suits; the greater the better, bits as OpenSSL weighs them. */
enum score {
    SCORE_NO_CRITICAL = 0x100,
    SCORE_SCOPE = 0x080,
    SCORE_TIME = 0x040,
    SCORE_ISSUER_NAME = 0x020,
    SCORE_ISSUER = 0x018,
    SCORE_SAME_PATH = 0x008,
    SCORE_KEY = 0x004,
};

struct choice {
    struct tlsmgm_revocation *revocation; /* NULL: none suits */
    const struct tlsmgm_certificate *issuer;
    unsigned score;
    unsigned reasons;
};

static bool is_current(const struct tlsmgm_crl *crl, int64_t now) {
    return crl->this_update <= now && now < crl->next_update;
}

/* Who signed the list: the issuer, else somebody above of the same name. */
static const struct tlsmgm_certificate *crl_issuer(const struct path *path, size_t depth,
                                                   const struct tlsmgm_crl *crl, unsigned *score) {
    size_t at = depth + 1 < path->count ? depth + 1 : depth;
    if (tlsmgm_key_reference_fits(&crl->signer, path->items[at])) {
        *score |= SCORE_KEY | SCORE_ISSUER;
        return path->items[at];
    }
    for (at++; at < path->count; at++) {
        if (!tlsmgm_names_match(path->items[at]->fields.subject, crl->issuer)) continue;
        if (!tlsmgm_key_reference_fits(&crl->signer, path->items[at])) continue;
        *score |= SCORE_KEY | SCORE_SAME_PATH;
        return path->items[at];
    }
    return NULL;
}

static struct choice weigh(const struct path *path, size_t depth,
                           struct tlsmgm_revocation *revocation, unsigned known_reasons) {
    const struct tlsmgm_certificate *certificate = path->items[depth];
    const struct tlsmgm_crl *crl = &revocation->crl;
    struct choice none = {0};
    struct choice choice = {.revocation = revocation, .score = SCORE_ISSUER_NAME};
    unsigned reasons;
    if (crl->scope.is_contradictory || crl->scope.is_indirect || crl->scope.has_reasons)
        return none;
    if (crl->is_delta || !tlsmgm_names_match(certificate->fields.issuer, crl->issuer)) return none;
    if (!crl->has_unknown_critical) choice.score |= SCORE_NO_CRITICAL;
    if (is_current(crl, path->question->now)) choice.score |= SCORE_TIME;
    choice.issuer = crl_issuer(path, depth, crl, &choice.score);
    if (choice.issuer == NULL) return none;
    choice.reasons = known_reasons;
    if (tlsmgm_crl_covers(crl, certificate, &reasons)) {
        if ((reasons & ~known_reasons) == 0) return none;
        choice.reasons |= reasons;
        choice.score |= SCORE_SCOPE;
    }
    return choice;
}

/* The best; of two that are equally good the newer. */
static struct choice choose_crl(const struct path *path, size_t depth, unsigned known_reasons) {
    size_t count;
    struct choice best = {0};
    uint64_t hash = tlsmgm_name_hash(path->items[depth]->fields.issuer);
    struct tlsmgm_revocation *found =
        tlsmgm_anchors_find_crls(path->question->anchors, hash, &count);
    for (size_t i = 0; i < count; i++) {
        struct choice choice = weigh(path, depth, &found[i], known_reasons);
        if (choice.revocation == NULL || choice.score < best.score) continue;
        if (choice.score == best.score && best.revocation != NULL &&
            choice.revocation->crl.this_update <= best.revocation->crl.this_update) {
            continue;
        }
        best = choice;
    }
    return best;
}

static bool check_crl(struct path *path, size_t depth, const struct choice *choice) {
    const struct tlsmgm_crl *crl = &choice->revocation->crl;
    const struct tlsmgm_certificate *issuer = choice->issuer;
    if (issuer->has_key_usage && (issuer->key_usage & TLSMGM_USE_CRL_SIGN) == 0) {
        return refuse(path, TLSMGM_VERIFY_CRL_INVALID, depth, "the issuer may not sign CRLs");
    }
    if ((choice->score & SCORE_SCOPE) == 0) {
        return refuse(path, TLSMGM_VERIFY_CRL_MISSING, depth,
                      "the CRL is about other certificates");
    }
    if ((choice->score & SCORE_TIME) == 0) {
        return refuse(path, TLSMGM_VERIFY_CRL_EXPIRED, depth,
                      crl->this_update > path->question->now ? "the CRL is not yet in force"
                                                             : "the CRL has expired");
    }
    if (!tlsmgm_revocation_is_by(choice->revocation, &issuer->key,
                                 path->question->signature_check)) {
        return refuse(path, TLSMGM_VERIFY_CRL_INVALID, depth, "the CRL's signature does not fit");
    }
    if (crl->has_unknown_critical) {
        return refuse(path, TLSMGM_VERIFY_OTHER, depth,
                      "the CRL has a critical extension that is not known");
    }
    if (tlsmgm_crl_revokes(crl, path->items[depth]->fields.serial)) {
        return refuse(path, TLSMGM_VERIFY_REVOKED, depth, "revoked");
    }
    return true;
}

/* Lists of some reasons add up, until all are known of. */
static bool check_revocation_of(struct path *path, size_t depth) {
    unsigned reasons = 0;
    while (reasons != TLSMGM_ALL_REASONS) {
        struct choice choice = choose_crl(path, depth, reasons);
        if (choice.revocation == NULL) {
            return refuse(path, TLSMGM_VERIFY_CRL_MISSING, depth, "there is no CRL of the issuer");
        }
        if (!check_crl(path, depth, &choice)) return false;
        reasons = choice.reasons;
    }
    return true;
}

static bool check_revocation(struct path *path) {
    size_t last = path->question->check_all_crls ? path->count : 1;
    if (!path->question->check_crls) return true;
    for (size_t depth = 0; depth < last; depth++) {
        if (!check_revocation_of(path, depth)) return false;
    }
    return true;
}

/* --- the whole -------------------------------------------------------------------------- */

static bool judge(struct path *path) {
    if (path->shown[0].key.security_bits < SECURITY_BITS_MIN) {
        return refuse(path, TLSMGM_VERIFY_WEAK_KEY, 0, "the key is too weak");
    }
    return choose(path) && check_extensions(path) && check_strength(path) &&
           check_revocation(path) && check_signatures_and_times(path) &&
           check_name_constraints(path) && check_strictly(path) && check_rsa_keys(path) &&
           check_names(path);
}

static enum tlsmgm_status read_shown(const struct tlsmgm_path_question *question,
                                     struct tlsmgm_certificate *shown, struct tlsmgm_error *error) {
    for (size_t i = 0; i < question->shown_count; i++) {
        enum tlsmgm_status status = tlsmgm_certificate_read(question->shown[i], &shown[i], error);
        if (status != TLSMGM_STATUS_OK) return status;
        if (!shown[i].is_costly) continue;
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_BAD_CERTIFICATE,
                                 "malformed certificate: too many CRL distribution points");
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_path_judge(const struct tlsmgm_path_question *question,
                                     struct tlsmgm_path_answer *answer,
                                     struct tlsmgm_error *error) {
    struct path path = {.question = question, .answer = answer};
    *answer = (struct tlsmgm_path_answer){.reason = TLSMGM_VERIFY_OTHER, .text = "not judged"};
    if (question->shown_count == 0 || question->shown_count > TLSMGM_PATH_SHOWN_MAX) {
        (void)refuse(&path, TLSMGM_VERIFY_TOO_DEEP, 0, "too many certificates were sent");
        return TLSMGM_STATUS_OK;
    }
    path.shown = tlsmgm_calloc(question->shown_count, sizeof *path.shown);
    if (path.shown == NULL) return tlsmgm_fail_memory(error);
    enum tlsmgm_status status = read_shown(question, path.shown, error);
    if (status == TLSMGM_STATUS_OK && judge(&path)) {
        answer->reason = TLSMGM_VERIFY_NONE;
        answer->text = "verified";
        if (path.count > 1) answer->issuer = path.items[1]->der;
    }
    tlsmgm_free(path.shown);
    return status;
}
