#include "wolfssl_context.h"

#include <string.h>
#include <strings.h>

/* wolfSSL has numbers for these. */
static const struct {
    int number; /* IANA, TLS Supported Groups */
    const char *name;
} groups[] = {
    {23, "P-256"},     {23, "secp256r1"}, {23, "prime256v1"},       {24, "P-384"},
    {24, "secp384r1"}, {29, "X25519"},    {4588, "X25519MLKEM768"},
};

static int group_number(const char *name) {
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (strcasecmp(groups[i].name, name) == 0) return groups[i].number;
    }
    return 0;
}

static bool set_groups(WOLFSSL_CTX *ssl_ctx, const struct bench_setting *setting, bool is_server) {
    char list[BENCH_GROUPS_SIZE];
    char *rest = NULL;
    int numbers[4];
    int count = 0;
    bench_setting_groups(setting, is_server, list);
    for (char *name = strtok_r(list, ":", &rest); name != NULL && count < 4;
         name = strtok_r(NULL, ":", &rest)) {
        int number = group_number(name);
        if (number == 0) return false;
        numbers[count++] = number;
        /* What a client offers in TLS 1.2; the list below is for TLS 1.3. */
        if (!is_server &&
            wolfSSL_CTX_UseSupportedCurve(ssl_ctx, (word16)number) != WOLFSSL_SUCCESS) {
            return false;
        }
    }
    return wolfSSL_CTX_set_groups(ssl_ctx, numbers, count) == WOLFSSL_SUCCESS;
}

static bool pin(WOLFSSL_CTX *ssl_ctx, const struct bench_setting *setting, bool is_server,
                struct bench_fault *fault) {
    if (wolfSSL_CTX_set_min_proto_version(ssl_ctx, setting->version) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_max_proto_version(ssl_ctx, setting->version) != WOLFSSL_SUCCESS) {
        return bench_fail(fault, "the version cannot be pinned");
    }
    if (wolfSSL_CTX_set_cipher_list(ssl_ctx, setting->cipher) != WOLFSSL_SUCCESS) {
        return bench_fail(fault, "wolfSSL cannot use the cipher \"%s\"", setting->cipher);
    }
    return set_groups(ssl_ctx, setting, is_server) ||
           bench_fail(fault, "wolfSSL cannot use the group \"%s\"", setting->group);
}

static bool use_identity(WOLFSSL_CTX *ssl_ctx, const char *certificate, const char *key,
                         struct bench_fault *fault) {
    if (wolfSSL_CTX_use_certificate_chain_file(ssl_ctx, certificate) != WOLFSSL_SUCCESS) {
        return bench_fail(fault, "certificate: no readable PEM in %.200s", certificate);
    }
    if (wolfSSL_CTX_use_PrivateKey_file(ssl_ctx, key, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS) {
        return true;
    }
    return bench_fail(fault, "key: no readable PEM in %.200s", key);
}

static bool trust(WOLFSSL_CTX *ssl_ctx, const char *ca, int mode, struct bench_fault *fault) {
    wolfSSL_CTX_set_verify(ssl_ctx, mode, NULL);
    if (wolfSSL_CTX_load_verify_locations(ssl_ctx, ca, NULL) == WOLFSSL_SUCCESS) return true;
    return bench_fail(fault, "ca: no readable PEM in %.200s", ca);
}

/* The name is given to each connection. */
static bool configure_server(WOLFSSL_CTX *ssl_ctx, const struct bench_setting *setting,
                             struct bench_fault *fault) {
    int mode = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    if (setting->tickets) {
        if (wolfSSL_CTX_UseSessionTicket(ssl_ctx) != WOLFSSL_SUCCESS) {
            return bench_fail(fault, "wolfSSL gives no tickets");
        }
    } else {
        (void)wolfSSL_CTX_NoTicketTLSv12(ssl_ctx);
        (void)wolfSSL_CTX_no_ticket_TLSv13(ssl_ctx);
    }
    if (setting->mutual) {
        wolfSSL_CTX_set_client_CA_list(ssl_ctx, wolfSSL_load_client_CA_file(setting->ca));
        if (!trust(ssl_ctx, setting->ca, mode, fault)) return false;
    } else {
        wolfSSL_CTX_set_verify(ssl_ctx, WOLFSSL_VERIFY_NONE, NULL);
    }
    return use_identity(ssl_ctx, setting->certificate, setting->key, fault);
}

static bool configure_client(WOLFSSL_CTX *ssl_ctx, const struct bench_setting *setting,
                             struct bench_fault *fault) {
    if (*setting->ca != '\0') {
        if (!trust(ssl_ctx, setting->ca, WOLFSSL_VERIFY_PEER, fault)) return false;
    } else {
        wolfSSL_CTX_set_verify(ssl_ctx, WOLFSSL_VERIFY_NONE, NULL);
    }
    if (wolfSSL_CTX_UseSessionTicket(ssl_ctx) != WOLFSSL_SUCCESS) {
        return bench_fail(fault, "wolfSSL takes no tickets");
    }
    if (*setting->client_certificate == '\0') return true;
    return use_identity(ssl_ctx, setting->client_certificate, setting->client_key, fault);
}

static bool configure(WOLFSSL_CTX *ssl_ctx, const struct bench_setting *setting, bool is_server,
                      struct bench_fault *fault) {
    (void)wolfSSL_CTX_set_session_cache_mode(ssl_ctx, WOLFSSL_SESS_CACHE_OFF);
    return pin(ssl_ctx, setting, is_server, fault) &&
           (is_server ? configure_server(ssl_ctx, setting, fault)
                      : configure_client(ssl_ctx, setting, fault));
}

bool bench_wolfssl_context(const struct bench_setting *setting, bool is_server, WOLFSSL_CTX **out,
                           struct bench_fault *fault) {
    WOLFSSL_CTX *ssl_ctx =
        wolfSSL_CTX_new(is_server ? wolfSSLv23_server_method() : wolfSSLv23_client_method());
    *out = NULL;
    if (ssl_ctx == NULL) return bench_fail(fault, "out of memory");
    if (!configure(ssl_ctx, setting, is_server, fault)) {
        wolfSSL_CTX_free(ssl_ctx);
        return false;
    }
    *out = ssl_ctx;
    return true;
}
