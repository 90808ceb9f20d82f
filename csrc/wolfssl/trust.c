/*
 * Certificate stores. wolfSSL adds an intermediate that it has verified to the store in use, so a
 * shared store would accept a later leaf whose peer left its chain out. Therefore each handshake
 * has a store of its own, borrowed from the context; when it comes back, the intermediates are
 * taken out again. Building one parses all CAs, so they are kept for the next handshake.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "certificate_fields.h"
#include "error.h"
#include "internal.h"

#define IDLE_MAX 64u /* stores kept for the next handshakes */

/* A growing list of DER items. */
struct der_list {
    struct tlsmgm_blob *items;
    size_t count;
};

struct wssl_trust {
    struct der_list cas;
    size_t ca_list_count; /* of cas, those that ca_list names; they come first */
    struct der_list crls;
    bool crl_check_all;
    enum wssl_stapling stapling;
    pthread_mutex_t lock; /* guards idle and idle_count */
    WOLFSSL_X509_STORE *idle[IDLE_MAX];
    size_t idle_count;
    int64_t stale_at; /* when a CA begins or ceases to be in force: the idle ones are wrong then */
    unsigned generation; /* counts these moments; of a loan, says whether it may come back */
};

static enum tlsmgm_status list_add(struct der_list *list, const uint8_t *der, size_t size,
                                   struct tlsmgm_error *error) {
    struct tlsmgm_source source = {.data = {der, size}};
    struct tlsmgm_blob *items =
        tlsmgm_realloc(list->items, (list->count + 1) * sizeof *list->items);
    if (items == NULL) return tlsmgm_fail_memory(error);
    list->items = items;
    enum tlsmgm_status status = tlsmgm_source_read(&source, NULL, &items[list->count], error);
    if (status == TLSMGM_OK) list->count++;
    return status;
}

static void list_free(struct der_list *list) {
    for (size_t i = 0; i < list->count; i++) tlsmgm_blob_free(&list->items[i]);
    tlsmgm_free(list->items);
}

/* Every PEM item of a kind in a blob, as DER. Stops at the first text that is no such item. */
static enum tlsmgm_status add_pem_items(struct der_list *list, struct tlsmgm_bytes blob, int type,
                                        struct tlsmgm_error *error) {
    size_t at = 0;
    enum tlsmgm_status status = TLSMGM_OK;
    while (status == TLSMGM_OK && at < blob.size) {
        DerBuffer *der = NULL;
        EncryptedInfo info;
        memset(&info, 0, sizeof info);
        int result =
            wc_PemToDer(blob.data + at, (long)(blob.size - at), type, &der, NULL, &info, NULL);
        if (result == 0) status = list_add(list, der->buffer, der->length, error);
        wc_FreeDer(&der);
        if (result != 0 || info.consumed <= 0) break;
        at += (size_t)info.consumed;
    }
    return status;
}

static enum tlsmgm_status add_cas(struct wssl_trust *trust, struct tlsmgm_bytes blob,
                                  const char *parameter, const char *path,
                                  struct tlsmgm_error *error) {
    size_t before = trust->cas.count;
    enum tlsmgm_status status = add_pem_items(&trust->cas, blob, CERT_TYPE, error);
    if (status != TLSMGM_OK || trust->cas.count > before) return status;
    return tlsmgm_fail_parameter(error, parameter, "no readable PEM certificate in %s",
                                 path == NULL ? "the value" : path);
}

static enum tlsmgm_status visit_ca(void *context, const char *path, struct tlsmgm_bytes content,
                                   struct tlsmgm_error *error) {
    return add_cas(context, content, "ca_dir", path, error);
}

/* PEM, several in a file perhaps, or one in DER. A file that is neither is passed over. */
static enum tlsmgm_status visit_crl(void *context, const char *path, struct tlsmgm_bytes content,
                                    struct tlsmgm_error *error) {
    struct wssl_trust *trust = context;
    size_t before = trust->crls.count;
    (void)path;
    enum tlsmgm_status status = add_pem_items(&trust->crls, content, CRL_TYPE, error);
    if (status != TLSMGM_OK || trust->crls.count > before || content.size == 0) return status;
    WOLFSSL_X509_CRL *crl = wolfSSL_d2i_X509_CRL(NULL, content.data, (int)content.size);
    if (crl == NULL) return TLSMGM_OK;
    wolfSSL_X509_CRL_free(crl);
    return list_add(&trust->crls, content.data, content.size, error);
}

