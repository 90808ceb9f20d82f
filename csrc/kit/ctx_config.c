#include "kit/ctx_config.h"

#include <string.h>

#include "base/blob.h"
#include "base/cursor.h"
#include "base/error.h"
#include "files/source.h"
#include "x509/key_kind.h"

#define ALPN_MAX 65535u /* RFC 7301 section 3.1 */

static enum tlsmgm_status check_versions(const struct tlsmgm_ctx_config *config,
                                         struct tlsmgm_error *error) {
    bool both = config->lowest_version != 0 && config->highest_version != 0;
    if (!both || config->lowest_version <= config->highest_version) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "tls_method", "the range of versions is empty");
}

static enum tlsmgm_status check_identity(const struct tlsmgm_ctx_config *config,
                                         struct tlsmgm_error *error) {
    if (!tlsmgm_source_is_given(&config->certificate)) {
        if (tlsmgm_source_is_given(&config->certificate2)) {
            return tlsmgm_fail_parameter(error, "certificate", "there is a second one only");
        }
        if (!config->is_server) return TLSMGM_STATUS_OK;
        return tlsmgm_fail_parameter(error, "certificate", "a server domain needs a certificate");
    }
    if (!tlsmgm_source_is_given(&config->private_key)) {
        return tlsmgm_fail_parameter(error, "private_key", "the certificate needs its private key");
    }
    if (!config->is_server && tlsmgm_source_is_given(&config->certificate2)) {
        return tlsmgm_fail_parameter(error, "certificate2", "a client domain has one certificate");
    }
    if (tlsmgm_source_is_given(&config->certificate2) ==
        tlsmgm_source_is_given(&config->private_key2)) {
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_fail_parameter(error, "private_key2",
                                 "the second certificate and its key need each other");
}

static enum tlsmgm_status check_stapling(const struct tlsmgm_ctx_config *config,
                                         struct tlsmgm_error *error) {
    if (config->is_server && config->require_staple) {
        return tlsmgm_fail_parameter(error, "require_staple", "clients staple nothing");
    }
    if (!config->is_server && tlsmgm_source_is_given(&config->ocsp_response)) {
        return tlsmgm_fail_parameter(error, "ocsp_response", "clients staple nothing");
    }
    if (!config->require_staple || config->verify_peer) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "require_staple", "this needs verify_cert");
}

/* Names that nobody looks at would be worse than none. */
static enum tlsmgm_status check_peer_names(const struct tlsmgm_ctx_config *config,
                                           struct tlsmgm_error *error) {
    if (config->peer_names == NULL || *config->peer_names == '\0') return TLSMGM_STATUS_OK;
    if (config->verify_peer && (config->require_peer || !config->is_server))
        return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "peer_identity",
                                 "names of peers need verify_cert, and require_cert on servers");
}

/* wolfSSL takes lists of names apart at commas, and ends a name at a NUL. */
static bool is_taken_whole(struct tlsmgm_bytes name) {
    return memchr(name.data, ',', name.size) == NULL && memchr(name.data, 0, name.size) == NULL;
}

static enum tlsmgm_status check_alpn(struct tlsmgm_bytes alpn, struct tlsmgm_error *error) {
    struct tlsmgm_cursor names = tlsmgm_cursor(alpn);
    struct tlsmgm_bytes name = {0};
    bool good = alpn.size <= ALPN_MAX;
    while (good && names.left > 0) {
        good = tlsmgm_cursor_vector(&names, 1, &name) && name.size > 0 && is_taken_whole(name);
    }
    if (good) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "alpn",
                                 "the protocol list is malformed, or a name has a comma or NUL");
}

static enum tlsmgm_status check_numbers(const struct tlsmgm_ctx_config *config,
                                        struct tlsmgm_error *error) {
    if (config->scope.size > TLSMGM_SCOPE_MAX) {
        return tlsmgm_fail_parameter(error, "scope", "%zu bytes; at most %u are possible",
                                     config->scope.size, TLSMGM_SCOPE_MAX);
    }
    if (config->verify_depth < 0 || config->verify_depth > TLSMGM_VERIFY_DEPTH_MAX) {
        return tlsmgm_fail_parameter(error, "verify_depth", "%d; 0 to %d are possible",
                                     config->verify_depth, TLSMGM_VERIFY_DEPTH_MAX);
    }
    if (config->tickets > TLSMGM_TICKETS_MAX) {
        return tlsmgm_fail_parameter(error, "tickets", "%u; at most %u are possible",
                                     config->tickets, TLSMGM_TICKETS_MAX);
    }
    if (config->min_rsa_bits != 0 && (config->min_rsa_bits < TLSMGM_RSA_BITS_MIN ||
                                      config->min_rsa_bits > TLSMGM_RSA_BITS_MAX)) {
        return tlsmgm_fail_parameter(error, "min_rsa_bits", "%d; %d to %d are possible",
                                     config->min_rsa_bits, TLSMGM_RSA_BITS_MIN,
                                     TLSMGM_RSA_BITS_MAX);
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_ctx_config_check(const struct tlsmgm_ctx_config *config,
                                           struct tlsmgm_error *error) {
    enum tlsmgm_status status = check_versions(config, error);
    if (status == TLSMGM_STATUS_OK) status = check_identity(config, error);
    if (status == TLSMGM_STATUS_OK) status = check_peer_names(config, error);
    if (status == TLSMGM_STATUS_OK) status = check_stapling(config, error);
    if (status == TLSMGM_STATUS_OK) status = check_alpn(config->alpn, error);
    if (status == TLSMGM_STATUS_OK) status = check_numbers(config, error);
    return status;
}

enum tlsmgm_status tlsmgm_check_two_kinds(const struct tlsmgm_blob *first,
                                          const struct tlsmgm_blob *second,
                                          struct tlsmgm_error *error) {
    enum tlsmgm_key_kind one = tlsmgm_key_kind(tlsmgm_blob_view(first));
    enum tlsmgm_key_kind two = tlsmgm_key_kind(tlsmgm_blob_view(second));
    if (!tlsmgm_key_kinds_clash(one, two)) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "certificate2",
                                 "its key is of the same kind as the first one's");
}
