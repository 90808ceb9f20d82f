/* The table of the wolfSSL backend, and what wolfSSL keeps for the whole process. */
#include "backends/wolfssl/backend.h"

#include <pthread.h>

#include "backends/wolfssl/internal.h"
#include "base/error.h"
#include "kit/library_version.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

static void init_once(void) {
    wssl_memory_init();
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) return;
    wssl_ciphers_init();
    ready = wssl_cipher_name(0) != NULL;
}

/* wolfSSL's number has three digits of sixteen for each part but the first: 0x05009002 is 5.9.2. */
static struct tlsmgm_series series_of(word32 number) {
    return (struct tlsmgm_series){number >> 24, number >> 12 & 0xfff};
}

static enum tlsmgm_status init(struct tlsmgm_error *error) {
    struct tlsmgm_series compiled = series_of(LIBWOLFSSL_VERSION_HEX);
    struct tlsmgm_series running = series_of(wolfSSL_lib_version_hex());
    enum tlsmgm_status status = tlsmgm_series_check("wolfSSL", compiled, running, error);
    if (status != TLSMGM_STATUS_OK) return status;
    (void)pthread_once(&once, init_once);
    if (ready) return TLSMGM_STATUS_OK;
    return tlsmgm_fail(error, TLSMGM_STATUS_INTERNAL, "wolfSSL cannot be initialised");
}

static const char *version(void) { return wolfSSL_lib_version(); }

static uint32_t features(void) {
    uint32_t bits =
        TLSMGM_FEATURE_TLS1_3 | TLSMGM_FEATURE_DH_PARAMS | TLSMGM_FEATURE_SESSION_EXPORT;
#if defined(WOLFSSL_HAVE_MLKEM)
    bits |= TLSMGM_FEATURE_MLKEM;
#endif
    return bits;
}

const struct tlsmgm_backend tlsmgm_wolfssl_backend = {
    .contract_version = TLSMGM_CONTRACT_VERSION,
    .name = "wolfssl",
    .init = init,
    .version = version,
    .features = features,
    .cipher_name = wssl_cipher_name,
    .ctx_new = wssl_ctx_new,
    .ctx_ref = tlsmgm_ctx_base_ref,
    .ctx_free = wssl_ctx_free,
    .ctx_certificate = tlsmgm_ctx_base_certificate,
    .conn_new = wssl_conn_new,
    .conn_free = wssl_conn_free,
    .feed = tlsmgm_conn_base_feed,
    .lend_input = tlsmgm_conn_base_lend_input,
    .reclaim_input = tlsmgm_conn_base_reclaim_input,
    .feed_eof = tlsmgm_conn_base_feed_eof,
    .output = tlsmgm_conn_base_output,
    .output_consume = tlsmgm_conn_base_output_consume,
    .lend_output = tlsmgm_conn_base_lend_output,
    .reclaim_output = tlsmgm_conn_base_reclaim_output,
    .handshake = wssl_handshake,
    .read = wssl_read,
    .write = wssl_write,
    .shutdown = wssl_shutdown,
    .conn_info = wssl_conn_info,
    .cipher_description = wssl_cipher_description,
    .peer_certificate = wssl_peer_certificate,
    .own_certificate = wssl_own_certificate,
    .finished = wssl_finished,
    .signatures = wssl_signatures,
    .export_keying_material = wssl_export_keying_material,
    .conn_session = wssl_conn_session,
    .session_free = wssl_session_free,
    .session_export = wssl_session_export,
    .session_import = wssl_session_import,
};
