#include "verify_chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "backends/openssl/internal.h"

#define NAME_FLAGS (X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

static X509 *certificate_of(struct tlsmgm_bytes der) {
    const unsigned char *next = der.data;
    X509 *certificate = d2i_X509(NULL, &next, (long)der.size);
    if (certificate != NULL && next == der.data + der.size) return certificate;
    X509_free(certificate);
    return NULL;
}

static bool add_ca(X509_STORE *store, struct tlsmgm_bytes der) {
    X509 *certificate = certificate_of(der);
    bool good = certificate != NULL && X509_STORE_add_cert(store, certificate) == 1;
    X509_free(certificate);
    return good;
}

static bool add_crl(X509_STORE *store, struct tlsmgm_bytes der) {
    const unsigned char *next = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &next, (long)der.size);
    bool good = crl != NULL && X509_STORE_add_crl(store, crl) == 1;
    X509_CRL_free(crl);
    return good;
}

static bool fill(const struct tlsmgm_test_chain *chain, X509_STORE *store, STACK_OF(X509) * shown) {
    bool good = true;
    for (size_t i = 0; i < chain->anchor_count; i++) good &= add_ca(store, chain->anchors[i]);
    for (size_t i = 0; i < chain->crl_count; i++) good &= add_crl(store, chain->crls[i]);
    for (size_t i = 0; good && i < chain->shown_count; i++) {
        X509 *certificate = certificate_of(chain->shown[i]);
        good = certificate != NULL && sk_X509_push(shown, certificate) > 0;
    }
    return good && sk_X509_num(shown) > 0;
}

/* What our contexts and connections ask of OpenSSL. */
static void ask(const struct tlsmgm_test_chain *chain, X509_STORE_CTX *context) {
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;
    if (chain->crl_count > 0) flags |= X509_V_FLAG_CRL_CHECK;
    if (chain->crl_count > 0 && chain->check_all_crls) flags |= X509_V_FLAG_CRL_CHECK_ALL;
    (void)X509_STORE_CTX_set_default(context, chain->is_server ? "ssl_server" : "ssl_client");
    (void)X509_VERIFY_PARAM_set_flags(parameters, flags);
    X509_VERIFY_PARAM_set_auth_level(parameters, 2);
    X509_VERIFY_PARAM_set_depth(parameters, chain->verify_depth);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)chain->now);
    if (*chain->name != '\0') X509_VERIFY_PARAM_set_hostflags(parameters, NAME_FLAGS);
}

/* Asked last, as our connections ask; here by OpenSSL's own matcher. An address is no host's name.
 */
static bool has_name(const struct tlsmgm_test_chain *chain, X509_STORE_CTX *context) {
    X509 *leaf = X509_STORE_CTX_get0_cert(context);
    if (*chain->name == '\0') return true;
    int found = X509_check_ip_asc(leaf, chain->name, 0);
    bool is_address = found != -2;
    if (!is_address) found = X509_check_host(leaf, chain->name, 0, NAME_FLAGS, NULL);
    if (found == 1) return true;
    X509_STORE_CTX_set_error(context, X509_V_ERR_HOSTNAME_MISMATCH);
    X509_STORE_CTX_set_error_depth(context, 0);
    return false;
}

bool tlsmgm_test_verify_chain(const struct tlsmgm_test_chain *chain,
                              enum tlsmgm_verify_reason *reason, int *depth) {
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *shown = sk_X509_new_null();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool good = store != NULL && shown != NULL && context != NULL && fill(chain, store, shown) &&
                X509_STORE_CTX_init(context, store, sk_X509_value(shown, 0), shown) == 1;
    if (good) {
        ask(chain, context);
        bool verified = X509_verify_cert(context) == 1 && has_name(chain, context);
        *reason = ossl_verify_reason(X509_STORE_CTX_get_error(context));
        *depth = X509_STORE_CTX_get_error_depth(context);
        if (!verified && *reason == TLSMGM_VERIFY_NONE) *reason = TLSMGM_VERIFY_OTHER;
    }
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(shown, X509_free);
    X509_STORE_free(store);
    ERR_clear_error();
    return good;
}
