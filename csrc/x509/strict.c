#include "x509/strict.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/error.h"

/* A certificate's version as it is written. */
#define VERSION_3 2u

/* RFC 5280 section 4.2.1.9. */
static enum tlsmgm_strict_fault check_constraints(const struct tlsmgm_certificate *certificate) {
    bool may_sign = (certificate->key_usage & TLSMGM_USE_CERT_SIGN) != 0;
    if (certificate->has_path_length && !certificate->is_ca) {
        return TLSMGM_STRICT_PATH_LENGTH_OF_NO_CA;
    }
    if (certificate->has_path_length && !may_sign) return TLSMGM_STRICT_PATH_LENGTH_WITHOUT_USAGE;
    if (certificate->is_ca && !certificate->has_critical_constraints) {
        return TLSMGM_STRICT_CONSTRAINTS_NOT_CRITICAL;
    }
    if (certificate->is_ca && !certificate->has_key_usage) return TLSMGM_STRICT_CA_WITHOUT_USAGE;
    if (!certificate->is_ca && may_sign) return TLSMGM_STRICT_USAGE_OF_NO_CA;
    return TLSMGM_STRICT_GOOD;
}

/* RFC 5280 sections 4.1.2.4, 4.1.2.6 and 4.2.1.6. */
static enum tlsmgm_strict_fault check_names(const struct tlsmgm_certificate *certificate) {
    bool signs_lists = (certificate->key_usage & TLSMGM_USE_CRL_SIGN) != 0;
    bool has_names = certificate->has_alt_names;
    if (certificate->fields.issuer.size == 0) return TLSMGM_STRICT_NO_ISSUER;
    if (certificate->fields.subject.size == 0) {
        if (certificate->is_ca || signs_lists || !has_names) return TLSMGM_STRICT_NO_SUBJECT;
        if (!certificate->has_critical_alt_names) return TLSMGM_STRICT_NAMES_NOT_CRITICAL;
    }
    if (has_names && certificate->fields.subject_alt_names.size == 0) return TLSMGM_STRICT_NO_NAMES;
    return TLSMGM_STRICT_GOOD;
}

/* RFC 5280 sections 4.1.1.2, 4.2.1.1, 4.2.1.2 and 4.1.2.1; whose key signed a root is clear. */
static enum tlsmgm_strict_fault check_keys(const struct tlsmgm_certificate *certificate,
                                           bool is_last) {
    if (!tlsmgm_bytes_equal(certificate->inner_algorithm, certificate->signature.algorithm)) {
        return TLSMGM_STRICT_TWO_ALGORITHMS;
    }
    if (certificate->fields.version < VERSION_3) {
        return certificate->fields.extensions.size == 0 ? TLSMGM_STRICT_GOOD
                                                        : TLSMGM_STRICT_OLD_VERSION;
    }
    if (!is_last && certificate->signer.key_id.data == NULL) return TLSMGM_STRICT_NO_AUTHORITY_KEY;
    if (certificate->is_ca && certificate->key_id.data == NULL) {
        return TLSMGM_STRICT_NO_SUBJECT_KEY;
    }
    return TLSMGM_STRICT_GOOD;
}

/* A leaf may be no authority at all, but not half of one. */
static bool is_half_a_ca(const struct tlsmgm_certificate *certificate, size_t depth) {
    enum tlsmgm_authority authority = tlsmgm_certificate_authority(certificate);
    if (authority == TLSMGM_AUTHORITY) return false;
    return depth > 0 || authority != TLSMGM_NO_AUTHORITY;
}

enum tlsmgm_strict_fault tlsmgm_strict_check(const struct tlsmgm_certificate *certificate,
                                             size_t depth, size_t count) {
    if (is_half_a_ca(certificate, depth)) return TLSMGM_STRICT_HALF_A_CA;
    if (count < 2) return TLSMGM_STRICT_GOOD; /* RFC 6818 section 2: trusted for itself */
    enum tlsmgm_strict_fault fault = check_constraints(certificate);
    if (fault == TLSMGM_STRICT_GOOD) fault = check_names(certificate);
    if (fault == TLSMGM_STRICT_GOOD) fault = check_keys(certificate, depth + 1 == count);
    return fault;
}

static const struct {
    enum tlsmgm_verify_reason reason;
    const char *words;
} faults[] = {
#define TLSMGM_STRICT_FAULT(name, reason, words) {TLSMGM_VERIFY_##reason, words},
#include "x509/strict_fault.def"
#undef TLSMGM_STRICT_FAULT
};

enum tlsmgm_verify_reason tlsmgm_strict_reason(enum tlsmgm_strict_fault fault) {
    return faults[fault].reason;
}

const char *tlsmgm_strict_words(enum tlsmgm_strict_fault fault) { return faults[fault].words; }

enum tlsmgm_status tlsmgm_strict_fail(struct tlsmgm_error *error, enum tlsmgm_strict_fault fault,
                                      size_t depth) {
    char why[128];
    (void)snprintf(why, sizeof why, "%s (strict rules; certificate %zu of the path, its own is 0)",
                   faults[fault].words, depth);
    return tlsmgm_fail_verify(error, faults[fault].reason, why);
}
