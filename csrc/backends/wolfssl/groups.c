/* Key exchange groups: the names that OpenSSL users write, and their numbers on the wire. */
#include <string.h>
#include <strings.h>

#include "backends/wolfssl/internal.h"
#include "base/count.h"
#include "base/error.h"

/*
 * What a client offers that has no list: nearly OpenSSL's, with its key shares. wolfSSL would put
 * the slowest curves in front, and send a share of the hybrid group alone, so that a server without
 * that one asks for another hello, and others take P-521.
 */
#define CLIENT_CURVES "x25519:secp256r1:secp384r1:secp521r1:ffdhe2048"
#ifdef WOLFSSL_HAVE_MLKEM
#define CLIENT_GROUPS "X25519MLKEM768:" CLIENT_CURVES
#define CLIENT_SHARES 2
#else
#define CLIENT_GROUPS CLIENT_CURVES
#define CLIENT_SHARES 1
#endif

struct group_name {
    const char *name;
    int number; /* IANA, TLS Supported Groups */
};

static const struct group_name group_names[] = {
    {"secp256r1", 23},
    {"prime256v1", 23},
    {"P-256", 23},
    {"secp384r1", 24},
    {"P-384", 24},
    {"secp521r1", 25},
    {"P-521", 25},
    {"brainpoolP256r1", 26},
    {"brainpoolP384r1", 27},
    {"brainpoolP512r1", 28},
    {"x25519", 29},
    {"x448", 30},
    {"ffdhe2048", 256},
    {"ffdhe3072", 257},
    {"ffdhe4096", 258},
    {"ffdhe6144", 259},
    {"ffdhe8192", 260},
    {"SecP256r1MLKEM768", 4587},
    {"X25519MLKEM768", 4588},
    {"SecP384r1MLKEM1024", 4589},
};

static int group_number(const char *name, size_t size) {
    for (size_t i = 0; i < TLSMGM_COUNT(group_names); i++) {
        if (strlen(group_names[i].name) == size &&
            strncasecmp(group_names[i].name, name, size) == 0) {
            return group_names[i].number;
        }
    }
    return 0;
}

/* wolfSSL writes these names in capitals; the first entry of a number is the common one. */
const char *wssl_group_common_name(const char *native) {
    if (native == NULL) return NULL;
    int number = group_number(native, strlen(native));
    for (size_t i = 0; i < TLSMGM_COUNT(group_names); i++) {
        if (number != 0 && group_names[i].number == number) return group_names[i].name;
    }
    return native;
}

/*
 * In TLS 1.2 a wolfSSL server takes what the client likes, unless all other curves are disabled,
 * which only this function of the compatibility layer does. It knows no groups but curves.
 */
static bool disable_other_curves(WOLFSSL_CTX *ssl_ctx, const int *numbers, int count) {
    static const char *const names[] = {[23] = "SECP256R1",       [24] = "SECP384R1",
                                        [25] = "SECP521R1",       [26] = "BRAINPOOLP256R1",
                                        [27] = "BRAINPOOLP384R1", [28] = "BRAINPOOLP512R1",
                                        [29] = "X25519",          [30] = "X448"};
    char list[WSSL_GROUPS_MAX * 16] = "";
    for (int i = 0; i < count; i++) {
        if (numbers[i] >= (int)TLSMGM_COUNT(names) || names[numbers[i]] == NULL) continue;
        if (*list != '\0') strcat(list, ":");
        strcat(list, names[numbers[i]]);
    }
    return *list == '\0' || wolfSSL_CTX_set1_curves_list(ssl_ctx, list) == WOLFSSL_SUCCESS;
}

enum tlsmgm_status wssl_set_groups(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   struct tlsmgm_error *error) {
    const char *groups = config->groups;
    if (groups == NULL && ctx->base.is_server) return TLSMGM_STATUS_OK;
    if (groups == NULL) {
        bool speaks_1_3 = config->highest_version == 0 || config->highest_version >= TLS1_3_VERSION;
        groups = speaks_1_3 ? CLIENT_GROUPS : CLIENT_CURVES;
        ctx->share_count = speaks_1_3 ? CLIENT_SHARES : 0;
    }
    for (const char *word = groups; *word != '\0';) {
        size_t size = strcspn(word, ":");
        int number = group_number(word, size);
        if (number == 0) {
            return tlsmgm_fail_parameter(error, "ec_curve", "wolfSSL knows no curve \"%.*s\"",
                                         (int)size, word);
        }
        if (ctx->group_count == WSSL_GROUPS_MAX) {
            return tlsmgm_fail_parameter(error, "ec_curve", "wolfSSL takes at most %d curves",
                                         WSSL_GROUPS_MAX);
        }
        ctx->groups[ctx->group_count++] = number;
        word += size;
        if (*word == ':') word++;
    }
    if (ctx->group_count > 0 && disable_other_curves(ctx->ssl_ctx, ctx->groups, ctx->group_count) &&
        wolfSSL_CTX_set_groups(ctx->ssl_ctx, ctx->groups, ctx->group_count) == WOLFSSL_SUCCESS) {
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_fail_parameter(error, "ec_curve", "this wolfSSL cannot do all of \"%s\"", groups);
}

enum tlsmgm_status wssl_send_shares(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    const struct tlsmgm_ctx *ctx = conn->base.ctx;
    if (wolfSSL_version(conn->ssl) < TLS1_3_VERSION)
        return TLSMGM_STATUS_OK; /* that of the session */
    for (int i = 0; i < ctx->share_count; i++) {
        int result = wolfSSL_UseKeyShare(conn->ssl, (word16)ctx->groups[i]);
        if (result == MEMORY_E) return tlsmgm_fail_memory(error);
        if (result != WOLFSSL_SUCCESS) {
            return wssl_fail_parameter(error, "ec_curve", "no key share can be made", result);
        }
    }
    return TLSMGM_STATUS_OK;
}

bool wssl_has_group_of(const struct tlsmgm_ctx *ctx, struct tlsmgm_bytes offered) {
    if (ctx->group_count == 0) return true;
    for (size_t at = 0; at + 2 <= offered.size; at += 2) {
        int number = offered.data[at] << 8 | offered.data[at + 1];
        for (int i = 0; i < ctx->group_count; i++) {
            if (ctx->groups[i] == number) return true;
        }
    }
    return false;
}
