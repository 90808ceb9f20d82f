/* The table of the OpenSSL backend. */
#include "backends/openssl/backend.h"

#include <openssl/crypto.h>

#include "backends/openssl/internal.h"

static const char *version(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }

static uint32_t features(void) {
    uint32_t bits = TLSMGM_FEATURE_TLS1_3 | TLSMGM_FEATURE_CIPHER_EXPRESSIONS |
                    TLSMGM_FEATURE_DH_PARAMS | TLSMGM_FEATURE_SESSION_EXPORT;
#ifndef OPENSSL_NO_TLS1
    bits |= TLSMGM_FEATURE_TLS1_0;
#endif
#ifndef OPENSSL_NO_TLS1_1
    bits |= TLSMGM_FEATURE_TLS1_1;
#endif
    if (OpenSSL_version_num() >= 0x30500000UL) bits |= TLSMGM_FEATURE_MLKEM;
    if (OpenSSL_version_num() >= 0x40000000UL) bits |= TLSMGM_FEATURE_RFC7919;
    return bits;
}

const struct tlsmgm_backend tlsmgm_openssl_backend = {
    .contract_version = TLSMGM_CONTRACT_VERSION,
    .name = "openssl",
    .init = ossl_init,
    .version = version,
    .features = features,
    .cipher_name = ossl_cipher_name,
    .ctx_new = ossl_ctx_new,
    .ctx_ref = tlsmgm_ctx_base_ref,
    .ctx_free = ossl_ctx_free,
    .ctx_certificate = tlsmgm_ctx_base_certificate,
    .conn_new = ossl_conn_new,
    .conn_free = ossl_conn_free,
    .feed = tlsmgm_conn_base_feed,
    .lend_input = tlsmgm_conn_base_lend_input,
    .reclaim_input = tlsmgm_conn_base_reclaim_input,
    .feed_eof = tlsmgm_conn_base_feed_eof,
    .output = tlsmgm_conn_base_output,
    .output_consume = tlsmgm_conn_base_output_consume,
    .lend_output = tlsmgm_conn_base_lend_output,
    .reclaim_output = tlsmgm_conn_base_reclaim_output,
    .handshake = ossl_handshake,
    .read = ossl_read,
    .write = ossl_write,
    .shutdown = ossl_shutdown,
    .conn_info = ossl_conn_info,
    .cipher_description = ossl_cipher_description,
    .peer_certificate = ossl_peer_certificate,
    .own_certificate = ossl_own_certificate,
    .finished = ossl_finished,
    .signatures = ossl_signatures,
    .export_keying_material = ossl_export_keying_material,
    .conn_session = ossl_conn_session,
    .session_free = ossl_session_free,
    .session_export = ossl_session_export,
    .session_import = ossl_session_import,
};
