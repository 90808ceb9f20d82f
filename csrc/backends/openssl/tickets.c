/* Session tickets sealed with the key ring of the domain (RFC 5077 section 4). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/alloc.h"
#include "base/wipe.h"

/* What SSL_CTX_set_tlsext_ticket_key_evp_cb() wants to hear. */
enum ticket_answer {
    TICKET_FAILED = -1,
    TICKET_UNKNOWN_KEY = 0, /* full handshake */
    TICKET_GOOD = 1,
    TICKET_GOOD_RENEW = 2, /* opened with an older key: seal a new one */
};

static bool start_mac(EVP_MAC_CTX *mac, struct tlsmgm_ticket_key *key) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

static int seal(struct tlsmgm_ticket_keys *keys, unsigned char *name, unsigned char *iv,
                EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
    struct tlsmgm_ticket_key key;
    if (!tlsmgm_ticket_keys_current(keys, &key)) return TICKET_FAILED;
    memcpy(name, key.name, sizeof key.name);
    bool good = RAND_bytes(iv, EVP_CIPHER_get_iv_length(ossl_ticket_cipher())) == 1 &&
                EVP_EncryptInit_ex2(cipher, ossl_ticket_cipher(), key.cipher, iv, NULL) == 1 &&
                start_mac(mac, &key);
    tlsmgm_wipe(&key, sizeof key);
    return good ? TICKET_GOOD : TICKET_FAILED;
}

/* In TLS 1.3 a ticket is for one use, so whoever resumes is given the next (RFC 8446 C.4). */
static int open_ticket(struct tlsmgm_ticket_keys *keys, bool one_use, const unsigned char *name,
                       const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
    struct tlsmgm_ticket_key key;
    bool is_current;
    if (!tlsmgm_ticket_keys_find(keys, name, &key, &is_current)) return TICKET_UNKNOWN_KEY;
    bool good = EVP_DecryptInit_ex2(cipher, ossl_ticket_cipher(), key.cipher, iv, NULL) == 1 &&
                start_mac(mac, &key);
    tlsmgm_wipe(&key, sizeof key);
    if (!good) return TICKET_FAILED;
    return is_current && !one_use ? TICKET_GOOD : TICKET_GOOD_RENEW;
}

int ossl_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing) {
    struct tlsmgm_ctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return sealing ? seal(ctx->base.ticket_keys, name, iv, cipher, mac)
                   : open_ticket(ctx->base.ticket_keys, SSL_version(ssl) >= TLS1_3_VERSION, name,
                                 iv, cipher, mac);
}