static enum tlsmgm_status read_sources(struct wssl_trust *trust,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_OK;
    if (tlsmgm_source_is_given(&config->ca_list)) {
        struct tlsmgm_blob blob;
        status = tlsmgm_source_read(&config->ca_list, "ca_list", &blob, error);
        if (status == TLSMGM_OK) {
            struct tlsmgm_bytes bytes = {blob.data, blob.size};
            status = add_cas(trust, bytes, "ca_list", config->ca_list.path, error);
        }
        tlsmgm_blob_free(&blob);
        trust->ca_list_count = trust->cas.count;
    }
    if (status == TLSMGM_OK && config->ca_dir.path != NULL) {
        size_t before = trust->cas.count;
        status = tlsmgm_directory_visit(&config->ca_dir, "ca_dir", true, visit_ca, trust, error);
        if (status == TLSMGM_OK && trust->cas.count == before) {
            status = tlsmgm_fail_parameter(
                error, "ca_dir", "no CA certificate named by its hash in %s (run: openssl rehash)",
                config->ca_dir.path);
        }
    }
    if (status == TLSMGM_OK && config->crl_dir.path != NULL) {
        status =
            tlsmgm_directory_visit(&config->crl_dir, "crl_dir", false, visit_crl, trust, error);
        if (status == TLSMGM_OK && trust->crls.count == 0) {
            status = tlsmgm_fail_parameter(error, "crl_dir", "no CRL in %s", config->crl_dir.path);
        }
    }
    return status;
}

/*
 * wolfSSL lets whatever is loaded as a CA sign, a server's own certificate too. As OpenSSL has it:
 * basicConstraints must say CA, without them only an old self-signed one is; and keyUsage, where it
 * stands, must allow it (RFC 5280 section 6.1.4 k, n).
 */
bool wssl_may_sign(const struct tlsmgm_blob *ca) {
    const unsigned char *data = ca->data;
    WOLFSSL_X509 *certificate = wolfSSL_d2i_X509(NULL, &data, (int)ca->size);
    if (certificate == NULL) return false;
    unsigned int usage = wolfSSL_X509_get_keyUsage(certificate); /* 0: not there */
    bool is_old = wolfSSL_X509_version(certificate) == 1 &&
                  wolfSSL_X509_NAME_cmp(wolfSSL_X509_get_subject_name(certificate),
                                        wolfSSL_X509_get_issuer_name(certificate)) == 0;
    bool good = (is_old || wolfSSL_X509_get_isCA(certificate) != 0) &&
                (usage == 0 || (usage & KEYUSE_KEY_CERT_SIGN) != 0);
    wolfSSL_X509_free(certificate);
    return good;
}

/* An expired CA vouches for nobody, so it is left out; it must not stop the others. */
static int load_ca(WOLFSSL_X509_STORE *store, const struct tlsmgm_blob *ca) {
    if (!wssl_may_sign(ca)) return WOLFSSL_SUCCESS;
    int result =
        wolfSSL_CertManagerLoadCABuffer(store->cm, ca->data, (long)ca->size, WOLFSSL_FILETYPE_ASN1);
    if (result == ASN_AFTER_DATE_E || result == ASN_BEFORE_DATE_E) return WOLFSSL_SUCCESS;
    return result;
}

static int load_crl(WOLFSSL_X509_STORE *store, const struct tlsmgm_blob *der) {
    WOLFSSL_X509_CRL *crl = wolfSSL_d2i_X509_CRL(NULL, der->data, (int)der->size);
    if (crl == NULL) return WOLFSSL_FAILURE;
    int result = wolfSSL_X509_STORE_add_crl(store, crl);
    wolfSSL_X509_CRL_free(crl);
    return result;
}

/* Adding a CRL switches checking of the whole chain on, whatever was asked for. */
static int set_crl_mode(WOLFSSL_X509_STORE *store, bool check_all) {
    (void)wolfSSL_CertManagerDisableCRL(store->cm);
    return wolfSSL_CertManagerEnableCRL(store->cm,
                                        check_all ? WOLFSSL_CRL_CHECKALL : WOLFSSL_CRL_CHECK);
}

/* NULL on failure, then *parameter and *code tell why. */
static WOLFSSL_X509_STORE *build_store(const struct wssl_trust *trust, const char **parameter,
                                       int *code) {
    WOLFSSL_X509_STORE *store = wolfSSL_X509_STORE_new();
    int result = store == NULL ? MEMORY_E : WOLFSSL_SUCCESS;
    *parameter = "ca_list";
    for (size_t i = 0; result == WOLFSSL_SUCCESS && i < trust->cas.count; i++) {
        result = load_ca(store, &trust->cas.items[i]);
    }
    if (result == WOLFSSL_SUCCESS && trust->crls.count > 0) *parameter = "crl_dir";
    for (size_t i = 0; result == WOLFSSL_SUCCESS && i < trust->crls.count; i++) {
        result = load_crl(store, &trust->crls.items[i]);
    }
    if (result == WOLFSSL_SUCCESS && trust->crls.count > 0) {
        result = set_crl_mode(store, trust->crl_check_all);
    }
    if (result == WOLFSSL_SUCCESS && !wssl_prepare_store(store, trust->stapling)) result = MEMORY_E;
    if (result == WOLFSSL_SUCCESS) return store;
    *code = result;
    wolfSSL_X509_STORE_free(store);
    return NULL;
}

