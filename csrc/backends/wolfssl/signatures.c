/*
 * Signature schemes: which a context offers and signs by, and by which a handshake was signed.
 * wolfSSL has one list, of what the peer is asked for; a server also signs by it, a client does
 * not.
 */
#include "backends/wolfssl/internal.h"

/* options.h, with which internal.h begins, comes before these. */
#include <string.h>
#include <wolfssl/openssl/evp.h>

#include "base/bytes.h"
#include "base/count.h"
#include "base/error.h"
#include "kit/signature_list.h"

#define PARAMETER        "signature_algorithms"
#define CLIENT_PARAMETER "client_signature_algorithms"

enum family { FAMILY_ECDSA = 1, FAMILY_RSA = 2, FAMILY_EDWARDS = 4 };

/* In wolfSSL's words both kinds of RSA-PSS with a digest are one. */
static const struct scheme {
    const char *name;   /* as TLS 1.3 calls it */
    const char *pair;   /* as OpenSSL does besides, or NULL */
    const char *native; /* as wolfSSL does */
    enum family family;
    int type, digest; /* wolfSSL's numbers of a signature that was made */
    bool is_for_pss_keys;
} schemes[] = {
    {"ecdsa_secp256r1_sha256", "ECDSA+SHA256", "ECDSA+SHA256", FAMILY_ECDSA,
     WC_NID_X9_62_id_ecPublicKey, WC_NID_sha256, false},
    {"ecdsa_secp384r1_sha384", "ECDSA+SHA384", "ECDSA+SHA384", FAMILY_ECDSA,
     WC_NID_X9_62_id_ecPublicKey, WC_NID_sha384, false},
    {"ecdsa_secp521r1_sha512", "ECDSA+SHA512", "ECDSA+SHA512", FAMILY_ECDSA,
     WC_NID_X9_62_id_ecPublicKey, WC_NID_sha512, false},
    {"ed25519", NULL, "ED25519", FAMILY_EDWARDS, WC_NID_ED25519, 0, false},
    {"rsa_pss_rsae_sha256", "RSA-PSS+SHA256", "RSA-PSS+SHA256", FAMILY_RSA, WC_NID_rsassaPss,
     WC_NID_sha256, false},
    {"rsa_pss_rsae_sha384", "RSA-PSS+SHA384", "RSA-PSS+SHA384", FAMILY_RSA, WC_NID_rsassaPss,
     WC_NID_sha384, false},
    {"rsa_pss_rsae_sha512", "RSA-PSS+SHA512", "RSA-PSS+SHA512", FAMILY_RSA, WC_NID_rsassaPss,
     WC_NID_sha512, false},
    {"rsa_pss_pss_sha256", "PSS+SHA256", "RSA-PSS+SHA256", FAMILY_RSA, WC_NID_rsassaPss,
     WC_NID_sha256, true},
    {"rsa_pss_pss_sha384", "PSS+SHA384", "RSA-PSS+SHA384", FAMILY_RSA, WC_NID_rsassaPss,
     WC_NID_sha384, true},
    {"rsa_pss_pss_sha512", "PSS+SHA512", "RSA-PSS+SHA512", FAMILY_RSA, WC_NID_rsassaPss,
     WC_NID_sha512, true},
    {"rsa_pkcs1_sha256", "RSA+SHA256", "RSA+SHA256", FAMILY_RSA, WC_NID_rsaEncryption,
     WC_NID_sha256, false},
    {"rsa_pkcs1_sha384", "RSA+SHA384", "RSA+SHA384", FAMILY_RSA, WC_NID_rsaEncryption,
     WC_NID_sha384, false},
    {"rsa_pkcs1_sha512", "RSA+SHA512", "RSA+SHA512", FAMILY_RSA, WC_NID_rsaEncryption,
     WC_NID_sha512, false},
};

/* A list in wolfSSL's words, each once, and of which families they are. */
struct chosen {
    size_t size;
    char text[TLSMGM_COUNT(schemes) * 16u];
    unsigned families;
};

static bool is_called(const char *name, const char *other) {
    if (other == NULL) return false;
    return tlsmgm_bytes_equal_ignoring_case(
        (struct tlsmgm_bytes){(const uint8_t *)name, strlen(name)},
        (struct tlsmgm_bytes){(const uint8_t *)other, strlen(other)});
}

static const struct scheme *scheme_called(const char *name) {
    for (size_t i = 0; i < TLSMGM_COUNT(schemes); i++) {
        if (is_called(name, schemes[i].name) || is_called(name, schemes[i].pair)) {
            return &schemes[i];
        }
    }
    return NULL;
}

/* A word stands behind a colon, and none is the beginning of another one. */
static void add(struct chosen *chosen, const struct scheme *scheme) {
    char word[18];
    size_t size = strlen(scheme->native);
    word[0] = ':';
    memcpy(word + 1, scheme->native, size + 1);
    chosen->families |= scheme->family;
    if (strstr(chosen->text, word) != NULL) return;
    memcpy(chosen->text + chosen->size, word, size + 2);
    chosen->size += size + 1;
}

/* An empty text where there is no list; else each word follows a colon. */
static enum tlsmgm_status choose(const char *text, const char *parameter, struct chosen *out,
                                 struct tlsmgm_error *error) {
    struct tlsmgm_signature_list list;
    *out = (struct chosen){0};
    if (text == NULL) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_signature_list_read(text, parameter, &list, error);
    for (size_t i = 0; status == TLSMGM_STATUS_OK && i < list.count; i++) {
        const struct scheme *scheme = scheme_called(list.items[i].name);
        if (scheme != NULL) {
            add(out, scheme);
        } else if (!list.items[i].is_optional) {
            status = tlsmgm_fail_signature(error, parameter, "wolfSSL", &list.items[i]);
        }
    }
    if (status != TLSMGM_STATUS_OK || out->size > 0) return status;
    return tlsmgm_fail_parameter(error, parameter, "wolfSSL knows nothing of the list");
}

