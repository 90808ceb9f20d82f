/* What OpenSSL keeps for the whole process. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "backends/openssl/internal.h"
#include "base/error.h"
#include "kit/cipher_list.h"
#include "kit/library_version.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method;
static EVP_CIPHER *ticket_cipher;
static struct tlsmgm_cipher_names cipher_names;

BIO_METHOD *ossl_bio_method(void) { return bio_method; }
const EVP_CIPHER *ossl_ticket_cipher(void) { return ticket_cipher; }

static int wire_read(BIO *bio, char *data, size_t size, size_t *count) {
    struct tlsmgm_conn *conn = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = tlsmgm_wire_take(&conn->base.wire, (uint8_t *)data, size);
    if (*count > 0) return 1;
    BIO_set_retry_read(bio);
    return 0;
}

static int wire_write(BIO *bio, const char *data, size_t size, size_t *count) {
    struct tlsmgm_conn *conn = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = 0;
    if (tlsmgm_wire_put(&conn->base.wire, (const uint8_t *)data, size) == TLSMGM_STATUS_OK) {
        *count = size;
        return 1;
    }
    BIO_set_retry_write(bio);
    return 0;
}

static long wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static bool create_bio_method(void) {
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tlsmgm wire");
    return bio_method != NULL && BIO_meth_set_read_ex(bio_method, wire_read) == 1 &&
           BIO_meth_set_write_ex(bio_method, wire_write) == 1 &&
           BIO_meth_set_ctrl(bio_method, wire_control) == 1;
}

/* Every suite this library can be told to use, whatever its default security level forbids. */
static void list_ciphers(void) {
    SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_method());
    if (ssl_ctx == NULL) return;
    (void)SSL_CTX_set_cipher_list(ssl_ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0");
    (void)SSL_CTX_set_ciphersuites(ssl_ctx, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                                            "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:"
                                            "TLS_AES_128_CCM_8_SHA256");
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ssl_ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        tlsmgm_cipher_names_add(&cipher_names,
                                SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
    }
    SSL_CTX_free(ssl_ctx);
}

/*
 * No configuration file: a host's openssl.cnf must not change what a domain allows. No atexit
 * handler: connections of a Python program may live until its very end.
 */
static void init_once(void) {
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1) return;
    if (!create_bio_method()) return;
    ticket_cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    list_ciphers();
    ossl_clear_errors();
}

enum tlsmgm_status ossl_init(struct tlsmgm_error *error) {
    struct tlsmgm_series compiled = {OPENSSL_VERSION_MAJOR, OPENSSL_VERSION_MINOR};
    struct tlsmgm_series running = {OPENSSL_version_major(), OPENSSL_version_minor()};
    enum tlsmgm_status status = tlsmgm_series_check("OpenSSL", compiled, running, error);
    if (status != TLSMGM_STATUS_OK) return status;
    (void)pthread_once(&once, init_once);
    if (cipher_names.count > 0 && ticket_cipher != NULL) return TLSMGM_STATUS_OK;
    return tlsmgm_fail(error, TLSMGM_STATUS_INTERNAL, "OpenSSL cannot be initialised");
}

bool ossl_cipher_is_known(struct tlsmgm_bytes word) {
    return tlsmgm_cipher_names_have(&cipher_names, word);
}

const char *ossl_cipher_name(size_t index) { return tlsmgm_cipher_names_at(&cipher_names, index); }