/* The next moment at which a CA begins or ceases to be in force; wolfSSL asks only when loading. */
static int64_t next_change(const struct wssl_trust *trust, int64_t now) {
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < trust->cas.count; i++) {
        struct tlsmgm_bytes der = {trust->cas.items[i].data, trust->cas.items[i].size};
        struct tlsmgm_certificate_fields fields;
        int64_t moment;
        if (tlsmgm_certificate_fields_read(der, &fields, NULL) != TLSMGM_OK) continue;
        if (tlsmgm_time_unix(fields.not_before, &moment) && moment > now && moment < next)
            next = moment;
        if (tlsmgm_time_unix(fields.not_after, &moment) && moment >= now && moment < next)
            next = moment + 1;
    }
    return next;
}

/* Under the lock. */
static void drop_stale(struct wssl_trust *trust) {
    int64_t now = (int64_t)time(NULL);
    if (now < trust->stale_at) return;
    while (trust->idle_count > 0) wolfSSL_X509_STORE_free(trust->idle[--trust->idle_count]);
    trust->stale_at = next_change(trust, now);
    trust->generation++;
}

WOLFSSL_X509_STORE *wssl_trust_borrow(struct wssl_trust *trust, unsigned *generation) {
    WOLFSSL_X509_STORE *store = NULL;
    const char *parameter;
    int code = 0;
    (void)pthread_mutex_lock(&trust->lock);
    drop_stale(trust);
    *generation = trust->generation;
    if (trust->idle_count > 0) store = trust->idle[--trust->idle_count];
    (void)pthread_mutex_unlock(&trust->lock);
    return store != NULL ? store : build_store(trust, &parameter, &code);
}

void wssl_trust_return(struct wssl_trust *trust, WOLFSSL_X509_STORE *store, unsigned generation) {
    if (store == NULL) return;
    bool clean = wolfSSL_CertManagerUnloadIntermediateCerts(store->cm) == WOLFSSL_SUCCESS;
    (void)pthread_mutex_lock(&trust->lock);
    if (clean && generation == trust->generation && trust->idle_count < IDLE_MAX) {
        trust->idle[trust->idle_count++] = store;
        store = NULL;
    }
    (void)pthread_mutex_unlock(&trust->lock);
    if (store != NULL) wolfSSL_X509_STORE_free(store);
}

bool wssl_trust_has(const struct wssl_trust *trust, struct tlsmgm_bytes der) {
    /* Where the whole chain is checked against CRLs, being named is not enough. */
    if (trust->crl_check_all && trust->crls.count > 0) return false;
    for (size_t i = 0; i < trust->cas.count; i++) {
        const struct tlsmgm_blob *ca = &trust->cas.items[i];
        if (ca->size == der.size && memcmp(ca->data, der.data, der.size) == 0) return true;
    }
    return false;
}

/* The names that a server sends in its CertificateRequest, so that clients choose well. */
static enum tlsmgm_status announce_cas(struct tlsmgm_ctx *ctx, struct tlsmgm_error *error) {
    for (size_t i = 0; i < ctx->trust->ca_list_count; i++) {
        const struct tlsmgm_blob *der = &ctx->trust->cas.items[i];
        const unsigned char *data = der->data;
        WOLFSSL_X509 *certificate = wolfSSL_d2i_X509(NULL, &data, (int)der->size);
        int result = certificate == NULL ? WOLFSSL_FAILURE
                                         : wolfSSL_CTX_add_client_CA(ctx->ssl_ctx, certificate);
        wolfSSL_X509_free(certificate);
        if (result != WOLFSSL_SUCCESS) {
            return tlsmgm_fail_parameter(error, "ca_list", "a CA certificate cannot be used");
        }
    }
    return TLSMGM_OK;
}

enum tlsmgm_status wssl_trust_new(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                  struct tlsmgm_error *error) {
    const char *parameter;
    int code = 0;
    struct wssl_trust *trust = tlsmgm_calloc(1, sizeof *trust);
    if (trust == NULL) return tlsmgm_fail_memory(error);
    if (pthread_mutex_init(&trust->lock, NULL) != 0) {
        tlsmgm_free(trust);
        return tlsmgm_fail_memory(error);
    }
    ctx->trust = trust;
    trust->crl_check_all = config->crl_check_all;
    if (tlsmgm_source_is_given(&config->ocsp_response)) trust->stapling = WSSL_STAPLE;
    if (config->require_staple) trust->stapling = WSSL_REQUIRE_STAPLE;
    enum tlsmgm_status status = read_sources(trust, config, error);
    if (status != TLSMGM_OK) return status;
    WOLFSSL_X509_STORE *store = build_store(trust, &parameter, &code);
    if (store == NULL) {
        return wssl_fail_parameter(error, parameter, "a CA certificate or CRL cannot be used",
                                   code);
    }
    wssl_trust_return(trust, store, 0); /* stale at once if a CA changes before the first loan */
    trust->stale_at = next_change(trust, (int64_t)time(NULL));
    return config->is_server ? announce_cas(ctx, error) : TLSMGM_OK;
}

void wssl_trust_free(struct wssl_trust *trust) {
    if (trust == NULL) return;
    for (size_t i = 0; i < trust->idle_count; i++) wolfSSL_X509_STORE_free(trust->idle[i]);
    (void)pthread_mutex_destroy(&trust->lock);
    list_free(&trust->cas);
    list_free(&trust->crls);
    tlsmgm_free(trust);
}