static enum tlsmgm_status refuse(struct tlsmgm_error *error, const char *parameter,
                                 const char *why) {
    (void)tlsmgm_fail(error, TLSMGM_STATUS_UNSUPPORTED, "wolfSSL %s", why);
    if (error != NULL) error->parameter = parameter;
    return TLSMGM_STATUS_UNSUPPORTED;
}

/* Asked by TLS 1.2, clients are offered all of a family that the list leaves out. */
static bool is_widened(const struct tlsmgm_ctx_config *config, const struct chosen *list) {
    unsigned both = FAMILY_ECDSA | FAMILY_RSA;
    return config->verify_peer && config->lowest_version < TLSMGM_TLS1_3 &&
           (list->families & both) != both;
}

static enum tlsmgm_status check_server(const struct tlsmgm_ctx_config *config,
                                       const struct chosen *own, const struct chosen *of_clients,
                                       struct tlsmgm_error *error) {
    bool has_second = tlsmgm_source_is_given(&config->certificate2);
    unsigned both = FAMILY_ECDSA | FAMILY_RSA;
    if (config->verify_peer && of_clients->size > 0 && strcmp(own->text, of_clients->text) != 0) {
        return refuse(error, CLIENT_PARAMETER,
                      "signs by what it asks clients for: the lists must be the same");
    }
    if (own->size > 0 && is_widened(config, own)) {
        return refuse(error, config->client_signature_algorithms ? CLIENT_PARAMETER : PARAMETER,
                      "asks clients of TLS 1.2 for RSA and ECDSA: name both, or allow 1.3 alone");
    }
    if (own->size > 0 && has_second && (own->families & both) != both) {
        return refuse(error, PARAMETER,
                      "chooses one of two certificates without this list: name RSA and ECDSA");
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status check_client(const struct tlsmgm_ctx_config *config,
                                       const struct chosen *of_clients,
                                       struct tlsmgm_error *error) {
    if (of_clients->size == 0 || !tlsmgm_source_is_given(&config->certificate)) {
        return TLSMGM_STATUS_OK;
    }
    return refuse(error, CLIENT_PARAMETER, "has a client sign by what the server takes");
}

enum tlsmgm_status wssl_set_signatures(WOLFSSL_CTX *ssl_ctx, const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    struct chosen own;
    struct chosen of_clients;
    enum tlsmgm_status status = choose(config->signature_algorithms, PARAMETER, &own, error);
    if (status == TLSMGM_STATUS_OK) {
        status = choose(config->client_signature_algorithms, CLIENT_PARAMETER, &of_clients, error);
    }
    if (status == TLSMGM_STATUS_OK) {
        status = config->is_server ? check_server(config, &own, &of_clients, error)
                                   : check_client(config, &of_clients, error);
    }
    if (status != TLSMGM_STATUS_OK || own.size == 0) return status;
    if (wolfSSL_CTX_set1_sigalgs_list(ssl_ctx, own.text + 1) == WOLFSSL_SUCCESS) {
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_fail_parameter(error, PARAMETER, "wolfSSL cannot use the list");
}

static const char *name_of(int type, int digest, bool is_pss_key) {
    for (size_t i = 0; i < TLSMGM_COUNT(schemes); i++) {
        const struct scheme *scheme = &schemes[i];
        if (scheme->type != type || (scheme->digest != 0 && scheme->digest != digest)) continue;
        if (type != WC_NID_rsassaPss || scheme->is_for_pss_keys == is_pss_key) return scheme->name;
    }
    return NULL;
}

/* Up to TLS 1.2 a server signs only where a key is agreed on that is not its certificate's. */
static bool is_signed_by_server(const struct tlsmgm_conn_info *info) {
    return info->version >= TLSMGM_TLS1_3 ||
           (info->cipher != NULL && strstr(info->cipher, "DHE-") != NULL);
}

static const char *own_name(struct tlsmgm_conn *conn) {
    int type = 0;
    int digest = 0;
    if (wolfSSL_get_signature_type_nid(conn->ssl, &type) != WOLFSSL_SUCCESS) return NULL;
    (void)wolfSSL_get_signature_nid(conn->ssl, &digest);
    return name_of(type, digest, conn->base.ctx->key_kind == TLSMGM_KEY_RSA_PSS);
}

static const char *peer_name(struct tlsmgm_conn *conn) {
    int type = 0;
    int digest = 0;
    struct tlsmgm_bytes leaf = tlsmgm_peer_chain_at(&conn->base.peer_chain, 0);
    if (wolfSSL_get_peer_signature_type_nid(conn->ssl, &type) != WOLFSSL_SUCCESS) return NULL;
    (void)wolfSSL_get_peer_signature_nid(conn->ssl, &digest);
    return name_of(type, digest, tlsmgm_key_kind(leaf) == TLSMGM_KEY_RSA_PSS);
}

/* Whether a client has signed, wolfSSL tells its server alone. */
void wssl_signatures(struct tlsmgm_conn *conn, const char **own, const char **peer) {
    struct tlsmgm_conn_info info;
    bool is_server = conn->base.ctx->base.is_server;
    *own = NULL;
    *peer = NULL;
    wssl_conn_info(conn, &info);
    if (!conn->base.established || info.session_reused) return;
    bool is_signed = is_signed_by_server(&info);
    if (is_server && is_signed) *own = own_name(conn);
    if (is_server ? conn->base.peer_chain.count > 0 : is_signed) *peer = peer_name(conn);
}
