/*
 * Keying material for programs (RFC 5705, RFC 8446 section 7.5). wolfSSL exports it from what it
 * remembers of the handshake, some 10 kB for as long as the connection lasts. So the secrets that
 * it follows from are kept here instead.
 */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"
#include "base/count.h"
#include "base/wipe.h"

/* After options.h. */
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/kdf.h>

#define CONTEXT_MAX  UINT16_MAX /* what two bytes of length can say */
#define OUTPUT_MAX   UINT16_MAX
#define LABEL_MAX    249 /* 255 with "tls13 " in front */
#define PRF_SHA256   sha256_mac
#define PRF_SHA384   sha384_mac
#define SHA384_BYTES 48
#define RANDOM_SIZE  32
#define MASTER_SIZE  48

/* RFC 5246 names them for the protocol's own use, and RFC 7627 one more. */
static bool is_reserved(struct tlsmgm_bytes label) {
    static const char *const reserved[] = {"client finished", "server finished", "master secret",
                                           "extended master secret", "key expansion"};
    for (size_t i = 0; i < TLSMGM_COUNT(reserved); i++) {
        size_t size = strlen(reserved[i]);
        if (label.size >= size && memcmp(label.data, reserved[i], size) == 0) return true;
    }
    return false;
}

void wssl_exporter_keep(struct tlsmgm_conn *conn, const uint8_t *secret, size_t size) {
    struct wssl_exporter *exporter = &conn->exporter;
    if (size > sizeof exporter->secret) return;
    memcpy(exporter->secret, secret, size);
    exporter->secret_size = (uint8_t)size;
}

/*
 * The master secret of TLS 1.2, and the randoms that belong to it. The session has another one on a
 * server that resumes.
 */
static void keep_master_secret(struct tlsmgm_conn *conn) {
    struct wssl_exporter *exporter = &conn->exporter;
    const char *cipher = wssl_cipher_common_name(wolfSSL_get_cipher_name(conn->ssl));
    unsigned char *secret = NULL;
    unsigned char *of_server = NULL;
    unsigned char *of_client = NULL;
    unsigned size;
    unsigned server_size;
    unsigned client_size;
    if (cipher == NULL || wolfSSL_get_keys(conn->ssl, &secret, &size, &of_server, &server_size,
                                           &of_client, &client_size) != WOLFSSL_SUCCESS) {
        return;
    }
    if (size < MASTER_SIZE || client_size != RANDOM_SIZE || server_size != RANDOM_SIZE) return;
    wssl_exporter_keep(conn, secret, MASTER_SIZE); /* the room for it may be larger */
    memcpy(exporter->randoms, of_client, RANDOM_SIZE);
    memcpy(exporter->randoms + RANDOM_SIZE, of_server, RANDOM_SIZE);
    exporter->is_sha384 = strstr(cipher, "SHA384") != NULL;
}

/*
 * A client's handshake is not forgotten: a ticket may come in several records, and wolfSSL puts
 * them together where it remembers the handshake.
 */
void wssl_exporter_forget_handshake(struct tlsmgm_conn *conn) {
    if (wolfSSL_version(conn->ssl) < TLS1_3_VERSION) keep_master_secret(conn);
    if (conn->base.ctx->base.is_server) wolfSSL_FreeArrays(conn->ssl);
}

static bool expand(uint8_t *out, size_t size, const uint8_t *secret, size_t secret_size,
                   struct tlsmgm_bytes label, struct tlsmgm_bytes context) {
    static const uint8_t protocol[6] = {'t', 'l', 's', '1', '3', ' '};
    bool is_sha384 = secret_size == SHA384_BYTES;
    enum wc_HashType kind = is_sha384 ? WC_HASH_TYPE_SHA384 : WC_HASH_TYPE_SHA256;
    uint8_t digest[SHA384_BYTES];
    return wc_Hash(kind, context.data, (word32)context.size, digest, (word32)secret_size) == 0 &&
           wc_Tls13_HKDF_Expand_Label(out, (word32)size, secret, (word32)secret_size, protocol,
                                      sizeof protocol, label.data, (word32)label.size, digest,
                                      (word32)secret_size, (int)kind) == 0;
}

static bool export_tls13(const struct wssl_exporter *exporter, struct tlsmgm_bytes label,
                         struct tlsmgm_bytes context, uint8_t *out, size_t size) {
    static const uint8_t nothing[1];
    static const uint8_t word[8] = {'e', 'x', 'p', 'o', 'r', 't', 'e', 'r'};
    struct tlsmgm_bytes empty = {nothing, 0};
    uint8_t derived[SHA384_BYTES];
    bool good =
        expand(derived, exporter->secret_size, exporter->secret, exporter->secret_size, label,
               empty) &&
        expand(out, size, derived, exporter->secret_size, (struct tlsmgm_bytes){word, sizeof word},
               context.data == NULL ? empty : context);
    tlsmgm_wipe(derived, sizeof derived);
    return good;
}

static bool export_tls12(const struct wssl_exporter *exporter, struct tlsmgm_bytes label,
                         struct tlsmgm_bytes context, uint8_t *out, size_t size) {
    size_t seed_size = sizeof exporter->randoms;
    uint8_t *seed = tlsmgm_calloc(1, seed_size + 2 + context.size);
    if (seed == NULL) return false;
    memcpy(seed, exporter->randoms, seed_size);
    if (context.data != NULL) {
        seed[seed_size++] = (uint8_t)(context.size >> 8);
        seed[seed_size++] = (uint8_t)context.size;
        if (context.size > 0) memcpy(seed + seed_size, context.data, context.size);
        seed_size += context.size;
    }
    int result = wc_PRF_TLS(out, (word32)size, exporter->secret, exporter->secret_size, label.data,
                            (word32)label.size, seed, (word32)seed_size, 1,
                            exporter->is_sha384 ? PRF_SHA384 : PRF_SHA256, NULL, INVALID_DEVID);
    tlsmgm_free(seed);
    return result == 0;
}

bool wssl_exporter_export(const struct tlsmgm_conn *conn, struct tlsmgm_bytes label,
                          struct tlsmgm_bytes context, uint8_t *out, size_t size) {
    const struct wssl_exporter *exporter = &conn->exporter;
    if (exporter->secret_size == 0 || label.size > LABEL_MAX || context.size > CONTEXT_MAX ||
        size > OUTPUT_MAX || is_reserved(label)) {
        return false;
    }
    return wolfSSL_version(conn->ssl) >= TLS1_3_VERSION
               ? export_tls13(exporter, label, context, out, size)
               : export_tls12(exporter, label, context, out, size);
}
